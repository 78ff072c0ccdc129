import { afterEach, expect, test } from 'bun:test'
import { IP_MULTICAST_TTL, TCP_INFO } from '../../ffi/constants.ts'
import { Capture } from '../../src/capture/capture.ts'
import type { Connection } from '../../src/connection/connection.ts'
import { tcpInfoOffset } from '../../src/wire/tcp-info.ts'
import { createFakeLibc, type FakeLibc } from '../support/fake-libc.ts'

/** TCP_INFO after a bare handshake of so many microseconds, and a request. */
function info(rtt: number): Uint8Array {
  const octets = new Uint8Array(new ArrayBuffer(248))
  const view = new DataView(octets.buffer)
  octets[0] = 1
  for (const [name, value] of [
    ['rtt', rtt],
    ['rttvar', rtt / 2],
    ['min_rtt', rtt],
    ['bytes_received', 100],
    ['segs_in', 3],
    ['data_segs_in', 1],
  ] as const)
    view.setUint32(tcpInfoOffset(name), value, true)
  return octets
}

const captures: Capture[] = []
afterEach(() => {
  for (const capture of captures.splice(0)) capture.close()
})

/** A server of which 1,000 connections came and went, and nobody asked. `ask` is a new connection's first request. */
function setUp(): { libc: FakeLibc; capture: Capture; ask(port: number): Connection } {
  const libc = createFakeLibc()
  const capture = new Capture(libc)
  captures.push(capture)
  capture.options.tcpInfo = true
  capture.options.maxConnections = 2000
  libc.open({ listening: true, localPort: 80 })
  capture.arm(undefined, () => {})
  const server = capture.server({ kind: 'tcp', port: 80, address: '127.0.0.1', tls: false })
  const ask = (port: number): Connection => {
    libc.open({ peer: port, localPort: 80, info: info(1000) })
    const found = capture.connection(server, '127.0.0.1', port, undefined, false)
    if (typeof found === 'string') throw new Error(found)
    return found
  }
  for (let port = 10_000; port < 11_000; port++) {
    const { fd, timing, handshakeTimeToLive } = ask(port)
    expect(handshakeTimeToLive).toBe(64)
    expect(timing?.handshakeRtt?.microseconds).toBe(1000)
    expect(capture.lastInfo).toBeDefined()
    libc.shut(fd)
  }
  return { libc, capture, ask }
}

test('timing and TTL of a connection after the first thousand are read when they are asked for, of later ones at once', () => {
  const { libc, capture, ask } = setUp()
  // Each would throw if it were read.
  libc.refuse.set(TCP_INFO, 1)
  libc.refuse.set(IP_MULTICAST_TTL, 1)
  const connection = ask(20_000)
  expect(connection.timing).toBeUndefined()
  expect(capture.lastInfo).toBeUndefined()
  libc.refuse.clear()
  connection.complete()
  expect(connection.handshakeTimeToLive).toBe(64)
  expect(connection.timing?.handshakeRtt).toEqual({ microseconds: 1000, provenance: 'handshake' })
  const later = ask(20_001)
  expect(later.handshakeTimeToLive).toBe(64)
  expect(later.timing).toBeDefined()
  expect(capture.lastInfo).toBeDefined()
})

test('nothing is told of a connection that has ended, or whose number is another one by now', () => {
  const { libc, ask } = setUp()
  for (const port of [20_000, 20_001]) {
    const connection = ask(port)
    libc.shut(connection.fd)
    if (port === 20_001) expect(libc.open({ peer: port, localPort: 80, info: info(7) })).toBe(connection.fd)
    // As one that was asked before any other.
    connection.handshakeTimeToLive = null
    connection.timing = undefined
    connection.complete()
    expect(connection.handshakeTimeToLive).toBeUndefined()
    expect(connection.timing).toBeUndefined()
    connection.complete()
    expect(connection.timing).toBeUndefined()
  }
})

test('who asks for TCP_INFO of a request has that of a first one kept from then on', () => {
  const { capture, ask } = setUp()
  expect(capture.readInfo(ask(20_000))).toHaveLength(248)
  expect(capture.lastInfo).toBeUndefined()
  ask(20_001)
  expect(capture.lastInfo).toHaveLength(248)
})
