import { expect, test } from 'bun:test'
import { Capture } from '../../src/capture/capture.ts'
import { createFakeLibc } from '../support/fake-libc.ts'

test('what one fingerprinter wants of listeners that come later, no other takes back', async () => {
  const libc = createFakeLibc()
  const capture = new Capture(libc)
  const listen = (): number => libc.open({ listening: true, localPort: 80, deferAccept: 1 })
  try {
    const first = listen()
    capture.options.join({ syn: true, tcpInfo: 'off', deferAccept: 'clear', maxConnections: 5 }, true)
    capture.arm(undefined, () => {})
    capture.options.join({ syn: false, tcpInfo: 'request', deferAccept: 'keep', maxConnections: 1 }, false)
    capture.arm(undefined, () => {})
    expect(libc.sockets.get(first)).toMatchObject({ saveSyn: 1, deferAccept: 0 })
    libc.shut(first)
    const second = listen()
    for (let i = 0; i < 200 && libc.sockets.get(second)?.saveSyn !== 1; i++) await Bun.sleep(20)
    expect(libc.sockets.get(second)).toMatchObject({ saveSyn: 1, deferAccept: 0 })
  } finally {
    capture.close()
  }
})

test('after close() no listener is armed any more', async () => {
  const libc = createFakeLibc()
  const capture = new Capture(libc)
  capture.options.join({ syn: true, tcpInfo: 'off', deferAccept: 'clear', maxConnections: 5 }, true)
  capture.arm(undefined, () => {})
  capture.close()
  const late = libc.open({ listening: true, localPort: 80 })
  await Bun.sleep(1200)
  expect(libc.sockets.get(late)?.saveSyn).toBeUndefined()
})

test('a look for listeners asks nothing of the connections that are open', () => {
  const libc = createFakeLibc()
  const capture = new Capture(libc)
  libc.open({ listening: true, localPort: 80 })
  for (let i = 0; i < 500; i++) libc.open({ peer: 20_000 + i, localPort: 80 })
  libc.open({ listening: true, localPort: 81 })
  try {
    capture.arm(undefined, () => {})
    expect(capture.listening.armed.map((one) => one.port)).toEqual([80, 81])
    expect(libc.calls.getsockopt).toBeLessThan(40)
  } finally {
    capture.close()
  }
})
