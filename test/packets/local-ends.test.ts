import { expect, spyOn, test } from 'bun:test'
import type { Libc } from '../../ffi/libc.ts'
import type { DiagSocket, SockDiag } from '../../ffi/sock-diag.ts'
import { LocalEnds } from '../../src/packets/local-ends.ts'
import { createAddressWords, parseAddress } from '../../src/wire/sockaddr.ts'

const CLIENT = createAddressWords()
// All of 127.0.0.0/8 is local: no end can be looked up, all are listed.
parseAddress('127.0.0.1', CLIENT)

/** Ends by dumps alone, each of which calls `take`. */
function ends(take = () => {}) {
  const self = {
    dumps: 0,
    listed: [] as readonly DiagSocket[],
    find: () => local.find(CLIENT, 43_210, performance.now()),
  }
  const diag = {
    retry() {},
    dump(_filter: unknown, _limit: number, visit: (socket: DiagSocket) => boolean) {
      self.dumps++
      take()
      for (const one of self.listed) visit(one)
      return 'complete'
    },
  } as unknown as SockDiag
  const local = new LocalEnds({ socket: () => -1, errno: () => 1 } as unknown as Libc, diag, undefined)
  return self
}

test('after sixteen clients that were not found every sixteenth is searched, until one is found', () => {
  const one = ends()
  for (let i = 0; i < 16; i++) expect(one.find()).toBe('not-found')
  expect(one.dumps).toBe(16)
  for (let i = 0; i < 160; i++) expect(one.find()).toBe('not-found')
  expect(one.dumps).toBe(26)
  one.listed = [{ peer: CLIENT, local: CLIENT, localPort: 443 } as DiagSocket]
  expect(one.find()).toMatchObject({ port: 443 })
  expect(one.find()).toMatchObject({ port: 443 })
})

test('dumps take a tenth of the time, beyond that it is ambiguous', () => {
  let now = 1000
  const clock = spyOn(performance, 'now').mockImplementation(() => now)
  try {
    const one = ends(() => {
      now += 40
    })
    expect([one.find(), one.find()]).toEqual(['not-found', 'ambiguous'])
    now += 100
    expect(one.find()).toBe('ambiguous')
    expect(one.dumps).toBe(1)
    now += 20
    expect(one.find()).toBe('not-found')
    expect(one.dumps).toBe(2)
  } finally {
    clock.mockRestore()
  }
})
