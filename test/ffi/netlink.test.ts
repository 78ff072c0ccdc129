import { afterEach, describe, expect, test } from 'bun:test'
import { readdirSync } from 'node:fs'
import { ERRNO, NETLINK_SOCK_DIAG } from '../../ffi/constants.ts'
import { openLibc } from '../../ffi/libc.bun.ts'
import { isLibc, type Libc } from '../../ffi/libc.ts'
import { LocalAddresses } from '../../ffi/local-addresses.ts'
import { NetlinkSocket } from '../../ffi/netlink.ts'
import { SockDiag } from '../../ffi/sock-diag.ts'
import { type AddressWords, createAddressWords, parseAddress } from '../../src/wire/sockaddr.ts'
import { STATE } from '../../src/wire/tcp-info.ts'
import { needs } from '../lab/privilege.ts'
import { createFakeLibc } from '../support/fake-libc.ts'
import { seeded } from '../support/seeded.ts'

function words(text: string): AddressWords {
  const address = createAddressWords()
  expect(parseAddress(text, address)).toBe(true)
  return address
}

const LOCALHOST = words('127.0.0.1')

/** A kernel that gives these octets in answer to each receive, with the sequence number of the last request, and then `errno`. */
function answering(answers: readonly Uint8Array[], errno: number = ERRNO.EAGAIN): Libc & { readonly receives: number } {
  const fake = createFakeLibc()
  let sequence = 0
  let left: Uint8Array[] = []
  const state = { receives: 0 }
  return Object.assign(fake, {
    get receives() {
      return state.receives
    },
    socket: () => 9,
    bind: () => 0,
    close: () => 0,
    errno: () => errno,
    send: (_fd: number, buffer: Uint8Array, count: number) => {
      sequence = new DataView(buffer.buffer, buffer.byteOffset).getUint32(8, true)
      left = [...answers]
      return count
    },
    recv: (_fd: number, buffer: Uint8Array) => {
      state.receives++
      const next = left.shift()
      if (next === undefined) return -1
      buffer.set(next)
      if (next.length >= 12) new DataView(buffer.buffer).setUint32(8, sequence, true)
      return next.length
    },
  })
}

/** One netlink message. `length` may lie. */
function message(type: number, payload: Uint8Array, { length = 16 + payload.length, flags = 0 } = {}): Uint8Array {
  const octets = new Uint8Array(16 + payload.length)
  const view = new DataView(octets.buffer)
  view.setUint32(0, length, true)
  view.setUint16(4, type, true)
  view.setUint16(6, flags, true)
  octets.set(payload, 16)
  return octets
}

/** A `struct inet_diag_msg` of an IPv4 socket with a TCP_INFO of 8 octets. */
function socketPayload(): Uint8Array {
  const octets = new Uint8Array(72 + 12)
  const view = new DataView(octets.buffer)
  octets.set([2, 1], 0)
  view.setUint16(4, 80)
  view.setUint16(6, 40_000)
  octets.set([127, 0, 0, 1], 8)
  octets.set([192, 0, 2, 1], 24)
  view.setUint32(44, 7, true)
  view.setUint32(68, 99, true)
  view.setUint16(72, 12, true)
  view.setUint16(74, 2, true)
  return octets
}

const errorPayload = (errno: number): Uint8Array => new Uint8Array(new Int32Array([-errno, 0, 0, 0, 0]).buffer)

const look = (libc: Libc): number => new SockDiag(libc).lookup(LOCALHOST, 80, words('192.0.2.1'), 40_000)

