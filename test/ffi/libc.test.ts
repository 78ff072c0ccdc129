import { expect, test } from 'bun:test'
import { openLibc } from '../../ffi/libc.bun.ts'
import { isLibc, libcNames, sharedMapper } from '../../ffi/libc.ts'
import { Sockets } from '../../ffi/socket.ts'
import { SocketError } from '../../ffi/socket-error.ts'
import { needs } from '../lab/privilege.ts'

const linux = needs('linux')

linux.describe('Sockets over bun:ffi', () => {
  const libc = openLibc()
  if (!isLibc(libc)) throw new Error(libc.message)

  test('reads stay right long after the JIT has moved what it may move', async () => {
    // A stored ptr() of a small typed array gives wrong reads from about iteration 2,000 on.
    const sockets = new Sockets(libc)
    const server = Bun.listen({ hostname: '127.0.0.1', port: 0, socket: { data() {} } })
    const clients = await Promise.all(
      Array.from({ length: 8 }, () => Bun.connect({ hostname: '127.0.0.1', port: server.port, socket: { data() {} } })),
    )
    const truth = new Map<number, { port: number; low: number; high: number }>()
    for (let fd = 0; fd < 512; fd++) {
      if (sockets.peerName(fd) <= 0) continue
      const port = sockets.port()
      sockets.cookie(fd)
      truth.set(fd, { port, low: sockets.view.getUint32(0, true), high: sockets.view.getUint32(4, true) })
    }
    expect(truth.size).toBeGreaterThanOrEqual(16)
    let wrong = 0
    let reads = 0
    for (let round = 0; round < 8000; round++) {
      for (const [fd, { port, low, high }] of truth) {
        reads++
        if (sockets.peerName(fd) <= 0 || sockets.port() !== port || !sockets.hasCookie(fd, low, high)) wrong++
      }
    }
    expect(reads).toBeGreaterThan(50_000)
    expect(wrong).toBe(0)
    for (const client of clients) client.end()
    server.stop(true)
  })

  test('a refused option is a SocketError that names call, option and descriptor', () => {
    const sockets = new Sockets(libc)
    let seen: unknown
    try {
      sockets.setSaveSyn(0, 1)
    } catch (error) {
      seen = error
    }
    expect(seen).toBeInstanceOf(SocketError)
    expect(seen).toMatchObject({ syscall: 'setsockopt', option: 'TCP_SAVE_SYN', fd: 0 })
    expect((seen as SocketError).message).toMatch(
      /^Cannot set TCP_SAVE_SYN of descriptor 0: setsockopt failed with E[A-Z]+$/,
    )
  })

  test('a closed descriptor is nobody', () => {
    const sockets = new Sockets(libc)
    expect(sockets.peerName(1_000_000)).toBe(-1)
    expect(sockets.cookie(1_000_000)).toBe(false)
    expect(sockets.tcpInfo(1_000_000)).toBe(-1)
    expect(sockets.savedSyn(1_000_000)).toBe(-1)
  })
})

test('libcNames begins with the name that glibc and musl both answer to', () => {
  expect(libcNames('x64')).toEqual(['libc.so.6', 'libc.musl-x86_64.so.1', 'libc.so'])
  expect(libcNames('arm64')[1]).toBe('libc.musl-aarch64.so.1')
})

test('a mapping that fails, and one that the runtime has no view of, is none', () => {
  const words = new ArrayBuffer(64)
  const unmapped: number[] = []
  const mapper = (address: number, view: () => ArrayBuffer) =>
    sharedMapper(
      () => address,
      (at) => void unmapped.push(at),
      view,
    )(3, 64)
  for (const failed of [-1, 2 ** 64, Number.NaN, 0]) expect(mapper(failed, () => words)).toBeUndefined()
  expect(unmapped).toEqual([])
  const refuse = (): never => {
    throw new TypeError('no external array buffers')
  }
  expect(mapper(4096, refuse)).toBeUndefined()
  expect(unmapped).toEqual([4096])
  const mapped = mapper(8192, () => words)
  expect(mapped?.words.length).toBe(16)
  mapped!.unmap()
  expect(unmapped).toEqual([4096, 8192])
})
