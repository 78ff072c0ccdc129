/**
 * The fields of a SYN in wire order: name, value and meaning, for diagrams.
 * @module
 */
import { toHex, u16be } from '../base/bytes.ts'
import { plural } from '../base/text.ts'
import { guessHopDistance, guessInitialTtl } from '../fingerprint/ttl.ts'
import { EXTENSION_HEADER, extensionHeaderLength, IPV6_HEADER_LENGTH } from '../wire/ipv6.ts'
import type { Syn } from '../wire/syn.ts'
import { TCP_FLAG } from '../wire/tcp.ts'
import { TCP_OPTION, type TcpOption } from '../wire/tcp-options.ts'
import { aboutOption, optionName } from './options.ts'

/** Part of the packet that a field belongs to; `malformed` is where the walk through the TCP options ended early. */
export type FieldGroup = 'ip' | 'tcp' | 'option' | 'malformed'

/** One field. The fields of a packet follow each other without gaps, from the IP header to the end of the TCP options. */
export interface PacketField {
  readonly name: string
  readonly value: string
  readonly bits: number
  readonly group: FieldGroup
  /** What the field is for and what its value tells: one or two sentences. */
  readonly about: string
}

type MakeField = (name: string, bits: number, value: number | string, about: string, other?: FieldGroup) => PacketField

/** Makes fields of one group. */
function fieldsOf(group: FieldGroup): MakeField {
  return (name, bits, value, about, other = group) => ({ name, bits, value: String(value), group: other, about })
}

const hex = (value: number, digits: number): string => `0x${value.toString(16).padStart(digits, '0')}`

const ECN: readonly string[] = ['Not ECT', 'ECT(1)', 'ECT(0)', 'CE']

function aboutEcn(ecn: number): string {
  const meaning = `Explicit Congestion Notification, RFC 3168: ${ECN[ecn]}.`
  return ecn === 0 ? `${meaning} Usual for a SYN.` : `${meaning} Unusual for a SYN.`
}

function aboutTimeToLive(value: number): string {
  return `Every router on the way takes 1 off. Systems start at 64, 128 or 255, so this one probably started at ${guessInitialTtl(value)} and came through ${plural(guessHopDistance(value), 'router')}.`
}

const ABOUT_DSCP =
  'Differentiated services code point, RFC 2474: the kind of forwarding that is asked for. 0 is best effort.'

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

function ipv4Fields(syn: Syn): PacketField[] {
  const { ip, bytes, ipOffset } = syn
  if (ip.version !== 4) return []
  const field = fieldsOf('ip')
  const fields = [
    field('Version', 4, 4, 'Version of the Internet Protocol, RFC 791.'),
    field('IHL', 4, ip.headerLength / 4, `Internet header length in words of four octets: ${ip.headerLength} octets.`),
    field('DSCP', 6, ip.dscp, ABOUT_DSCP),
    field('ECN', 2, ip.ecn, aboutEcn(ip.ecn)),
    field('Total length', 16, ip.totalLength, 'Octets of the whole packet, this header included.'),
    field(
      'Identification',
      16,
      ip.identification,
      'Tells fragments of one packet from those of another. How it is chosen (zero, counting, random) differs between systems.',
    ),
    field('RF', 1, ip.reservedFlag ? 1 : 0, 'Reserved flag. Must be zero.'),
    field(
      'DF',
      1,
      ip.dontFragment ? 1 : 0,
      ip.dontFragment
        ? 'Don\u2019t fragment: set, as by every system that looks for the path MTU.'
        : 'Don\u2019t fragment: not set. Few systems of today leave it out.',
    ),
    field('MF', 1, ip.moreFragments ? 1 : 0, 'More fragments. A SYN is not fragmented.'),
    field(
      'Fragment offset',
      13,
      u16be(bytes, ipOffset + 6) & 0x1fff,
      'Where this fragment belongs in the packet, in units of eight octets.',
    ),
    field('Time to live', 8, ip.timeToLive, aboutTimeToLive(ip.timeToLive)),
    field('Protocol', 8, '6 (TCP)', 'What the packet carries: 6 is TCP.'),
    field('Header checksum', 16, hex(ip.headerChecksum, 4), 'Checksum of this header, made anew by every router.'),
    field('Source address', 32, ip.source, 'Who sent the packet, as far as the network shows.'),
    field('Destination address', 32, ip.destination, 'Whom it was sent to.'),
  ]
  const options = ip.optionBytes
  for (let at = 0; at < options.length; ) {
    const kind = options[at]!
    const single = kind < 2
    const stated = single ? 1 : (options[at + 1] ?? 0)
    const good = single || (stated >= 2 && at + stated <= options.length)
    const length = good && kind !== 0 ? stated : options.length - at
    fields.push(
      field(
        IP_OPTION[kind] ?? `IP option ${kind}`,
        length * 8,
        toHex(options, at, at + length),
        `IP option ${kind}. Rare on the Internet: many routers drop packets with options.`,
      ),
    )
    at += length
  }
  return fields
}

