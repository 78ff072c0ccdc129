import { expect, test } from 'bun:test'
import { Sockets } from '../../ffi/socket.ts'
import { bytesReceived, octetsRead } from '../../src/capture/octets-read.ts'
import { tcpInfoOffset } from '../../src/wire/tcp-info.ts'
import { createFakeLibc } from '../support/fake-libc.ts'

const RECEIVED = tcpInfoOffset('bytes_received')

/** A TCP_INFO of a connection that has received so many octets. */
function info(received: number, state = 1): Uint8Array {
  const octets = new Uint8Array(new ArrayBuffer(248))
  octets[0] = state
  new DataView(octets.buffer).setUint32(RECEIVED, received, true)
  return octets
}

/** Octets read from a socket whose counts are read one after the other, the last ones again and again. */
function read(received: readonly number[], unread: readonly number[], known?: number): number | undefined {
  const libc = createFakeLibc()
  const socket = { peer: 40_000, info: info(received[0]!) }
  const fd = libc.open(socket)
  let reads = 0
  let counts = 0
  const sockets = new Sockets({
    ...libc,
    getsockopt: (...rest) => {
      const one = libc.sockets.get(fd)!
      one.info = info(received[Math.min(reads++, received.length - 1)]!)
      return libc.getsockopt(...rest)
    },
    ioctl: (_fd, _request, value) => {
      new DataView(value.buffer).setUint32(0, unread[Math.min(counts++, unread.length - 1)]!, true)
      return 0
    },
  })
  return known === undefined ? octetsRead(sockets, fd) : octetsRead(sockets, fd, known)
}

test('what was received and does not wait was read', () => {
  expect(read([1000], [0])).toBe(1000)
  expect(read([1000], [400])).toBe(600)
  expect(read([7], [0], 1000)).toBe(1000)
})

test('octets that come between the two counts are not taken for read', () => {
  // 500 more came after the first count was read: both are read again until nothing comes.
  expect(read([1000, 1500], [500])).toBe(1000)
  expect(read([1000, 1500, 2000], [500, 1000, 1000])).toBe(1000)
})

test('where octets never stop coming nothing is said', () => {
  const counts = Array.from({ length: 40 }, (_, i) => i + 1)
  expect(read(counts, counts)).toBeUndefined()
})

test('counts go round at 2^32', () => {
  expect(read([3], [10])).toBe(2 ** 32 - 7)
})

test('a dead connection, and a kernel without the field, say nothing', () => {
  const view = (octets: Uint8Array): DataView => new DataView(octets.buffer)
  expect(bytesReceived(view(info(5)), 248)).toBe(5)
  expect(bytesReceived(view(info(5, 7)), 248)).toBeUndefined()
  expect(bytesReceived(view(info(5)), RECEIVED + 7)).toBeUndefined()
  expect(bytesReceived(view(info(5)), -1)).toBeUndefined()
})
