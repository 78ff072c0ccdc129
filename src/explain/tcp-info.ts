/**
 * `struct tcp_info` in words: what each field means, and its value as people read it.
 * @module
 */
import { plural } from '../base/text.ts'
import {
  TCP_CA_STATE,
  TCP_INFO_FIELDS,
  TCP_INFO_OPTION,
  TCP_STATE,
  type TcpInfo,
  type TcpInfoUnit,
} from '../wire/tcp-info.ts'
import type { TcpInfoName } from '../wire/tcp-info-names.ts'
import { duration } from './units.ts'

/** What each field means, in a few words. Source: linux/tcp.h, net/ipv4/tcp.c `tcp_get_info`. */
const MEANING: Readonly<Record<TcpInfoName, string>> = {
  state: 'state of the connection',
  ca_state: 'state of congestion control',
  retransmits: 'retransmissions of the segment now in flight',
  probes: 'window or keep-alive probes without an answer',
  backoff: 'doublings of the retransmission timer',
  options: 'what both ends agreed on',
  snd_wscale: 'window scale of the peer',
  rcv_wscale: 'window scale of this end',
  delivery_rate_app_limited: 'delivery_rate is bounded by the application',
  fastopen_client_fail: 'why TCP Fast Open failed (client)',
  rto: 'retransmission timeout',
  ato: 'delayed-ACK timeout',
  snd_mss: 'segment size sent, options taken off',
  rcv_mss: 'segment size received, estimated',
  unacked: 'sent, not acknowledged',
  sacked: 'selectively acknowledged',
  lost: 'taken as lost',
  retrans: 'retransmitted, not acknowledged',
  fackets: 'always 0 since Linux 4.15',
  last_data_sent: 'since data was sent last',
  last_ack_sent: 'always 0',
  last_data_recv: 'since data came last',
  last_ack_recv: 'since an acknowledgment came last',
  pmtu: 'path MTU',
  rcv_ssthresh: 'limit of the receive window now',
  rtt: 'round-trip time, smoothed',
  rttvar: 'deviation of the round-trip time',
  snd_ssthresh: 'slow-start threshold',
  snd_cwnd: 'congestion window',
  advmss: 'MSS this end announced',
  reordering: 'reordering tolerated',
  rcv_rtt: 'round-trip time seen by the receiver',
  rcv_space: 'receive buffer space per round trip',
  total_retrans: 'retransmissions in all',
  pacing_rate: 'pacing rate',
  max_pacing_rate: 'limit of the pacing rate',
  bytes_acked: 'data acknowledged by the peer',
  bytes_received: 'data received',
  segs_out: 'segments sent',
  segs_in: 'segments received',
  notsent_bytes: 'data waiting in the send queue',
  min_rtt: 'smallest round-trip time of late',
  data_segs_in: 'segments with data received',
  data_segs_out: 'segments with data sent',
  delivery_rate: 'rate of delivery, latest estimate',
  busy_time: 'time with data in flight',
  rwnd_limited: 'time held up by the peer\u2019s window',
  sndbuf_limited: 'time held up by the send buffer',
  delivered: 'delivered to the peer',
  delivered_ce: 'delivered with a congestion mark',
  bytes_sent: 'data sent, retransmissions included',
  bytes_retrans: 'data retransmitted',
  dsack_dups: 'duplicates the peer reported',
  reord_seen: 'reordering seen',
  rcv_ooopack: 'received out of order',
  snd_wnd: 'window of the peer',
  rcv_wnd: 'window of this end',
  rehash: 'changes of path after a timeout',
  total_rto: 'retransmission timeouts',
  total_rto_recoveries: 'recoveries from timeouts',
  total_rto_time: 'time spent in timeouts',
  received_ce: 'received with a congestion mark',
  delivered_e1_bytes: 'delivered with ECT(1)',
  delivered_e0_bytes: 'delivered with ECT(0)',
  delivered_ce_bytes: 'delivered with CE',
  received_e1_bytes: 'received with ECT(1)',
  received_e0_bytes: 'received with ECT(0)',
  received_ce_bytes: 'received with CE',
}

const UNIT: Readonly<Record<TcpInfoUnit, string>> = {
  state: '',
  events: '',
  bits: '',
  shift: '',
  flag: '',
  microseconds: '\u00b5s',
  milliseconds: 'ms',
  octets: 'octets',
  segments: 'segments',
  'octets per second': 'octets/s',
}

/** Digits in groups of three. */
function grouped(value: number): string {
  return BigInt(value)
    .toString()
    .replace(/\B(?=(\d{3})+$)/g, ' ')
}

/** The value in words where the number alone says little; `undefined` to print the number. */
function inWords(name: TcpInfoName, value: number): string | undefined {
  switch (name) {
    case 'state':
      return TCP_STATE[value] ?? `${value} (unknown)`
    case 'ca_state':
      return TCP_CA_STATE[value] ?? `${value} (unknown)`
    case 'options': {
      const names = Object.entries(TCP_INFO_OPTION)
        .filter(([bit]) => (value & Number(bit)) !== 0)
        .map(([, word]) => word)
      return names.length === 0 ? 'none' : names.join(' ')
    }
    case 'delivery_rate_app_limited':
      return value === 1 ? 'yes' : 'no'
    case 'min_rtt':
      return value === 0xffffffff ? 'no sample' : undefined
    case 'snd_ssthresh':
      return value === 0x7fffffff ? 'unlimited' : undefined
    case 'pacing_rate':
    case 'max_pacing_rate':
      return value >= 2 ** 64 - 2048 ? 'unlimited' : undefined
    default:
      return undefined
  }
}

