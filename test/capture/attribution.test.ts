import { afterEach, describe, expect, test } from 'bun:test'
import { ERRNO, SO_COOKIE } from '../../ffi/constants.ts'
import type { DescriptorTable } from '../../ffi/descriptors/table.ts'
import { Sockets } from '../../ffi/socket.ts'
import { Attribution } from '../../src/capture/attribution.ts'
import { Capture } from '../../src/capture/capture.ts'
import { SearchContext } from '../../src/capture/search-context.ts'
import { Server } from '../../src/capture/server.ts'
import type { Connection, Reason } from '../../src/connection/connection.ts'
import { createAddressWords } from '../../src/wire/sockaddr.ts'
import { STATE, tcpInfoOffset } from '../../src/wire/tcp-info.ts'
import { createFakeLibc, type FakeLibc } from '../support/fake-libc.ts'

/** A TCP_INFO of a live connection that has received so many octets. */
function info(received: number, state: number = STATE.ESTABLISHED): Uint8Array {
  const octets = new Uint8Array(new ArrayBuffer(248))
  octets[0] = state
  new DataView(octets.buffer).setUint32(tcpInfoOffset('bytes_received'), received, true)
  return octets
}

const captures: Capture[] = []
afterEach(() => {
  for (const capture of captures.splice(0)) capture.close()
})

interface Scene {
  readonly libc: FakeLibc
  /** A connection from port 40,000 of which so many octets were read. */
  open(received: number): number
  ask(): Connection | Reason
}

/** A server on all addresses of port 80. */
function setUp({ address = '0.0.0.0' } = {}): Scene {
  const libc = createFakeLibc()
  const capture = new Capture(libc)
  captures.push(capture)
  capture.options.tcpInfo = true
  capture.options.maxConnections = 10
  libc.open({ listening: true, localPort: 80 })
  capture.arm(undefined, () => {})
  const server = capture.server({ kind: 'tcp', port: 80, address, tls: false })
  return {
    libc,
    open: (received) => libc.open({ peer: 40_000, localPort: 80, info: info(received) }),
    ask: () => capture.connection(server, '127.0.0.1', 40_000, undefined, false),
  }
}

describe('P4', () => {
  test('the only connection with its peer is told, again and again', () => {
    const { open, ask } = setUp()
    const fd = open(100)
    for (const requests of [1, 2, 3]) expect(ask()).toMatchObject({ fd, requests })
  })

  test('half a request on a duplicate peer never answers, whichever of the two has asked before', () => {
    const { libc, open, ask } = setUp()
    const first = open(100)
    expect(ask()).toMatchObject({ fd: first })
    const second = open(50)
    for (let i = 0; i < 3; i++) expect(ask()).toBe('ambiguous')
    libc.shut(first)
    expect(ask()).toMatchObject({ fd: second, requests: 1 })
  })

  test('a duplicate peer that comes to any number is seen: a closed one, one after many, a file of before', () => {
    const { libc, open, ask } = setUp()
    const file = libc.open({ file: true })
    const first = open(100)
    const idle = Array.from({ length: 300 }, (_, i) => libc.open({ peer: 1000 + i, localPort: 80 }))
    expect(ask()).toMatchObject({ fd: first })
    for (const number of [file, idle[7]!, idle[299]!]) {
      libc.shut(number)
      expect(open(50)).toBe(number)
      expect(ask()).toBe('ambiguous')
      libc.shut(number)
      expect(ask()).toMatchObject({ fd: first })
      libc.open({ peer: 50_000 + number })
    }
  })

  test('a duplicate peer from which nothing was read is not the one that is answered', () => {
    const { open, ask } = setUp()
    const first = open(100)
    open(0)
    expect(ask()).toMatchObject({ fd: first })
  })

  test('nor is it in the way, be it the older one or at its end, which the kernel counts as an octet', () => {
    const { libc, open, ask } = setUp()
    const silent = open(0)
    const asking = open(100)
    for (const requests of [1, 2, 3]) expect(ask()).toMatchObject({ fd: asking, requests })
    libc.sockets.get(silent)!.info = info(1, STATE.CLOSE_WAIT)
    libc.open({ peer: 50_000, localPort: 80 })
    expect(ask()).toMatchObject({ fd: asking, requests: 4 })
  })

  test('a connection from which nothing was read is told to nobody', () => {
    expect(((scene) => [scene.open(0), scene.ask()][1])(setUp())).toBe('ambiguous')
  })

  test('a server on one address has no duplicates: no census', () => {
    const { libc, open, ask } = setUp({ address: '127.0.0.1' })
    const first = open(100)
    expect(ask()).toMatchObject({ fd: first })
    open(50)
    const polls = libc.calls.poll
    expect(ask()).toMatchObject({ fd: first })
    expect(libc.calls.poll).toBe(polls!)
  })
})

