/**
 * The commands: names, options and help texts. Their code is loaded when they run.
 * @module
 */
import type { Arguments, OptionSpec } from './arguments.ts'
import type { Io } from './io.ts'

/** A command's code. Returns the exit code: 0 all good, 1 some input was bad. */
export type Run = (args: Arguments, io: Io) => number | Promise<number>

/** One command as `--help` shows it. */
export interface Command {
  readonly name: string
  /** One line for the list of commands. */
  readonly summary: string
  /** What stands behind the command's name. */
  readonly usage: string
  /** Paragraphs. */
  readonly description: readonly string[]
  readonly options: readonly OptionSpec[]
  /** Lines to type, each with what it does. */
  readonly examples: readonly (readonly [command: string, what: string])[]
  load(): Promise<{ readonly run: Run }>
}

const JSON_OPTION: OptionSpec = { name: 'json', help: 'print one JSON object per line instead of text for people' }
const P0F_DB: OptionSpec = {
  name: 'p0f-db',
  value: 'FILE',
  help: 'take labels from this p0f v3 database (p0f.fp)\ninstead of the built-in one; repeat it to join several',
}
const JA4T: OptionSpec = {
  name: 'ja4t',
  help: 'add the JA4T fingerprint\n(FoxIO License 1.1: no monetization without their permission)',
}

/** All commands in the order of the help text. */
export const COMMANDS: readonly Command[] = [
  {
    name: 'parse',
    summary: 'decode saved TCP SYN packets',
    usage: '[--json] [--p0f-db FILE] [--ja4t] [HEX... | -]',
    description: [
      'Decodes SYN packets as Linux keeps them for TCP_SAVED_SYN: hexadecimal octets from the IP header (or the Ethernet header before it) to the end of the TCP options.',
      'Without HEX, or with "-", reads standard input, one packet a line. With --json every line of input is answered by exactly one line of output, in order: a record, or {"error": {"reason": ..., "offset": ...}}.',
    ],
    options: [JSON_OPTION, P0F_DB, JA4T],
    examples: [
      [
        'tcpfingerprint parse 4500003c1234400039064343c000020ac6336407a8ca01bb1122334400000000a002faf000000000020405b40402080a00a1b2c30000000001030307',
        'explain one SYN',
      ],
      ['tcpfingerprint parse --json - < syns.txt | jq -r .label.name', 'name the system behind each line'],
    ],
    load: () => import('./parse.ts'),
  },
  {
    name: 'info',
    summary: 'decode struct tcp_info dumps',
    usage: '[--json] [HEX... | -]',
    description: [
      'Decodes what getsockopt(TCP_INFO) returned on Linux, as hexadecimal octets in little-endian order. Any length is good: a kernel that knows fewer fields returns fewer octets.',
      'Without HEX, or with "-", reads standard input, one dump a line. With --json every line is answered by exactly one line, in order.',
    ],
    options: [JSON_OPTION],
    examples: [['tcpfingerprint info - < tcp_info.txt', 'a table with units for each line']],
    load: () => import('./info.ts'),
  },
  {
    name: 'pcap',
    summary: 'decode every SYN of capture files',
    usage: '[--json] [--p0f-db FILE] [--ja4t] FILE...',
    description: [
      'Reads pcap and pcapng files, also compressed with gzip, or standard input for "-", and prints every TCP segment with SYN set and ACK clear as "parse" does, with the keys "file" and "frame" (from 1, as Wireshark numbers). Other packets are passed over. Files larger than memory are no problem.',
      'Links: Ethernet with VLAN tags, MPLS and PPPoE, raw IP, Linux cooked v1 and v2, null and loopback, PPP, Wi-Fi and more; tunnels are opened and listed in "tunnel".',
      'What cannot be read (a packet cut short, an unknown link type, a truncated file) is told with file and frame, on standard error and, with --json, as an {"error": ...} record; everything else is still read, and the exit code is 1.',
    ],
    options: [JSON_OPTION, P0F_DB, JA4T],
    examples: [
      ['tcpfingerprint pcap --json monday.pcap tuesday.pcapng > syns.ndjson', 'one record per SYN'],
      ["tcpdump -w - 'tcp[13] & 18 = 2' | tcpfingerprint pcap -", 'watch SYNs as they come'],
    ],
    load: () => import('./pcap.ts'),
  },
]

/** Exit codes and environment, the same for all commands. */
export const COMMON_HELP: readonly string[] = [
  'Exit status: 0 all good, 1 some input was bad (the rest was still processed), 2 wrong usage.',
  'Environment: NO_COLOR turns colours off, FORCE_COLOR turns them on; without either, only a terminal gets them.',
]