/** A time of 1 ms or more once more in a unit that people read; the empty string for all else. */
function readable(value: number, unit: TcpInfoUnit): string {
  const microseconds = unit === 'microseconds' ? value : unit === 'milliseconds' ? value * 1000 : 0
  if (microseconds >= 1e6) return ` (${(microseconds / 1e6).toFixed(2)} s)`
  return unit === 'microseconds' && microseconds >= 1000 ? ` (${(microseconds / 1000).toFixed(2)} ms)` : ''
}

/** One field of a dump as people read it. */
export interface ExplainedField {
  readonly name: TcpInfoName
  /** The number as the kernel gave it. */
  readonly raw: number
  /** Digits in groups of three, or words where the number alone says little. */
  readonly value: string
  /** Empty beside words and where there is none; a long time is there once more in a larger unit. */
  readonly unit: string
  readonly meaning: string
}

/** The fields that are there, in the order of the struct. */
export function explainTcpInfo(info: TcpInfo): ExplainedField[] {
  const rows: ExplainedField[] = []
  for (const [name, , , unit] of TCP_INFO_FIELDS) {
    const raw = info[name]
    if (raw === undefined) continue
    const words = inWords(name, raw)
    rows.push({
      name,
      raw,
      value: words ?? grouped(raw),
      unit: words === undefined ? UNIT[unit] + readable(raw, unit) : '',
      meaning: MEANING[name],
    })
  }
  return rows
}

/** Fields that are read together, each group with the question that it answers. */
const GROUPS: readonly (readonly [title: string, names: readonly TcpInfoName[]])[] = [
  ['How long is the way?', ['rtt', 'rttvar', 'min_rtt', 'rcv_rtt', 'rto', 'ato']],
  [
    'Was anything lost?',
    [
      'total_retrans',
      'bytes_retrans',
      'retrans',
      'retransmits',
      'lost',
      'sacked',
      'dsack_dups',
      'reord_seen',
      'reordering',
      'rcv_ooopack',
      'total_rto',
      'total_rto_recoveries',
      'total_rto_time',
      'backoff',
      'probes',
      'rehash',
      'ca_state',
    ],
  ],
  [
    'How fast is it?',
    [
      'delivery_rate',
      'delivery_rate_app_limited',
      'pacing_rate',
      'max_pacing_rate',
      'busy_time',
      'rwnd_limited',
      'sndbuf_limited',
      'notsent_bytes',
      'unacked',
    ],
  ],
  [
    'How much was sent?',
    [
      'bytes_received',
      'bytes_sent',
      'bytes_acked',
      'segs_in',
      'segs_out',
      'data_segs_in',
      'data_segs_out',
      'delivered',
      'last_data_recv',
      'last_data_sent',
      'last_ack_recv',
      'last_ack_sent',
    ],
  ],
  [
    'Windows and sizes',
    [
      'snd_cwnd',
      'snd_ssthresh',
      'snd_wnd',
      'rcv_wnd',
      'rcv_space',
      'rcv_ssthresh',
      'snd_mss',
      'rcv_mss',
      'advmss',
      'pmtu',
      'snd_wscale',
      'rcv_wscale',
    ],
  ],
]

/** A group of fields. */
export interface TcpInfoGroup {
  readonly title: string
  readonly fields: readonly ExplainedField[]
}

/** The fields that are there in groups; what no group names comes last. A group without a field is absent. */
export function groupTcpInfo(info: TcpInfo): TcpInfoGroup[] {
  const fields = new Map(explainTcpInfo(info).map((field) => [field.name, field]))
  const groups: TcpInfoGroup[] = []
  const add = (title: string, list: readonly (ExplainedField | undefined)[]): void => {
    const found = list.filter((field) => field !== undefined)
    if (found.length > 0) groups.push({ title, fields: found })
  }
  for (const [title, names] of GROUPS) {
    add(
      title,
      names.map((name) => fields.get(name)),
    )
    for (const name of names) fields.delete(name)
  }
  add('State and marks', [...fields.values()])
  return groups
}

/** A quantity with one unit out of several, to three digits. */
function scaled(value: number, units: readonly string[]): string {
  let rest = value
  let unit = 0
  for (; rest >= 999.5 && unit < units.length - 1; unit++) rest /= 1000
  return `${Number(rest.toPrecision(3))} ${units[unit]}`
}

/** The value of a field as people say it: `1.2 ms`, `14.6 kB`, `1.2 Mbit/s`, `10 segments`. */
export function humanValue({ name, raw, value }: Pick<ExplainedField, 'name' | 'raw' | 'value'>): string {
  if (inWords(name, raw) !== undefined) return value
  const unit = TCP_INFO_FIELDS.find(([field]) => field === name)?.[3]
  switch (unit) {
    case 'microseconds':
      return duration(raw)
    case 'milliseconds':
      return duration(raw * 1000)
    case 'octets':
      return scaled(raw, ['B', 'kB', 'MB', 'GB', 'TB'])
    case 'octets per second':
      return scaled(raw * 8, ['bit/s', 'kbit/s', 'Mbit/s', 'Gbit/s', 'Tbit/s'])
    case 'segments':
      return plural(raw, 'segment')
    default:
      return value
  }
}
