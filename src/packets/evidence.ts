/**
 * What a connection's TCP_INFO says for and against a SYN: whether it can be the one that opened the connection.
 * @module
 */
import type { Syn } from '../wire/syn.ts'
import { STATE, type TcpInfoOffset } from '../wire/tcp-info.ts'
import { LONGEST_HANDSHAKE } from './syn-table.ts'

const OPTIONS: TcpInfoOffset<'options'> = 5
const WINDOW_SCALES: TcpInfoOffset<'snd_wscale'> = 6
const SND_MSS: TcpInfoOffset<'snd_mss'> = 16
const LAST_DATA_SENT: TcpInfoOffset<'last_data_sent'> = 44
const BYTES_RECEIVED: TcpInfoOffset<'bytes_received'> = 128
const DATA_SEGS_OUT: TcpInfoOffset<'data_segs_out'> = 156
/** Bits of `tcpi_options` (linux/tcp.h). */
const OPTION = { TIMESTAMPS: 1, SACK: 2, WSCALE: 4, ECN: 8 }
/** The kernel's times are exact to a jiffy, 10 ms at most. */
const SLACK = 20
/** MSS of a SYN without the option (RFC 9293 section 3.7.1), and the smallest that SYN cookies tell apart (`msstab` in the kernel). */
const DEFAULT_MSS = 536
const LEAST_MSS = { 4: 536, 6: 1220 } as const
/** Above 14 means 14 (RFC 7323 section 2.3). */
const MOST_WINDOW_SCALE = 14

/** States in which a connection is alive: it can carry, or has just carried, a request. */
export const LIVE_STATES: readonly number[] = [
  STATE.ESTABLISHED,
  STATE.FIN_WAIT1,
  STATE.FIN_WAIT2,
  STATE.CLOSE_WAIT,
  STATE.LAST_ACK,
  STATE.CLOSING,
]

/** When a SYN came, milliseconds of the clock that gives `now`. */
export interface SynTime {
  readonly notBefore: number
  readonly notAfter: number
}

/** When the connection was established at the latest. `info` was read at `now`. */
export function establishedBy(info: DataView, now: number): number {
  // Counted from the handshake's end until the server sends something.
  return info.byteLength < LAST_DATA_SENT + 4 ? now : now - info.getUint32(LAST_DATA_SENT, true) + SLACK
}

/** True if the times allow that this SYN opened the connection. `info` was read at `now`. */
export function fitsInTime(info: DataView, now: number, { notBefore, notAfter }: SynTime): boolean {
  if (info.byteLength < DATA_SEGS_OUT + 4) return true
  const established = establishedBy(info, now)
  if (notBefore > established) return false
  const isExact = info.getUint32(DATA_SEGS_OUT, true) === 0
  return !isExact || established - notAfter <= LONGEST_HANDSHAKE + 2 * SLACK
}

/** True if the connection has no option that this SYN did not offer. */
export function fitsInShape(info: DataView, { ip, tcp }: Syn): boolean {
  if (info.byteLength < SND_MSS + 4) return true
  const options = info.getUint8(OPTIONS)
  if ((options & OPTION.TIMESTAMPS) !== 0 && tcp.timestamps === undefined) return false
  if ((options & OPTION.SACK) !== 0 && !tcp.sackPermitted) return false
  if ((options & OPTION.ECN) !== 0 && !(tcp.flags.ece && tcp.flags.cwr)) return false
  if ((options & OPTION.WSCALE) !== 0) {
    if (tcp.windowScale === undefined) return false
    if (Math.min(tcp.windowScale, MOST_WINDOW_SCALE) !== (info.getUint8(WINDOW_SCALES) & 15)) return false
  }
  return info.getUint32(SND_MSS, true) <= Math.max(tcp.mss || DEFAULT_MSS, LEAST_MSS[ip.version])
}

/** True if the client has sent nothing on the connection: no request of it can be on its way. */
export function isUnused(info: DataView): boolean {
  return info.byteLength >= BYTES_RECEIVED + 8 && info.getBigUint64(BYTES_RECEIVED, true) === 0n
}