function ipv6Fields(syn: Syn): PacketField[] {
  const { ip, bytes, ipOffset } = syn
  if (ip.version !== 6) return []
  const field = fieldsOf('ip')
  const fields = [
    field('Version', 4, 6, 'Version of the Internet Protocol, RFC 8200.'),
    field('DSCP', 6, ip.dscp, ABOUT_DSCP),
    field('ECN', 2, ip.ecn, aboutEcn(ip.ecn)),
    field(
      'Flow label',
      20,
      hex(ip.flowLabel, 5),
      ip.flowLabel === 0
        ? 'Flow label, RFC 6437: not used by this sender.'
        : 'Flow label, RFC 6437: a number that the packets of one connection share. Linux and Apple set it.',
    ),
    field('Payload length', 16, ip.payloadLength, 'Octets after this header.'),
    field('Next header', 8, ip.nextHeader === 6 ? '6 (TCP)' : ip.nextHeader, 'What follows this header: 6 is TCP.'),
    field('Hop limit', 8, ip.hopLimit, aboutTimeToLive(ip.hopLimit)),
    field('Source address', 128, ip.source, 'Who sent the packet, as far as the network shows.'),
    field('Destination address', 128, ip.destination, 'Whom it was sent to.'),
  ]
  let at = ipOffset + IPV6_HEADER_LENGTH
  for (const kind of ip.extensionHeaders) {
    const length = extensionHeaderLength(kind, bytes, at)
    const name = EXTENSION[kind] ?? `Header ${kind}`
    const about = `Extension header ${kind}, ${length} octets. Rare in a SYN.`
    fields.push(
      field('Next header', 8, bytes[at]!, `What follows the extension header. ${about}`),
      field('Length', 8, bytes[at + 1]!, `Length of the extension header as it is written. ${about}`),
      field(name, (length - 2) * 8, toHex(bytes, at + 2, at + length), about),
    )
    at += length
  }
  return fields
}

const FLAG: Readonly<Record<string, string>> = {
  FIN: 'no more data from the sender. Makes no sense in a SYN.',
  SYN: 'synchronize sequence numbers: this opens a connection.',
  RST: 'reset. Makes no sense in a SYN.',
  PSH: 'hand the data on at once. Unusual in a SYN.',
  ACK: 'the acknowledgment number counts. Set in the answer to a SYN.',
  URG: 'the urgent pointer counts. Unusual in a SYN.',
  ECE: 'ECN echo. In a SYN together with CWR: the client can do ECN, RFC 3168.',
  CWR: 'congestion window reduced. In a SYN together with ECE: the client can do ECN, RFC 3168.',
  AE: 'Accurate ECN, RFC 9768 (once NS). In a SYN together with CWR and ECE: the client can do Accurate ECN.',
}

/** Cells for what follows kind and length of an option. */
function optionData(option: TcpOption, about: string): PacketField[] {
  const { bytes } = option
  const octets = bytes.length - 2
  const field = fieldsOf('option')
  if (octets <= 0) return []
  switch (option.type) {
    case 'mss':
      return [field('Maximum segment size', 16, option.mss, about)]
    case 'window-scale':
      return [field('Shift count', 8, option.windowScale, about)]
    case 'timestamps':
      return [
        field('TSval', 32, option.value, `The sender\u2019s clock. ${about}`),
        field('TSecr', 32, option.echoReply, `The clock of the peer, echoed: 0 in a first SYN. ${about}`),
      ]
    case 'sack':
      return option.blocks.flatMap(({ left, right }) => [
        field('Left edge', 32, left, about),
        field('Right edge', 32, right, about),
      ])
    default:
      return [field(optionName(option.kind), octets * 8, toHex(bytes, 2, bytes.length), about)]
  }
}

