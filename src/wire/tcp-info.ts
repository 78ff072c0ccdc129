/**
 * Linux `struct tcp_info`: one table from which type, decoder and listings follow.
 *
 * The struct only ever grew. The length that the kernel returned decides which fields exist; shorter and longer than this
 * table are both normal. Numbers are in the byte order of the host, little-endian on every platform of Bun and Deno.
 *
 * Octets 276 to 279 are left out on purpose: Linux 6.18 has two 16-bit fields there, 7.0 bit fields of another meaning,
 * and both return 280 octets.
 * @module
 */

import { fromHex, u32le, u64le } from '../base/bytes.ts'
import type { Result } from '../base/result.ts'
import { type DecodeError, DecodeFailure } from './errors.ts'
import type { TcpInfoName } from './tcp-info-names.ts'

/** Unit of a field. `octets per second` of all ones is "unlimited". */
export type TcpInfoUnit =
  | 'state'
  | 'events'
  | 'bits'
  | 'shift'
  | 'flag'
  | 'microseconds'
  | 'octets'
  | 'segments'
  | 'milliseconds'
  | 'octets per second'

/** One row of {@link TCP_INFO_FIELDS}. */
export type TcpInfoField = readonly [
  name: TcpInfoName,
  offset: number,
  width: 1 | 2 | 4 | 8,
  unit: TcpInfoUnit,
  lowestBit?: number,
  bits?: number,
]

/** See {@link TCP_INFO_FIELDS}, which is the same without the type of each row. */
const FIELDS = [
  ['state', 0, 1, 'state'],
  ['ca_state', 1, 1, 'state'],
  ['retransmits', 2, 1, 'events'],
  ['probes', 3, 1, 'events'],
  ['backoff', 4, 1, 'events'],
  ['options', 5, 1, 'bits'],
  ['snd_wscale', 6, 1, 'shift', 0, 4],
  ['rcv_wscale', 6, 1, 'shift', 4, 4],
  ['delivery_rate_app_limited', 7, 1, 'flag', 0, 1],
  ['fastopen_client_fail', 7, 1, 'state', 1, 2],
  ['rto', 8, 4, 'microseconds'],
  ['ato', 12, 4, 'microseconds'],
  ['snd_mss', 16, 4, 'octets'],
  ['rcv_mss', 20, 4, 'octets'],
  ['unacked', 24, 4, 'segments'],
  ['sacked', 28, 4, 'segments'],
  ['lost', 32, 4, 'segments'],
  ['retrans', 36, 4, 'segments'],
  ['fackets', 40, 4, 'segments'],
  ['last_data_sent', 44, 4, 'milliseconds'],
  ['last_ack_sent', 48, 4, 'milliseconds'],
  ['last_data_recv', 52, 4, 'milliseconds'],
  ['last_ack_recv', 56, 4, 'milliseconds'],
  ['pmtu', 60, 4, 'octets'],
  ['rcv_ssthresh', 64, 4, 'octets'],
  ['rtt', 68, 4, 'microseconds'],
  ['rttvar', 72, 4, 'microseconds'],
  ['snd_ssthresh', 76, 4, 'segments'],
  ['snd_cwnd', 80, 4, 'segments'],
  ['advmss', 84, 4, 'octets'],
  ['reordering', 88, 4, 'segments'],
  ['rcv_rtt', 92, 4, 'microseconds'],
  ['rcv_space', 96, 4, 'octets'],
  ['total_retrans', 100, 4, 'segments'],
  ['pacing_rate', 104, 8, 'octets per second'],
  ['max_pacing_rate', 112, 8, 'octets per second'],
  ['bytes_acked', 120, 8, 'octets'],
  ['bytes_received', 128, 8, 'octets'],
  ['segs_out', 136, 4, 'segments'],
  ['segs_in', 140, 4, 'segments'],
  ['notsent_bytes', 144, 4, 'octets'],
  ['min_rtt', 148, 4, 'microseconds'],
  ['data_segs_in', 152, 4, 'segments'],
  ['data_segs_out', 156, 4, 'segments'],
  ['delivery_rate', 160, 8, 'octets per second'],
  ['busy_time', 168, 8, 'microseconds'],
  ['rwnd_limited', 176, 8, 'microseconds'],
  ['sndbuf_limited', 184, 8, 'microseconds'],
  ['delivered', 192, 4, 'segments'],
  ['delivered_ce', 196, 4, 'segments'],
  ['bytes_sent', 200, 8, 'octets'],
  ['bytes_retrans', 208, 8, 'octets'],
  ['dsack_dups', 216, 4, 'events'],
  ['reord_seen', 220, 4, 'events'],
  ['rcv_ooopack', 224, 4, 'segments'],
  ['snd_wnd', 228, 4, 'octets'],
  ['rcv_wnd', 232, 4, 'octets'],
  ['rehash', 236, 4, 'events'],
  ['total_rto', 240, 2, 'events'],
  ['total_rto_recoveries', 242, 2, 'events'],
  ['total_rto_time', 244, 4, 'milliseconds'],
  ['received_ce', 248, 4, 'segments'],
  ['delivered_e1_bytes', 252, 4, 'octets'],
  ['delivered_e0_bytes', 256, 4, 'octets'],
  ['delivered_ce_bytes', 260, 4, 'octets'],
  ['received_e1_bytes', 264, 4, 'octets'],
  ['received_e0_bytes', 268, 4, 'octets'],
  ['received_ce_bytes', 272, 4, 'octets'],
] as const

