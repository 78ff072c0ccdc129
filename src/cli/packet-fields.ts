/**
 * The fields of a SYN in wire order, for the diagram, and its options in words.
 * @module
 */
import { toHex, u16be } from '../bytes.ts'
import { EXTENSION_HEADER, IPV6_HEADER_LENGTH } from '../wire/ipv6.ts'
import type { Syn } from '../wire/syn.ts'
import { TCP_FLAG } from '../wire/tcp.ts'
import { TCP_OPTION, type TcpOption } from '../wire/tcp-options.ts'
import type { Paint, Palette } from './color.ts'
import type { DiagramField } from './packet-diagram.ts'

/** Names of IPv4 options (IANA "IP Option Numbers"). */
const IP_OPTION: Readonly<Record<number, string>> = {
  0: 'End of options',
  1: 'No operation',
  7: 'Record route',
  68: 'Time stamp',
  130: 'Security',
  131: 'Loose source route',
  134: 'Commercial security',
  136: 'Stream identifier',
  137: 'Strict source route',
  148: 'Router alert',
}

const EXTENSION: Readonly<Record<number, string>> = {
  [EXTENSION_HEADER.HOP_BY_HOP]: 'Hop-by-hop options',
  [EXTENSION_HEADER.ROUTING]: 'Routing header',
  [EXTENSION_HEADER.FRAGMENT]: 'Fragment header',
  [EXTENSION_HEADER.AUTHENTICATION]: 'Authentication header',
  [EXTENSION_HEADER.DESTINATION_OPTIONS]: 'Destination options',
  [EXTENSION_HEADER.MOBILITY]: 'Mobility header',
  [EXTENSION_HEADER.HOST_IDENTITY]: 'Host identity',
  [EXTENSION_HEADER.SHIM6]: 'Shim6',
  [EXTENSION_HEADER.EXPERIMENT_1]: 'Experiment 253',
  [EXTENSION_HEADER.EXPERIMENT_2]: 'Experiment 254',
}

/** Names of TCP options (IANA "TCP Option Kind Numbers"), as far as they have no short one of their own below. */
const TCP_OPTION_NAME: Readonly<Record<number, string>> = {
  [TCP_OPTION.EOL]: 'End of option list',
  [TCP_OPTION.NOP]: 'No operation',
  [TCP_OPTION.MSS]: 'Maximum segment size',
  [TCP_OPTION.WINDOW_SCALE]: 'Window scale',
  [TCP_OPTION.SACK_PERMITTED]: 'SACK permitted',
  [TCP_OPTION.SACK]: 'SACK',
  6: 'Echo',
  7: 'Echo reply',
  [TCP_OPTION.TIMESTAMPS]: 'Timestamps',
  9: 'Partial order permitted',
  10: 'Partial order profile',
  11: 'CC',
  12: 'CC.NEW',
  13: 'CC.ECHO',
  14: 'Alternate checksum request',
  15: 'Alternate checksum data',
  [TCP_OPTION.MD5_SIGNATURE]: 'MD5 signature',
  27: 'Quick-start',
  [TCP_OPTION.USER_TIMEOUT]: 'User timeout',
  [TCP_OPTION.AUTHENTICATION]: 'TCP-AO',
  [TCP_OPTION.MULTIPATH]: 'Multipath TCP',
  [TCP_OPTION.FAST_OPEN]: 'Fast Open cookie',
  [TCP_OPTION.ACCURATE_ECN_0]: 'Accurate ECN 0',
  [TCP_OPTION.ACCURATE_ECN_1]: 'Accurate ECN 1',
  [TCP_OPTION.EXPERIMENT_1]: 'Experiment 1',
  [TCP_OPTION.EXPERIMENT_2]: 'Experiment 2',
}

/** The name of a TCP option kind. */
export function optionName(kind: number): string {
  return TCP_OPTION_NAME[kind] ?? `Kind ${kind}`
}

const MULTIPATH: readonly string[] = ['MP_CAPABLE', 'MP_JOIN']