function tcpFields(syn: Syn): PacketField[] {
  const { tcp } = syn
  const field = fieldsOf('tcp')
  const fields = [
    field('Source port', 16, tcp.sourcePort, 'Port of the client, chosen by its system for this connection.'),
    field('Destination port', 16, tcp.destinationPort, 'Port of the server.'),
    field(
      'Sequence number',
      32,
      tcp.sequenceNumber,
      'Where the client starts to count its data: a random number, RFC 6528.',
    ),
    field('Acknowledgment number', 32, tcp.acknowledgmentNumber, 'What was received so far. A first SYN has 0.'),
    field(
      'Data offset',
      4,
      tcp.dataOffset,
      `Length of the TCP header in words of four octets: ${tcp.dataOffset * 4} octets, of which ${tcp.dataOffset * 4 - 20} are options.`,
    ),
    field('Res', 3, tcp.reserved, 'Reserved bits. Must be zero.'),
    ...Object.entries(TCP_FLAG)
      .reverse()
      .map(([name, bit]) => field(name, 1, (tcp.flagBits & bit) === 0 ? 0 : 1, `${name}: ${FLAG[name]}`)),
    field('Window', 16, tcp.window, aboutWindow(syn)),
    field(
      'Checksum',
      16,
      hex(tcp.checksum, 4),
      'Checksum of header and data. On loopback it is left to hardware that is not there.',
    ),
    field('Urgent pointer', 16, tcp.urgentPointer, 'Where urgent data ends. Counts only with URG.'),
  ]
  const { malformed, optionBytes } = tcp
  let end = 0
  for (const option of tcp.options) {
    if (malformed !== undefined && option.offset >= malformed.offset) break
    const about = aboutOption(option)
    fields.push(field(shortName(option.kind), 8, option.kind, `Option kind ${option.kind}. ${about}`, 'option'))
    if (option.bytes.length > 1) {
      fields.push(field('Length', 8, option.length, 'Octets of this option, kind and length included.', 'option'))
    }
    fields.push(...optionData(option, about))
    end = option.offset + option.bytes.length
  }
  if (end < optionBytes.length) {
    const rest = toHex(optionBytes, end)
    fields.push(
      malformed === undefined
        ? field('Padding', rest.length * 4, rest, 'Octets after End of Option List, up to a whole word.', 'option')
        : field(
            'Malformed',
            rest.length * 4,
            rest,
            malformed.reason === 'bad-length'
              ? 'An option with a length that it cannot have: nothing from here on can be read.'
              : 'An option that does not fit into the header: nothing from here on can be read.',
            'malformed',
          ),
    )
  }
  return fields
}

function aboutWindow({ ip, tcp }: Syn): string {
  const { mss, window } = tcp
  let text = 'How much the client takes before it must be asked again. In a SYN it is never scaled.'
  if (mss === undefined || mss === 0) return text
  if (window > 0 && window % mss === 0) text += ` It is ${window / mss} times the MSS.`
  else {
    const mtu = mss + (ip.version === 4 ? 40 : 60)
    if (window > 0 && window % mtu === 0) text += ` It is ${window / mtu} times the MTU.`
  }
  return text
}

/** Names that fit over one octet, where those of {@link optionName} do not. */
const SHORT_NAME: Readonly<Record<number, string>> = {
  [TCP_OPTION.EOL]: 'End of list',
  [TCP_OPTION.NOP]: 'NOP',
  [TCP_OPTION.MSS]: 'MSS',
  [TCP_OPTION.MD5_SIGNATURE]: 'MD5',
  [TCP_OPTION.MULTIPATH]: 'Multipath',
  [TCP_OPTION.FAST_OPEN]: 'Fast Open',
  [TCP_OPTION.ACCURATE_ECN_0]: 'AccECN 0',
  [TCP_OPTION.ACCURATE_ECN_1]: 'AccECN 1',
}
/** Characters of a name over one octet. */
const SHORT = 14

/** The name of an option as it fits over one octet. */
function shortName(kind: number): string {
  const name = SHORT_NAME[kind] ?? optionName(kind)
  return name.length > SHORT ? 'Kind' : name
}

/** All fields from the IP header to the end of the TCP options. */
export function describePacket(syn: Syn): PacketField[] {
  return [...ipv4Fields(syn), ...ipv6Fields(syn), ...tcpFields(syn)]
}