/**
 * Every field: kernel name without `tcpi_`, offset and width in octets, unit, and for bit fields the lowest bit and the
 * number of bits.
 *
 * @see linux/tcp.h `struct tcp_info`
 */
export const TCP_INFO_FIELDS: readonly TcpInfoField[] = FIELDS

/**
 * The fields that the returned length holds, under the kernel's names without `tcpi_`; the others are absent keys.
 *
 * 64-bit fields are numbers: exact to 2^53, rounded to the nearest such number above, and never beyond what 64 bits hold: an
 * unlimited pacing rate, all ones, is 2^64 - 2048, which JSON prints as 18446744073709550000. `min_rtt` of 4294967295 is the kernel's "no sample".
 */
export type TcpInfo = { readonly [Name in TcpInfoName]?: number }

/** Offset in octets of a field, for readers of one field of many buffers with a `DataView`. */
export function tcpInfoOffset(name: TcpInfoName): number {
  return TCP_INFO_FIELDS.find((field) => field[0] === name)![1]
}

/** The same as a type: this library's readers have the number written out, so that importing them takes no time. */
export type TcpInfoOffset<Name extends TcpInfoName> = Extract<(typeof FIELDS)[number], readonly [Name, ...unknown[]]>[1]

/** Octets of the struct as of Linux 6.18 and 7.0. */
export const TCP_INFO_LENGTH = 280

/** More than any `struct tcp_info` will have for long; a longer buffer is something else. */
const MAX_TCP_INFO_OCTETS = 4096

/** Values of `state`, linux/tcp_states.h. */
export const STATE = {
  ESTABLISHED: 1,
  SYN_SENT: 2,
  SYN_RECV: 3,
  FIN_WAIT1: 4,
  FIN_WAIT2: 5,
  TIME_WAIT: 6,
  CLOSE: 7,
  CLOSE_WAIT: 8,
  LAST_ACK: 9,
  LISTEN: 10,
  CLOSING: 11,
  NEW_SYN_RECV: 12,
} as const

/** Names of the values of `state`, linux/tcp_states.h. */
export const TCP_STATE: Readonly<Record<number, string>> = /* @__PURE__ */ Object.fromEntries(
  /* @__PURE__ */ Object.entries(STATE).map(([name, value]) => [value, name]),
)

/** Names of the values of `ca_state`, linux/tcp.h `enum tcp_ca_state`. */
export const TCP_CA_STATE: Readonly<Record<number, string>> = {
  0: 'Open',
  1: 'Disorder',
  2: 'CWR',
  3: 'Recovery',
  4: 'Loss',
}

