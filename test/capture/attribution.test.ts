import { expect, test } from 'bun:test'
import { DescriptorTable } from '../../ffi/descriptors/table.ts'
import { Sockets } from '../../ffi/socket.ts'
import { Evidence } from '../../src/capture/attribution.ts'
import { ConnectionStore } from '../../src/capture/connection-store.ts'
import { Listener } from '../../src/capture/server.ts'
import { Connection } from '../../src/connection/connection.ts'
import { createAddressWords, parseAddress } from '../../src/wire/sockaddr.ts'
import { tcpInfoOffset } from '../../src/wire/tcp-info.ts'
import { createFakeLibc } from '../support/fake-libc.ts'

const PEER = createAddressWords()
parseAddress('127.0.0.1', PEER)

/** A TCP_INFO of a live connection: octets received, and milliseconds since the last of them. */
function info(received: number, age: number): Uint8Array {
  const octets = new Uint8Array(new ArrayBuffer(248))
  const view = new DataView(octets.buffer)
  octets[0] = 1
  view.setUint32(tcpInfoOffset('bytes_received'), received, true)
  view.setUint32(tcpInfoOffset('last_data_recv'), age, true)
  return octets
}

function setUp({ address = '0.0.0.0', udp = false } = {}): {
  evidence: Evidence
  /** Octets come on a connection from port 40,000 that the process knows, and a request is asked about. */
  asks: (received: number, age?: number) => boolean
  /** The same without a look at others. */
  asksQuickly: (received: number, age?: number) => boolean
  /** Another connection from the port. */
  comes: () => number
  leaves: (fd: number) => void
  looks: () => number
} {
  const libc = createFakeLibc()
  const sockets = new Sockets(libc)
  const store = new ConnectionStore()
  store.limit = 10
  const table = new DescriptorTable(sockets, { gone: () => {} })
  const evidence = new Evidence(sockets, table, store)
  const listener = new Listener({ port: 443, address, tls: udp }, udp)
  const fd = libc.open({ peer: 40_000 })
  const connection = new Connection({
    fd,
    cookieLow: 1,
    cookieHigh: 0,
    address: '127.0.0.1',
    port: 40_000,
    listener,
    synBytes: new Uint8Array(0),
    synReason: undefined,
    handshakeTimeToLive: undefined,
    timing: undefined,
    firstInfo: undefined,
  })
  store.set(connection)
  table.find(40_000, PEER, () => true)
  const receive = (received: number, age: number): void => {
    libc.sockets.get(fd)!.info = info(received, age)
  }
  return {
    evidence,
    asks(received, age = 0) {
      receive(received, age)
      return evidence.speaksFor(connection, listener, PEER, false, undefined, (other) => other !== fd)
    },
    asksQuickly(received, age = 0) {
      receive(received, age)
      return evidence.wasJustRead(connection)
    },
    comes: () => libc.open({ peer: 40_000 }),
    leaves: (other) => libc.shut(other),
    looks: () => libc.calls.poll ?? 0,
  }
}

type Ask = (received: number, age?: number) => boolean

/** Asks until looks have had their time, an octet each. The octets received then. */
function useUp(asks: Ask, asksQuickly: Ask): number {
  let received = 1
  for (; !asksQuickly(received); received++) asks(received)
  return received
}

test('a connection that was read from speaks for a request, one that was not read from for none', () => {
  const { asks } = setUp()
  expect(asks(0)).toBe(false)
  expect(asks(100)).toBe(true)
  expect(asks(200)).toBe(true)
})

test('pipelined requests are read at once: the only one with its peer speaks for those that follow', () => {
  const { asks, comes, leaves } = setUp()
  expect(asks(100)).toBe(true)
  expect(asks(100)).toBe(true)
  const other = comes()
  expect(asks(100)).toBe(false)
  leaves(other)
  expect(asks(100)).toBe(true)
})

test('where another one has come, octets may be half of a request', () => {
  const { asks, comes } = setUp()
  expect(asks(100)).toBe(true)
  comes()
  expect(asks(150)).toBe(false)
})

test('while looks cost next to nothing nobody is believed without one', () => {
  const { asks, asksQuickly, looks } = setUp()
  expect(asks(100)).toBe(true)
  expect(asksQuickly(200)).toBe(false)
  const before = looks()
  expect(asks(200)).toBe(true)
  expect(looks()).toBeGreaterThan(before)
})

test('once looks have had their time, octets that just came are enough, and those of some time ago are not', () => {
  const { asks, asksQuickly, comes } = setUp()
  const received = useUp(asks, asksQuickly)
  // Whether or not time for a look has come back meanwhile:
  expect(asksQuickly(received)).toBe(false)
  expect(asksQuickly(received + 1, 50)).toBe(false)
  // For them there is time put by.
  comes()
  expect(asks(received + 2, 50)).toBe(false)
})

test('beside QUIC neither the handshake nor octets of some time ago speak for a request', () => {
  const { asks } = setUp({ address: '127.0.0.1', udp: true })
  expect(asks(500)).toBe(false)
  expect(asks(500)).toBe(false)
  expect(asks(600)).toBe(true)
  expect(asks(700, 50)).toBe(false)
})

test('after a doubt nothing counts that was read before, and there is always a look', () => {
  const { asks, asksQuickly, comes, evidence, looks } = setUp()
  const received = useUp(asks, asksQuickly)
  evidence.mistrust(40_000)
  expect(asksQuickly(received + 1)).toBe(false)
  const before = looks()
  expect(asks(received + 1)).toBe(true)
  expect(looks()).toBeGreaterThan(before)
  comes()
  evidence.mistrust(40_000)
  expect(asks(received + 2)).toBe(false)
})
