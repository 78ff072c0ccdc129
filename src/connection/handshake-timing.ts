/**
 * When things happened on a connection, and how sure that is, from one early TCP_INFO.
 *
 * The kernel takes its first RTT sample from SYN-ACK to the ACK that completes the handshake and sets
 * `rtt = m, rttvar = m / 2, min_rtt = m`; what else the structure says tells whether that is what is still there
 * (`tcp_rtt_estimator`, `tcp_synack_rtt_meas` in net/ipv4/tcp_input.c).
 * @module
 */
import type { TcpInfoOffset } from '../wire/tcp-info.ts'

/** How the handshake RTT is known. */
export type RttProvenance =
  /** One clean sample, SYN-ACK to bare ACK: exact. */
  | 'handshake'
  /** Solved from two samples: within 1 µs of the handshake's. */
  | 'recovered'
  /** Smallest of several samples: at most the handshake's. */
  | 'minimum'
  /** The SYN-ACK was sent again: whole milliseconds, from the timestamp echo. */
  | 'retransmitted'
  /** SYN cookie: up to 64 ms too high. */
  | 'cookie'
  /** The handshake was completed by data: includes the client's own wait. */
  | 'deferred'

/** Handshake round-trip time: SYN-ACK sent to final ACK received. */
export interface HandshakeRtt {
  readonly microseconds: number
  readonly provenance: RttProvenance
}

/** What was known first, and does not change. */
export interface FirstTiming {
  readonly handshakeRtt: HandshakeRtt | undefined
  /** From handshake completion to the first octets of the client's data, milliseconds, exact to two jiffies. */
  readonly firstDataDelayMilliseconds: number | undefined
  /** When the handshake completed, milliseconds since 1970, exact to a jiffy. */
  readonly acceptTimeMilliseconds: number | undefined
  /** Round trip to the end of the TLS session, milliseconds: see `tls-round-trip.ts`. */
  readonly tlsRoundTripMilliseconds?: number | undefined
}

/** What the reader of the TCP_INFO knows beside it. */
export interface TimingCircumstances {
  /** True if the connection's SYN was kept: the kernel keeps none when it answers with a SYN cookie. */
  readonly synSaved: boolean
  /** True if the listener may have waited for data before it accepted (TCP_DEFER_ACCEPT). */
  readonly deferAccept: boolean
  /** Milliseconds since 1970 when the TCP_INFO was read. */
  readonly readAt: number
}

const TCPI_OPT_TIMESTAMPS = 1
const TCPI_OPT_SYN_DATA = 32
const TCPI_OPT_TFO_CHILD = 128
const TCP_CLOSE = 7
const NO_MIN_RTT = 0xffffffff
/** Two jiffies where the kernel counts 250 a second, milliseconds. */
const TWO_JIFFIES = 8

const STATE: TcpInfoOffset<'state'> = 0
const OPTIONS: TcpInfoOffset<'options'> = 5
const LAST_DATA_SENT: TcpInfoOffset<'last_data_sent'> = 44
const LAST_DATA_RECV: TcpInfoOffset<'last_data_recv'> = 52
const RTT: TcpInfoOffset<'rtt'> = 68
const RTTVAR: TcpInfoOffset<'rttvar'> = 72
const TOTAL_RETRANS: TcpInfoOffset<'total_retrans'> = 100
const SEGS_IN: TcpInfoOffset<'segs_in'> = 140
const MIN_RTT: TcpInfoOffset<'min_rtt'> = 148
const DATA_SEGS_IN: TcpInfoOffset<'data_segs_in'> = 152
const DATA_SEGS_OUT: TcpInfoOffset<'data_segs_out'> = 156
const DELIVERED: TcpInfoOffset<'delivered'> = 192
const BYTES_RETRANS: TcpInfoOffset<'bytes_retrans'> = 208

/** Octets needed for any statement: up to `data_segs_out`, which is there since Linux 4.6. */
const NEEDED = DATA_SEGS_OUT + 4

/**
 * Reads the timing facts off the first TCP_INFO of a connection: `octets` of `info`, which may be longer. Facts the structure
 * cannot give are `undefined`.
 */
export function firstTiming(info: DataView, octets: number, circumstances: TimingCircumstances): FirstTiming {
  if (octets < NEEDED)
    return { handshakeRtt: undefined, firstDataDelayMilliseconds: undefined, acceptTimeMilliseconds: undefined }
  // A client that is silent for longer than a listener defers acknowledges a second SYN-ACK, with the echo of the first.
  const waited = circumstances.deferAccept && synAckResent(info, octets)
  const bare = !waited && completedByBareAck(info, circumstances)
  return {
    handshakeRtt: handshakeRtt(info, octets, circumstances, bare),
    firstDataDelayMilliseconds: firstDataDelay(info, bare),
    acceptTimeMilliseconds: acceptTime(info, circumstances, bare),
  }
}

const u32 = (info: DataView, offset: number): number => info.getUint32(offset, true)

/**
 * True if the handshake was completed by a segment without data.
 *
 * A child socket starts with the SYN counted in `segs_in`. A bare handshake ACK adds one more without data; an ACK that
 * was lost, dropped by TCP_DEFER_ACCEPT, or that carried data does not. Once the server has sent data, pure ACKs of it are
 * counted too and the difference says nothing.
 */
