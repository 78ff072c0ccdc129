/**
 * How many octets the process has read from a connection. One from which nothing was read cannot be the one that is being answered.
 * @module
 */
import type { Sockets } from '../../ffi/socket.ts'
import { STATE, type TcpInfoOffset } from '../wire/tcp-info.ts'

const BYTES_RECEIVED: TcpInfoOffset<'bytes_received'> = 128
const LAST_DATA_RECV: TcpInfoOffset<'last_data_recv'> = 52
const NOTSENT_BYTES: TcpInfoOffset<'notsent_bytes'> = 144
const DATA_SEGS_OUT: TcpInfoOffset<'data_segs_out'> = 156
/** Attempts at two counts between which nothing comes. */
const ATTEMPTS = 8

/**
 * Octets read from a live connection so far, modulo 2^32; `undefined` where it is dead or the kernel does not tell.
 *
 * `tcpi_bytes_received` and the queue's length (FIONREAD) come from two calls. If data arrives between them they disagree, so both are
 * read again until the queue is empty or unchanged, at most 8 times. `received` is what a TCP_INFO that was just read says.
 */
export function octetsRead(
  sockets: Sockets,
  fd: number,
  received: number | undefined = bytesReceived(sockets.view, sockets.tcpInfo(fd)),
): number | undefined {
  let total = received
  if (total === undefined) return undefined
  let unread = sockets.unread(fd)
  for (let attempt = 0; unread !== 0; attempt++) {
    if (attempt === ATTEMPTS) return undefined
    const before = unread
    total = bytesReceived(sockets.view, sockets.tcpInfo(fd))
    if (total === undefined) return undefined
    unread = sockets.unread(fd)
    if (unread === before) break
  }
  return (total - unread) >>> 0
}

/**
 * Octets received so far, modulo 2^32, by a TCP_INFO of so many octets; `undefined` where the connection is dead or there is no such field.
 * The kernel counts the peer's FIN as one; with `withFin` it is left in.
 */
export function bytesReceived(info: DataView, octets: number, withFin = false): number | undefined {
  const state = info.getUint8(0)
  if (octets < BYTES_RECEIVED + 8 || state === STATE.CLOSE) return undefined
  const hasFin = state === STATE.CLOSE_WAIT || state === STATE.LAST_ACK || state === STATE.CLOSING
  return (info.getUint32(BYTES_RECEIVED, true) - (hasFin && !withFin ? 1 : 0)) >>> 0
}

/** True if nothing was ever written to a live connection: no request of it was answered. */
export function isUnanswered(sockets: Sockets, fd: number): boolean {
  const octets = sockets.tcpInfo(fd)
  const { view } = sockets
  if (octets < DATA_SEGS_OUT + 4 || view.getUint8(0) === STATE.CLOSE) return false
  return view.getUint32(DATA_SEGS_OUT, true) === 0 && view.getUint32(NOTSENT_BYTES, true) === 0
}

/** Milliseconds since the last data came, with the resolution of a jiffy, up to 10 ms: of a TCP_INFO that `bytesReceived` takes. */
export function dataAge(info: DataView): number {
  return info.getUint32(LAST_DATA_RECV, true)
}