/** The value of an option in words; the empty string where it has none. */
export function optionValue(option: TcpOption): string {
  switch (option.type) {
    case 'mss':
      return `${option.mss} octets`
    case 'window-scale': {
      const shift = Math.min(option.windowScale, 14)
      const times = `window times ${2 ** shift}`
      return `${option.windowScale} (${option.windowScale > 14 ? `taken as 14: ${times}` : times})`
    }
    case 'timestamps':
      return `value ${option.value}, echo reply ${option.echoReply}`
    case 'sack':
      return option.blocks.map(({ left, right }) => `${left}-${right}`).join(', ')
    case 'fast-open':
      return `${option.cookie === '' ? 'a request for a cookie' : `cookie ${option.cookie}`}${option.experimental ? ' (experimental kind)' : ''}`
    case 'multipath': {
      const parts = [MULTIPATH[option.subtype] ?? `subtype ${option.subtype}`]
      if (option.version !== undefined) parts.push(`version ${option.version}`)
      if (option.key !== undefined) parts.push(`key ${option.key}`)
      if (option.addressId !== undefined) parts.push(`address ${option.addressId}`)
      if (option.token !== undefined) parts.push(`token ${option.token}`)
      return parts.join(', ')
    }
    case 'accurate-ecn':
      return option.counters.length === 0 ? 'no counters' : `counters ${option.counters.join(', ')}`
    case 'md5-signature':
      return option.digest
    case 'authentication':
      return `key ${option.keyId}, next ${option.receiveNextKeyId}, code ${option.code}`
    case 'user-timeout':
      return `${option.seconds} s`
    case 'experimental':
      return `${option.experimentId === undefined ? '' : `id 0x${option.experimentId.toString(16).padStart(4, '0')}`} ${option.data}`.trim()
    case 'unknown':
      return option.data
    default:
      return ''
  }
}

/** Makes fields of one colour, or of another one now and then. */
function fieldsIn(paint: Paint): (name: string, bits: number, value: number | string, other?: Paint) => DiagramField {
  return (name, bits, value, other = paint) => ({ name, bits, value: String(value), paint: other })
}

function ipv4Fields(syn: Syn, paint: Paint): DiagramField[] {
  const { ip, bytes, ipOffset } = syn
  if (ip.version !== 4) return []
  const field = fieldsIn(paint)
  const fields = [
    field('Version', 4, 4),
    field('IHL', 4, ip.headerLength / 4),
    field('DSCP', 6, ip.dscp),
    field('ECN', 2, ip.ecn),
    field('Total length', 16, ip.totalLength),
    field('Identification', 16, ip.identification),
    field('RF', 1, ip.reservedFlag ? 1 : 0),
    field('DF', 1, ip.dontFragment ? 1 : 0),
    field('MF', 1, ip.moreFragments ? 1 : 0),
    field('Fragment offset', 13, u16be(bytes, ipOffset + 6) & 0x1fff),
    field('Time to live', 8, ip.timeToLive),
    field('Protocol', 8, '6 (TCP)'),
    field('Header checksum', 16, `0x${ip.headerChecksum.toString(16).padStart(4, '0')}`),
    field('Source address', 32, ip.source),
    field('Destination address', 32, ip.destination),
  ]
  const options = ip.optionBytes
  for (let at = 0; at < options.length; ) {
    const kind = options[at]!
    const single = kind < 2
    const stated = single ? 1 : (options[at + 1] ?? 0)
    const good = single || (stated >= 2 && at + stated <= options.length)
    const length = good && kind !== 0 ? stated : options.length - at
    fields.push(field(IP_OPTION[kind] ?? `IP option ${kind}`, length * 8, toHex(options, at, at + length)))
    at += length
  }
  return fields
}

function ipv6Fields(syn: Syn, paint: Paint): DiagramField[] {
  const { ip, bytes, ipOffset } = syn
  if (ip.version !== 6) return []
  const field = fieldsIn(paint)
  const fields = [
    field('Version', 4, 6),
    field('DSCP', 6, ip.dscp),
    field('ECN', 2, ip.ecn),
    field('Flow label', 20, `0x${ip.flowLabel.toString(16).padStart(5, '0')}`),
    field('Payload length', 16, ip.payloadLength),
    field('Next header', 8, ip.nextHeader === 6 ? '6 (TCP)' : ip.nextHeader),
    field('Hop limit', 8, ip.hopLimit),
    field('Source address', 128, ip.source),
    field('Destination address', 128, ip.destination),
  ]
  let at = ipOffset + IPV6_HEADER_LENGTH
  for (const kind of ip.extensionHeaders) {
    const units = bytes[at + 1]!
    const length =
      kind === EXTENSION_HEADER.FRAGMENT
        ? 8
        : kind === EXTENSION_HEADER.AUTHENTICATION
          ? (units + 2) * 4
          : (units + 1) * 8
    fields.push(field('Next header', 8, bytes[at]!), field('Length', 8, units))
    fields.push(field(EXTENSION[kind] ?? `Header ${kind}`, (length - 2) * 8, toHex(bytes, at + 2, at + length)))
    at += length
  }
  return fields
}