function completedByBareAck(info: DataView, { deferAccept }: TimingCircumstances): boolean {
  const bare = u32(info, SEGS_IN) - u32(info, DATA_SEGS_IN)
  // A Fast Open SYN with data counts as a data segment.
  const syn = (info.getUint8(OPTIONS) & (TCPI_OPT_SYN_DATA | TCPI_OPT_TFO_CHILD)) === 0 ? 1 : 0
  if (bare <= syn) return false
  return u32(info, DATA_SEGS_OUT) === 0 || !deferAccept
}

function handshakeRtt(
  info: DataView,
  octets: number,
  { synSaved, deferAccept }: TimingCircumstances,
  bare: boolean,
): HandshakeRtt | undefined {
  const rtt = u32(info, RTT)
  if (rtt === 0) return undefined
  const minimum = u32(info, MIN_RTT)
  const smallest = minimum === NO_MIN_RTT ? rtt : minimum
  const single = rtt === smallest && u32(info, RTTVAR) === rtt >>> 1
  const timestamps = (info.getUint8(OPTIONS) & TCPI_OPT_TIMESTAMPS) !== 0
  if (synAckResent(info, octets)) {
    // Karn: without timestamps there is no sample of the handshake, and what there is came later.
    if (!timestamps) return undefined
    if (deferAccept) return { microseconds: smallest, provenance: 'deferred' }
    return { microseconds: smallest, provenance: smallest % 1000 === 0 ? 'retransmitted' : 'minimum' }
  }
  if (!synSaved && timestamps && smallest % 1000 === 0) return { microseconds: smallest, provenance: 'cookie' }
  if (!bare) return { microseconds: smallest, provenance: 'deferred' }
  const samples = u32(info, DATA_SEGS_OUT) === 0 ? 1 : samplesAtMost(info, octets)
  if (samples === 1 && single) return { microseconds: rtt, provenance: 'handshake' }
  const recovered = samples === 2 ? firstOfTwoSamples(rtt, u32(info, RTTVAR), smallest) : undefined
  if (recovered !== undefined) return { microseconds: recovered, provenance: 'recovered' }
  return { microseconds: smallest, provenance: 'minimum' }
}

/** True if the retransmissions counted are of the SYN-ACK: those of data count octets as well. */
function synAckResent(info: DataView, octets: number): boolean {
  if (u32(info, TOTAL_RETRANS) === 0) return false
  if (u32(info, DATA_SEGS_OUT) === 0) return true
  return octets >= BYTES_RETRANS + 8 && info.getBigUint64(BYTES_RETRANS, true) === 0n
}

/** RTT samples there can have been: the handshake's, and one for each ACK of data. */
function samplesAtMost(info: DataView, octets: number): number {
  if (octets < DELIVERED + 4) return Number.POSITIVE_INFINITY
  return Math.max(1, Math.min(u32(info, DELIVERED), u32(info, SEGS_IN) - 1))
}

/**
 * The first of two samples, from what the kernel's estimator made of both; `undefined` where two samples cannot give these
 * values. One of them is the minimum, the other follows from `rtt` (srtt / 8), and `rttvar` (mdev / 4) tells which is which.
 */
export function firstOfTwoSamples(rtt: number, rttvar: number, minimum: number): number | undefined {
  for (let remainder = 0; remainder < 8; remainder++) {
    const sum = 8 * rtt + remainder // srtt after the second sample: 7 * first + second
    const second = sum - 7 * minimum
    if (second >= minimum && deviationOfTwo(minimum, second) >>> 2 === rttvar) return minimum
  }
  for (let remainder = 0; remainder < 8; remainder++) {
    const sevenfold = 8 * rtt + remainder - minimum
    const first = sevenfold / 7
    if (Number.isInteger(first) && first >= minimum && deviationOfTwo(first, minimum) >>> 2 === rttvar) return first
  }
  return undefined
}

/** `mdev_us` after two samples (tcp_rtt_estimator). */
function deviationOfTwo(first: number, second: number): number {
  const initial = 2 * first
  const error = second - first
  const excess = Math.abs(error) - (initial >>> 2)
  // A drop that exceeds the deviation counts an eighth, so that an idle path does not look unsteady.
  return initial + (error < 0 && excess > 0 ? excess >>> 3 : excess)
}

/**
 * `last_data_sent` counts from the completion of the handshake until the server has sent data, `last_data_recv` from the
 * last data received: the first, where there was one segment or all of them came together.
 */
function firstDataDelay(info: DataView, bare: boolean): number | undefined {
  if (!bare || u32(info, DATA_SEGS_OUT) !== 0 || u32(info, DATA_SEGS_IN) === 0) return undefined
  if ((info.getUint8(OPTIONS) & (TCPI_OPT_SYN_DATA | TCPI_OPT_TFO_CHILD)) !== 0) return undefined
  const delay = u32(info, LAST_DATA_SENT) - u32(info, LAST_DATA_RECV)
  if (u32(info, DATA_SEGS_IN) > 1 && delay > TWO_JIFFIES) return undefined
  return delay < 0 ? undefined : delay
}

function acceptTime(info: DataView, { readAt }: TimingCircumstances, bare: boolean): number | undefined {
  if (!bare || u32(info, DATA_SEGS_OUT) !== 0 || info.getUint8(STATE) === TCP_CLOSE) return undefined
  return readAt - u32(info, LAST_DATA_SENT)
}