describe('SockDiag', () => {
  test('lookup reads the socket that the kernel names', () => {
    const diag = new SockDiag(answering([message(20, socketPayload())]))
    expect(diag.lookup(LOCALHOST, 80, words('192.0.2.1'), 40_000, { info: true })).toBe(1)
    expect(diag.found).toMatchObject({ state: 1, localPort: 80, peerPort: 40_000, cookieLow: 7, inode: 99 })
    expect(diag.found.local).toEqual(LOCALHOST)
    expect(diag.found.peer).toEqual(words('192.0.2.1'))
    expect(diag.found.info?.byteLength).toBe(8)
  })

  test('a listener, and ENOENT, are no connection', () => {
    const listener = socketPayload()
    listener[1] = 10
    expect(look(answering([message(20, listener)]))).toBe(0)
    expect(look(answering([message(2, errorPayload(ERRNO.ENOENT))]))).toBe(0)
  })

  test('any other error, no answer and a refused socket say nothing', () => {
    for (const errno of [ERRNO.EPERM, ERRNO.EINVAL, ERRNO.EOPNOTSUPP]) {
      expect(look(answering([message(2, errorPayload(errno))]))).toBe(-1)
    }
    expect(look(answering([]))).toBe(-1)
    expect(look(createFakeLibc())).toBe(-1)
  })

  test('no prefix of an answer is taken for a whole one', () => {
    const whole = message(20, socketPayload())
    for (let octets = 0; octets < whole.length; octets++) {
      expect([octets, look(answering([whole.subarray(0, octets)]))]).toEqual([octets, -1])
    }
  })

  test('lengths that lie end the answer', () => {
    for (const length of [0, 1, 15, 17, 87, 1000, 0x7fff_ffff, 0xffff_ffff]) {
      expect([length, look(answering([message(20, socketPayload(), { length })]))]).toEqual([length, -1])
    }
    for (const length of [0, 1, 3, 13, 0xffff]) {
      const payload = socketPayload()
      new DataView(payload.buffer).setUint16(72, length, true)
      const diag = new SockDiag(answering([message(20, payload)]))
      expect(diag.lookup(LOCALHOST, 80, LOCALHOST, 40_000)).toBe(1)
      expect(diag.found.info).toBeUndefined()
    }
  })

  test('random octets never throw and never make it read on', () => {
    const random = seeded(12)
    for (let round = 0; round < 3000; round++) {
      const octets = Uint8Array.from({ length: Math.floor(random() * 200) }, () => Math.floor(random() * 256))
      if (octets.length > 8 && round % 2 === 0) new DataView(octets.buffer).setUint32(0, octets.length, true)
      const libc = answering(Array.from({ length: 50 }, () => octets))
      expect([0, 1, -1]).toContain(look(libc))
      expect(libc.receives).toBeLessThanOrEqual(2)
      new SockDiag(libc).dump({}, 10, () => true)
      expect(libc.receives).toBeLessThanOrEqual(2 + 2 * 12)
    }
  })

  test('a dump ends at its limit, is incomplete where the kernel says so, and complete at NLMSG_DONE', () => {
    const one = message(20, socketPayload())
    const done = message(3, new Uint8Array(4))
    const count = (answers: Uint8Array[], limit: number): [unknown, number] => {
      let seen = 0
      const end = new SockDiag(answering(answers)).dump({}, limit, () => {
        seen++
        return true
      })
      return [end, seen]
    }
    expect(count([one, one, done], 10)).toEqual(['complete', 2])
    expect(count([one, one, one, one], 2)).toEqual(['incomplete', 2])
    expect(count([message(20, socketPayload(), { flags: 0x10 }), done], 10)).toEqual(['interrupted', 1])
    expect(count([one], 10)).toEqual(['incomplete', 1])
  })
})

describe('NetlinkSocket', () => {
  test('a refusal is remembered until it is to be asked again', () => {
    const libc = createFakeLibc()
    const netlink = new NetlinkSocket(libc, NETLINK_SOCK_DIAG)
    for (let i = 0; i < 5; i++) expect(netlink.open()).toBe(false)
    expect(libc.calls.socket).toBe(1)
    netlink.retry()
    expect(netlink.open()).toBe(false)
    expect(libc.calls.socket).toBe(2)
    // There was no descriptor left, and there is one now.
    Object.assign(libc, { socket: () => 9 })
    expect(netlink.open()).toBe(false)
    netlink.retry()
    expect(netlink.open()).toBe(true)
  })

  test('hasNotice ends where notices never do, and takes an overflow for one', () => {
    const endless = Object.assign(answering([]), { recv: () => 16 })
    expect(new NetlinkSocket(endless, 0).hasNotice(64)).toBe(true)
    expect(new NetlinkSocket(answering([], ERRNO.ENOBUFS), 0).hasNotice(64)).toBe(true)
    expect(new NetlinkSocket(answering([], ERRNO.EAGAIN), 0).hasNotice(64)).toBe(false)
  })
})

