import { describe, expect, test } from 'bun:test'
import { connect, createServer, type Socket } from 'node:net'
import { AF_INET, ERRNO, SOCK_STREAM } from '../../ffi/constants.ts'
import { openLibc } from '../../ffi/libc.bun.ts'
import { isLibc, type Libc } from '../../ffi/libc.ts'
import { Sockets } from '../../ffi/socket.ts'
import { Roster } from '../../ffi/watch/roster.ts'
import { createFakeLibc } from '../support/fake-libc.ts'

const opened = openLibc()
if (!isLibc(opened)) throw new Error(opened.message)
const libc: Libc = opened

/** Connected pairs on loopback, and the number of each accepted socket. */
async function pairs(
  count: number,
): Promise<{ numbers: number[]; clients: Socket[]; accepted: Socket[]; end(): void }> {
  const accepted: Socket[] = []
  const { promise: all, resolve } = Promise.withResolvers<void>()
  const server = createServer((socket) => {
    socket.on('error', () => {})
    if (accepted.push(socket) === count) resolve()
  })
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening))
  const { port } = server.address() as { port: number }
  const clients = Array.from({ length: count }, () => connect(port, '127.0.0.1').on('error', () => {}))
  await all
  const sockets = new Sockets(libc)
  const numbers = accepted.map(({ remotePort }) => {
    for (let fd = 0; fd < 4096; fd++) if (sockets.peerName(fd) > 0 && sockets.port() === remotePort) return fd
    throw new Error(`no descriptor has the peer port ${remotePort}`)
  })
  const end = (): void => {
    for (const socket of [...clients, ...accepted]) socket.destroy()
    server.close()
  }
  return { numbers, clients, accepted, end }
}

/** The numbers that it tells of, and those among them that are readable. */
function asked(roster: Roster): { open: number[]; readable: number[] } {
  const open: number[] = []
  const readable: number[] = []
  roster.ask((fd, isReadable) => {
    open.push(fd)
    if (isReadable) readable.push(fd)
  })
  return { open: open.sort((a, b) => a - b), readable }
}

describe('Roster', () => {
  test('tells of the sockets that are still open, not of their successors, and of what waits to be read', async () => {
    const roster = new Roster(libc)
    const { numbers, clients, accepted, end } = await pairs(3)
    try {
      asked(roster)
      for (const fd of numbers) expect(roster.add(fd)).toBe(true)
      expect(asked(roster)).toEqual({ open: [...numbers].sort((a, b) => a - b), readable: [] })
      const [first, second, third] = numbers as [number, number, number]
      // The same socket once more, and a number that is not open.
      expect(roster.add(first)).toBe(true)
      expect(roster.add(4095)).toBe(false)
      roster.remove(third)
      expect(asked(roster).open).toEqual([first, second].sort((a, b) => a - b))
      accepted[0]!.pause()
      const { promise: isClosed, resolve } = Promise.withResolvers<void>()
      accepted[1]!.once('close', () => resolve())
      accepted[1]!.destroy()
      await isClosed
      // Sockets are opened until one has its number.
      const others: number[] = []
      do others.push(libc.socket(AF_INET, SOCK_STREAM, 0))
      while (others.at(-1)! < second)
      expect(others).toContain(second)
      expect(asked(roster).open).toEqual([first])
      for (const one of others) libc.close(one)
      clients[0]!.write('x')
      while (asked(roster).readable.length === 0) await Bun.sleep(1)
      expect(asked(roster)).toEqual({ open: [first], readable: [first] })
      clients[0]!.resetAndDestroy()
      while (asked(roster).open.length > 0) await Bun.sleep(1)
    } finally {
      end()
      roster.close()
    }
  })

  test('has room for 64, and for others as some go', () => {
    const fake = createFakeLibc()
    const roster = new Roster(fake)
    asked(roster)
    const numbers = Array.from({ length: 70 }, (_, i) => fake.open({ peer: 1000 + i }))
    expect(numbers.filter((fd) => roster.add(fd))).toEqual(numbers.slice(0, 64))
    expect(roster.isFull).toBe(true)
    expect(asked(roster).open).toEqual(numbers.slice(0, 64))
    fake.shut(numbers[0]!)
    roster.forget(numbers[0]!)
    expect(roster.isFull).toBe(false)
    expect(roster.add(numbers[69]!)).toBe(true)
    expect(asked(roster).open).toEqual([...numbers.slice(1, 64), numbers[69]!])
  })

  test('knows the peer of a number once that was noted, and not that of the one before in its place', () => {
    const fake = createFakeLibc()
    const roster = new Roster(fake)
    const sockets = new Sockets(fake)
    asked(roster)
    const [first, second] = [fake.open({ peer: 1000 }), fake.open({ peer: 1001 })]
    roster.add(first)
    roster.setPeer(first, sockets, sockets.peerName(first))
    const words = { w0: 0, w1: 0, w2: 0xffff, w3: 0x7f000001 }
    expect(roster.hasPeer(first, words)).toBe(true)
    expect(roster.hasPeer(first, { ...words, w3: 0x7f000002 })).toBe(false)
    expect(roster.hasPeer(first, { ...words, w2: 0 })).toBe(false)
    roster.forget(first)
    expect(roster.add(second)).toBe(true)
    expect(roster.hasPeer(second, words)).toBe(false)
  })

  test('is full while the kernel refuses it', () => {
    const fake = createFakeLibc()
    const roster = new Roster(fake)
    fake.refuse.set('epoll_create1', ERRNO.EMFILE)
    const fd = fake.open({ peer: 1000 })
    expect(asked(roster).open).toEqual([])
    expect(roster.isFull).toBe(true)
    expect(roster.add(fd)).toBe(false)
    fake.refuse.clear()
    asked(roster)
    expect(roster.add(fd)).toBe(true)
    expect(asked(roster).open).toEqual([fd])
    roster.close()
    expect(fake.sockets.size).toBe(4)
  })
})
