/**
 * TCP options in words.
 * @module
 */
import { plural } from '../base/text.ts'
import type { TcpHeader } from '../wire/tcp.ts'
import { TCP_OPTION, type TcpOption } from '../wire/tcp-options.ts'

/** Names of TCP options (IANA "TCP Option Kind Numbers"), as far as a SYN may show them. */
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
function optionValue(option: TcpOption): string {
  switch (option.type) {
    case 'mss':
      return plural(option.mss, 'octet')
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

/** What each kind is for, a sentence or two. */
const ABOUT: Readonly<Record<number, string>> = {
  [TCP_OPTION.EOL]: 'Ends the list of options, RFC 9293.',
  [TCP_OPTION.NOP]: 'Does nothing: it moves the next option to an even place. Where it stands differs between systems.',
  [TCP_OPTION.MSS]:
    'The largest segment that the client takes, RFC 9293: its MTU without the headers. Tunnels and routers lower it.',
  [TCP_OPTION.WINDOW_SCALE]: 'By how many bits later windows are shifted, RFC 7323. Above 14 counts as 14.',
  [TCP_OPTION.SACK_PERMITTED]: 'The client understands selective acknowledgments, RFC 2018.',
  [TCP_OPTION.SACK]: 'Selective acknowledgment, RFC 2018. Has no place in a SYN.',
  [TCP_OPTION.TIMESTAMPS]: 'Timestamps, RFC 7323: both ends measure the round trip with them. Windows leaves them out.',
  [TCP_OPTION.MD5_SIGNATURE]: 'MD5 signature, RFC 2385: routers protect BGP with it.',
  [TCP_OPTION.USER_TIMEOUT]: 'How long unacknowledged data may wait, RFC 5482.',
  [TCP_OPTION.AUTHENTICATION]: 'TCP Authentication Option, RFC 5925.',
  [TCP_OPTION.MULTIPATH]: 'Multipath TCP, RFC 8684: one connection over several paths.',
  [TCP_OPTION.FAST_OPEN]: 'TCP Fast Open, RFC 7413: with a cookie from an earlier visit, data can go with the SYN.',
  [TCP_OPTION.ACCURATE_ECN_0]: 'Accurate ECN, RFC 9768: counts of marked octets.',
  [TCP_OPTION.ACCURATE_ECN_1]: 'Accurate ECN, RFC 9768: counts of marked octets.',
  [TCP_OPTION.EXPERIMENT_1]: 'An experiment, RFC 6994; its identifier comes first.',
  [TCP_OPTION.EXPERIMENT_2]: 'An experiment, RFC 6994; its identifier comes first.',
}

/** What an option is for and what it says. */
export function aboutOption(option: TcpOption): string {
  const value = optionValue(option)
  const about =
    ABOUT[option.kind] ??
    `${optionName(option.kind)}: rare or unassigned, see IANA \u201cTCP Option Kind Numbers\u201d.`
  return value === '' ? about : `${about} Here: ${value}.`
}

/** One option of a list for people. */
export interface ExplainedOption {
  readonly name: string
  readonly kind: number
  /** What it says, or why it cannot be read; the empty string where it says nothing. */
  readonly value: string
  /** True if the walk through the options ended here, because the option cannot be read. */
  readonly malformed: boolean
  readonly bytes: Uint8Array
}

/** The options of a SYN for people. */
export interface ExplainedOptions {
  /** In wire order. */
  readonly list: readonly ExplainedOption[]
  /** What follows End of Option List: `3 octets of padding`; the empty string where nothing does. */
  readonly padding: string
  /** The padding in hexadecimal where an octet of it is not zero. */
  readonly noise: string | undefined
}

/** The options of a TCP header in wire order, each with what it says. */
export function explainOptions(tcp: TcpHeader): ExplainedOptions {
  const { malformed } = tcp
  const { paddingLength: afterEnd } = tcp
  return {
    list: tcp.options.map((option) => {
      const bad = malformed !== undefined && option.offset === malformed.offset
      const { kind, bytes } = option
      return {
        name: optionName(kind),
        kind,
        value: bad ? whyMalformed(option, malformed.reason) : optionValue(option),
        malformed: bad,
        bytes,
      }
    }),
    padding: afterEnd <= 0 ? '' : `${plural(afterEnd, 'octet')} of padding`,
    noise: tcp.padding,
  }
}

function whyMalformed({ length }: TcpOption, reason: 'bad-length' | 'truncated'): string {
  return reason === 'bad-length'
    ? `malformed: its length octet is ${length}`
    : 'malformed: it does not fit into the header'
}
