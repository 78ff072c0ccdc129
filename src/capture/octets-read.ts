/**
 * How many octets the process has read from a connection: what tells connections of one peer apart. A request that is being
 * answered was just read, and its octets were not yet counted at the connection's last request.
 * @module
 */
import type { Sockets } from '../../ffi/socket.ts'
import { tcpInfoOffset } from '../wire/tcp-info.ts'

const TCP_CLOSE = 7
const BYTES_RECEIVED = tcpInfoOffset('bytes_received')
const LAST_DATA_RECV = tcpInfoOffset('last_data_recv')
/** Attempts at two counts between which nothing comes. */
const ATTEMPTS = 8

/**
 * Octets read from a live connection so far, modulo 2^32; -1 where it is dead or the kernel does not say. `received` is what a
 * TCP_INFO just read says. Octets may arrive between two calls, and then wait: counted only where none do, or nothing came.
 */
export function consumedOctets(
  sockets: Sockets,
  fd: number,
  received: number = receivedOctets(sockets.view, sockets.tcpInfo(fd)),
): number {
  if (received < 0) return -1
  let unread = sockets.unread(fd)
  for (let attempt = 0; unread !== 0; attempt++) {
    if (attempt === ATTEMPTS) return -1
    const before = unread
    received = receivedOctets(sockets.view, sockets.tcpInfo(fd))
    if (received < 0) return -1
    unread = sockets.unread(fd)
    if (unread === before) break
  }
  return (received - unread) >>> 0
}

/**
 * `tcpi_bytes_received`, modulo 2^32, of a TCP_INFO of so many octets; -1 where the connection is dead or there is no such
 * field.
 */
export function receivedOctets(info: DataView, octets: number): number {
  if (octets < BYTES_RECEIVED + 8 || info.getUint8(0) === TCP_CLOSE) return -1
  return info.getUint32(BYTES_RECEIVED, true)
}

/**
 * Milliseconds since octets last came, to a jiffy, of a TCP_INFO that `receivedOctets` takes; of a request that is being answered
 * they came a moment ago, unless the process was busy with something else.
 */
export function dataAge(info: DataView): number {
  return info.getUint32(LAST_DATA_RECV, true)
}