describe('refused calls', () => {
  test('getpeername, with whatever errno: an error that says so, and no end of calls', () => {
    for (const errno of [ERRNO.EPERM, ERRNO.EINTR, ERRNO.ENOSYS]) {
      const { libc, open, ask } = setUp()
      for (let i = 0; i < 500; i++) open(100)
      libc.refuse.set('getpeername', errno)
      for (let i = 0; i < 20; i++) {
        const before = libc.calls.getpeername ?? 0
        expect(ask).toThrow('Cannot read the peer of any descriptor: getpeername failed with')
        expect((libc.calls.getpeername ?? 0) - before).toBeLessThan(60)
      }
    }
  })

  test('SO_COOKIE: an error that names it', () => {
    const { libc, open, ask } = setUp()
    open(100)
    libc.refuse.set(SO_COOKIE, ERRNO.ENOPROTOOPT)
    for (let i = 0; i < 3; i++) expect(ask).toThrow('SO_COOKIE')
  })

  test('poll, where the kernel does not say how far descriptors go: arming ends', () => {
    const libc = createFakeLibc()
    const capture = new Capture(libc)
    captures.push(capture)
    const fd = libc.open({ listening: true, localPort: 80 })
    libc.refuse.set('poll', ERRNO.EPERM)
    capture.arm(undefined, () => {})
    expect(capture.listening.armed).toMatchObject([{ fd, port: 80 }])
  })

  for (const call of ['poll', 'inotify_add_watch', 'epoll_create1', 'epoll_wait', 'read', 'ioctl', 'getsockname']) {
    test(`${call} with EINTR each time: every request has an answer after a bounded number of calls`, () => {
      const { libc, open, ask } = setUp()
      open(100)
      for (let i = 0; i < 100; i++) libc.open({ peer: 1000 + i, localPort: 80 })
      libc.refuse.set(call, ERRNO.EINTR)
      for (let i = 0; i < 100; i++) {
        const before = Object.values(libc.calls).reduce((a, b) => a + b, 0)
        const found = ask()
        expect(typeof found === 'string' || found.port === 40_000).toBe(true)
        expect(Object.values(libc.calls).reduce((a, b) => a + b, 0) - before).toBeLessThan(2000)
      }
    })
  }

  test('inotify that is ready and cannot be read is given up', () => {
    const { libc, open, ask } = setUp()
    open(100)
    const other = libc.open({ peer: 41_000, localPort: 80 })
    for (let i = 0; i < 30; i++) ask()
    libc.refuse.set('read', ERRNO.EINVAL)
    libc.shut(other)
    for (let i = 0; i < 200; i++) expect(ask()).toMatchObject({ port: 40_000 })
  })
})

describe('lookups that do not find the connection itself', () => {
  /** Whether lookups are still believed in after one that answered ENOENT, by whether the connection is still live. */
  function kernelTellsAfter(isLive: boolean): boolean | undefined {
    const fake = createFakeLibc()
    let sequence = 0
    const libc = Object.assign(fake, {
      socket: () => 99,
      send: (_fd: number, request: Uint8Array, count: number) => {
        sequence = new DataView(request.buffer).getUint32(8, true)
        return count
      },
      recv: (_fd: number, answer: Uint8Array) => {
        new Int32Array(answer.buffer).set([36, 2, sequence, 0, -ERRNO.ENOENT])
        return 36
      },
    })
    const fd = libc.open(isLive ? { peer: 40_000, localPort: 80, info: info(1) } : { localPort: 80 })
    const server = new Server({ kind: 'tcp', port: 80, address: '0.0.0.0', tls: false }, false)
    const context = new SearchContext()
    context.start(server, '192.0.2.1', 40_000, undefined, true, false)
    context.uniqueness = 'lookup'
    context.localAddresses = [createAddressWords()]
    const table = { takeCensus: () => false } as unknown as DescriptorTable
    const attribution = new Attribution(new Sockets(libc), table)
    const connection = { fd, requests: 1, cookieLow: 1, cookieHigh: 0 } as Connection
    expect(attribution.isOnly(connection, context, { isOurs: () => true })).toBe(false)
    return server.kernelTells
  }

  test('are given up only if the connection is there', () => {
    expect([kernelTellsAfter(true), kernelTellsAfter(false)]).toEqual([false, undefined])
  })
})