/** Names of the bits of `options`, linux/tcp.h `TCPI_OPT_*`. */
export const TCP_INFO_OPTION: Readonly<Record<number, string>> = {
  1: 'TIMESTAMPS',
  2: 'SACK',
  4: 'WSCALE',
  8: 'ECN',
  16: 'ECN_SEEN',
  32: 'SYN_DATA',
  64: 'USEC_TS',
  128: 'TFO_CHILD',
}

/**
 * Decodes what `getsockopt(TCP_INFO)` gave, of any length from 1 octet: each field is there if all its octets are.
 *
 * @throws {DecodeFailure} nothing there, more than 4096 octets, or text that is not hexadecimal
 * @throws {TypeError} the argument is neither text nor a `Uint8Array`
 * @see `tcp(7)`; linux/tcp.h `struct tcp_info`
 * @example
 * parseTcpInfo(dump).rtt // 57, microseconds
 */
export function parseTcpInfo(bytesOrHex: Uint8Array | string): TcpInfo {
  const result = safeParseTcpInfo(bytesOrHex)
  if (result.ok) return result.value
  throw new DecodeFailure('tcp_info', result.error)
}

/**
 * As {@link parseTcpInfo}, with a result in place of an exception: no octets and no text make it throw.
 *
 * @throws {TypeError} the argument is neither text nor a `Uint8Array`
 */
export function safeParseTcpInfo(bytesOrHex: Uint8Array | string): Result<TcpInfo, DecodeError> {
  if (typeof bytesOrHex === 'string') {
    if (bytesOrHex.length > 4 * MAX_TCP_INFO_OCTETS) return { ok: false, error: { reason: 'too-long', offset: 0 } }
    const read = fromHex(bytesOrHex)
    return read.ok ? safeParseTcpInfo(read.value) : read
  }
  if (!(bytesOrHex instanceof Uint8Array)) {
    throw new TypeError(`Cannot decode tcp_info: text or a Uint8Array expected: ${typeof bytesOrHex}`)
  }
  const available = bytesOrHex.length
  if (available === 0) return { ok: false, error: { reason: 'empty', offset: 0 } }
  if (available > MAX_TCP_INFO_OCTETS) return { ok: false, error: { reason: 'too-long', offset: 0, available } }
  return { ok: true, value: decodeTcpInfo(bytesOrHex) }
}

/** Decodes the fields that `bytes` holds whole. Never throws; reads nothing outside. */
export function decodeTcpInfo(bytes: Uint8Array): TcpInfo {
  const length = Math.min(bytes.length, TCP_INFO_LENGTH)
  return IN_ONE_GO.has(length) ? decodeInOneGo(bytes, length) : decodeByTable(bytes, length)
}

/** Lengths of Linux 5.4, 6.2, 6.7 and 6.18. */
const IN_ONE_GO: ReadonlySet<number> = /* @__PURE__ */ new Set([232, 240, 248, TCP_INFO_LENGTH])

/**
 * The table written out, for lengths that kernels give: with names that are constants V8 and JavaScriptCore make the object in 0.4 µs,
 * by names out of a table in 2 to 9.
 */