/** Cells for what follows kind and length of an option. */
function optionData(option: TcpOption, paint: Paint): DiagramField[] {
  const { bytes } = option
  const octets = bytes.length - 2
  const field = fieldsIn(paint)
  if (octets <= 0) return []
  switch (option.type) {
    case 'mss':
      return [field('Maximum segment size', 16, option.mss)]
    case 'window-scale':
      return [field('Shift count', 8, option.windowScale)]
    case 'timestamps':
      return [field('TSval', 32, option.value), field('TSecr', 32, option.echoReply)]
    case 'sack':
      return option.blocks.flatMap(({ left, right }) => [field('Left edge', 32, left), field('Right edge', 32, right)])
    default:
      return [field(optionName(option.kind), octets * 8, toHex(bytes, 2, bytes.length))]
  }
}

function tcpFields(syn: Syn, paint: Paint, optionPaint: Paint, badPaint: Paint): DiagramField[] {
  const { tcp } = syn
  const field = fieldsIn(paint)
  const fields = [
    field('Source port', 16, tcp.sourcePort),
    field('Destination port', 16, tcp.destinationPort),
    field('Sequence number', 32, tcp.sequenceNumber),
    field('Acknowledgment number', 32, tcp.acknowledgmentNumber),
    field('Data offset', 4, tcp.dataOffset),
    field('Res', 3, tcp.reserved),
    ...Object.entries(TCP_FLAG)
      .reverse()
      .map(([name, bit]) => field(name, 1, (tcp.flagBits & bit) === 0 ? 0 : 1)),
    field('Window', 16, tcp.window),
    field('Checksum', 16, `0x${tcp.checksum.toString(16).padStart(4, '0')}`),
    field('Urgent pointer', 16, tcp.urgentPointer),
  ]
  const { malformed, optionBytes } = tcp
  let end = 0
  for (const option of tcp.options) {
    if (malformed !== undefined && option.offset >= malformed.offset) break
    const short = SHORT_NAME[option.kind] ?? 'Kind'
    fields.push(field(short, 8, option.kind, optionPaint))
    if (option.bytes.length > 1) fields.push(field('Length', 8, option.length, optionPaint))
    fields.push(...optionData(option, optionPaint))
    end = option.offset + option.bytes.length
  }
  if (end < optionBytes.length) {
    const rest = toHex(optionBytes, end)
    const name = malformed === undefined ? 'Padding' : 'Malformed'
    fields.push(field(name, rest.length * 4, rest, malformed === undefined ? optionPaint : badPaint))
  }
  return fields
}

/** Names that fit over one octet. */
const SHORT_NAME: Readonly<Record<number, string>> = {
  [TCP_OPTION.EOL]: 'End of list',
  [TCP_OPTION.NOP]: 'NOP',
  [TCP_OPTION.MSS]: 'MSS',
  [TCP_OPTION.WINDOW_SCALE]: 'Window scale',
  [TCP_OPTION.SACK_PERMITTED]: 'SACK permitted',
  [TCP_OPTION.SACK]: 'SACK',
  [TCP_OPTION.TIMESTAMPS]: 'Timestamps',
  [TCP_OPTION.MD5_SIGNATURE]: 'MD5',
  [TCP_OPTION.USER_TIMEOUT]: 'User timeout',
  [TCP_OPTION.AUTHENTICATION]: 'TCP-AO',
  [TCP_OPTION.MULTIPATH]: 'Multipath',
  [TCP_OPTION.FAST_OPEN]: 'Fast Open',
  [TCP_OPTION.ACCURATE_ECN_0]: 'AccECN 0',
  [TCP_OPTION.ACCURATE_ECN_1]: 'AccECN 1',
  [TCP_OPTION.EXPERIMENT_1]: 'Experiment 1',
  [TCP_OPTION.EXPERIMENT_2]: 'Experiment 2',
}

/** All fields from the IP header to the end of the TCP options. */
export function packetFields(syn: Syn, colors: Palette): DiagramField[] {
  return [
    ...ipv4Fields(syn, colors.cyan),
    ...ipv6Fields(syn, colors.cyan),
    ...tcpFields(syn, colors.green, colors.yellow, colors.red),
  ]
}