const libcs: Libc[] = []
const real = (): Libc => {
  const libc = openLibc()
  if (!isLibc(libc)) throw new Error(libc.message)
  libcs.push(libc)
  return libc
}
const closers: { close(): void }[] = []
afterEach(() => {
  for (const one of closers.splice(0)) one.close()
})

needs('linux').describe('the kernel', () => {
  test('a walk goes on in pieces beside lookups, and leaves no descriptor', async () => {
    const server = Bun.listen({ hostname: '127.0.0.1', port: 0, socket: { data() {} } })
    const sockets = await Promise.all(
      Array.from({ length: 600 }, () =>
        Bun.connect({ hostname: '127.0.0.1', port: server.port, socket: { data() {} } }),
      ),
    )
    const ports = sockets.map(({ localPort }) => localPort)
    const diag = new SockDiag(real())
    closers.push(diag)
    const local = words('127.0.0.1')
    const look = (): number => diag.lookup(local, server.port, local, ports[0]!)
    expect(look()).toBe(1)
    const open = readdirSync('/proc/self/fd').length
    const seen = new Set<number>()
    const filter = { localPort: server.port, states: [STATE.ESTABLISHED] }
    const step = diag.walk(filter, 10_000, ({ peerPort }) => Boolean(seen.add(peerPort)))
    let pieces = 1
    for (; step() === undefined; pieces++) expect([look(), diag.found.peerPort]).toEqual([1, ports[0]!])
    expect(seen).toEqual(new Set(ports))
    expect(pieces).toBeGreaterThan(3)
    const givenUp = diag.walk(filter, 10_000, () => true)
    expect([givenUp(), givenUp(true)]).toEqual([undefined, 'incomplete'])
    expect(readdirSync('/proc/self/fd').length).toBe(open)
    for (const socket of sockets) socket.terminate()
    server.stop(true)
  })

  test('tells two connections from one port apart by their cookies, and finds neither after their end', async () => {
    const server = Bun.listen({ hostname: '0.0.0.0', port: 0, socket: { data() {} } })
    const diag = new SockDiag(real())
    closers.push(diag)
    const first = await Bun.connect({ hostname: '127.0.0.1', port: server.port, socket: { data() {} } })
    const local = words('127.0.0.1')
    try {
      expect(diag.lookup(local, server.port, LOCALHOST, first.localPort, { info: true })).toBe(1)
      const cookie = diag.found.cookieLow
      expect(diag.found.info!.byteLength).toBeGreaterThan(100)
      // The same connection from the other side.
      expect(diag.lookup(LOCALHOST, first.localPort, local, server.port)).toBe(1)
      expect(diag.found.cookieLow).not.toBe(cookie)
      expect(diag.lookup(words('127.0.0.2'), server.port, LOCALHOST, first.localPort)).toBe(0)
      const ports: number[] = []
      expect(diag.dump({ localPort: server.port, states: [1] }, 100, ({ peerPort }) => ports.push(peerPort) > 0)).toBe(
        'complete',
      )
      expect(ports).toEqual([first.localPort])
      expect(diag.dump({ localPort: server.port, peerPort: 1 }, 100, () => true)).toBe('complete')
    } finally {
      first.end()
      server.stop(true)
    }
  })

  test('local addresses that could not be read are read again when they are to be, and not before', () => {
    const libc = { ...real() }
    const { send } = libc
    let sent = 0
    libc.send = () => {
      sent++
      return -1
    }
    const addresses = new LocalAddresses(libc)
    closers.push(addresses)
    for (let i = 0; i < 3; i++) expect(addresses.ofFamily(LOCALHOST)).toBeUndefined()
    // One for each family.
    expect(sent).toBe(2)
    libc.send = send
    expect(addresses.ofFamily(LOCALHOST)).toBeUndefined()
    addresses.retry()
    expect(addresses.ofFamily(LOCALHOST)!.single.length).toBeGreaterThan(0)
  })

  test('lists 127.0.0.1 and ::1 among the local addresses, the same twice', () => {
    const addresses = new LocalAddresses(real())
    closers.push(addresses)
    const listed = addresses.ofFamily(LOCALHOST)!
    expect(listed.single).toContainEqual(LOCALHOST)
    expect(addresses.ofFamily(LOCALHOST)).toBe(listed)
    expect(addresses.ofFamily(words('2001:db8::1'))?.single).toBeDefined()
  })
})