function decodeInOneGo(bytes: Uint8Array, length: number): TcpInfo {
  OCTETS.set(bytes.length === length ? bytes : bytes.subarray(0, length))
  const v = VIEW
  const info: { -readonly [Name in TcpInfoName]?: number } = {
    state: v.getUint8(0),
    ca_state: v.getUint8(1),
    retransmits: v.getUint8(2),
    probes: v.getUint8(3),
    backoff: v.getUint8(4),
    options: v.getUint8(5),
    snd_wscale: v.getUint8(6) & 15,
    rcv_wscale: v.getUint8(6) >> 4,
    delivery_rate_app_limited: v.getUint8(7) & 1,
    fastopen_client_fail: (v.getUint8(7) >> 1) & 3,
    rto: v.getUint32(8, true),
    ato: v.getUint32(12, true),
    snd_mss: v.getUint32(16, true),
    rcv_mss: v.getUint32(20, true),
    unacked: v.getUint32(24, true),
    sacked: v.getUint32(28, true),
    lost: v.getUint32(32, true),
    retrans: v.getUint32(36, true),
    fackets: v.getUint32(40, true),
    last_data_sent: v.getUint32(44, true),
    last_ack_sent: v.getUint32(48, true),
    last_data_recv: v.getUint32(52, true),
    last_ack_recv: v.getUint32(56, true),
    pmtu: v.getUint32(60, true),
    rcv_ssthresh: v.getUint32(64, true),
    rtt: v.getUint32(68, true),
    rttvar: v.getUint32(72, true),
    snd_ssthresh: v.getUint32(76, true),
    snd_cwnd: v.getUint32(80, true),
    advmss: v.getUint32(84, true),
    reordering: v.getUint32(88, true),
    rcv_rtt: v.getUint32(92, true),
    rcv_space: v.getUint32(96, true),
    total_retrans: v.getUint32(100, true),
    pacing_rate: u64(v, 104),
    max_pacing_rate: u64(v, 112),
    bytes_acked: u64(v, 120),
    bytes_received: u64(v, 128),
    segs_out: v.getUint32(136, true),
    segs_in: v.getUint32(140, true),
    notsent_bytes: v.getUint32(144, true),
    min_rtt: v.getUint32(148, true),
    data_segs_in: v.getUint32(152, true),
    data_segs_out: v.getUint32(156, true),
    delivery_rate: u64(v, 160),
    busy_time: u64(v, 168),
    rwnd_limited: u64(v, 176),
    sndbuf_limited: u64(v, 184),
    delivered: v.getUint32(192, true),
    delivered_ce: v.getUint32(196, true),
    bytes_sent: u64(v, 200),
    bytes_retrans: u64(v, 208),
    dsack_dups: v.getUint32(216, true),
    reord_seen: v.getUint32(220, true),
    rcv_ooopack: v.getUint32(224, true),
    snd_wnd: v.getUint32(228, true),
  }
  if (length >= 240) {
    info.rcv_wnd = v.getUint32(232, true)
    info.rehash = v.getUint32(236, true)
  }
  if (length >= 248) {
    info.total_rto = v.getUint16(240, true)
    info.total_rto_recoveries = v.getUint16(242, true)
    info.total_rto_time = v.getUint32(244, true)
  }
  if (length >= TCP_INFO_LENGTH) {
    info.received_ce = v.getUint32(248, true)
    info.delivered_e1_bytes = v.getUint32(252, true)
    info.delivered_e0_bytes = v.getUint32(256, true)
    info.delivered_ce_bytes = v.getUint32(260, true)
    info.received_e1_bytes = v.getUint32(264, true)
    info.received_e0_bytes = v.getUint32(268, true)
    info.received_ce_bytes = v.getUint32(272, true)
  }
  return info
}

/** The octets that are read, because a view of a short array needs its `buffer`, which Bun makes on first demand. */
const OCTETS = /* @__PURE__ */ new Uint8Array(/* @__PURE__ */ new ArrayBuffer(TCP_INFO_LENGTH))
const VIEW = /* @__PURE__ */ new DataView(OCTETS.buffer)

function u64(view: DataView, offset: number): number {
  return Math.min(view.getUint32(offset, true) + view.getUint32(offset + 4, true) * 2 ** 32, LARGEST)
}

function decodeByTable(bytes: Uint8Array, length: number): TcpInfo {
  const info: { [Name in TcpInfoName]?: number } = {}
  for (const [name, offset, width, , lowestBit, bits] of TCP_INFO_FIELDS) {
    if (offset + width > length) continue
    const value = readField(bytes, offset, width)
    info[name] = bits === undefined ? value : (value >> lowestBit!) & ((1 << bits) - 1)
  }
  return info
}

/** The largest number that is no more than 2^64 - 1: readers of JSON refuse an unsigned 64-bit field above. */
const LARGEST = 2 ** 64 - 2048

function readField(bytes: Uint8Array, offset: number, width: 1 | 2 | 4 | 8): number {
  switch (width) {
    case 1:
      return bytes[offset]!
    case 2:
      return bytes[offset]! | (bytes[offset + 1]! << 8)
    case 4:
      return u32le(bytes, offset)
    case 8:
      return Math.min(u64le(bytes, offset), LARGEST)
  }
}
