/**
 * The commands: names, options and help texts. Their code is loaded when they run.
 * @module
 */
import type { Arguments, OptionSpec } from './args.ts'
import type { Io } from './io.ts'

/** A command's code. Returns the exit code: 0 all good, 1 some input was bad. */
export type Run = (args: Arguments, io: Io) => number | Promise<number>

/** One command as `--help` shows it. */
export interface Command {
  readonly name: string
  /** One line for the list of commands. */
  readonly summary: string
  /** What stands behind the command's name, in parts that are not broken between lines. */
  readonly usage: readonly string[]
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
const TOLERANT: OptionSpec = {
  name: 'tolerant',
  help: 'let signatures of --p0f-db match in spite of an IPv6 flow\nlabel or Accurate ECN, which p0f does not know',
}
const JA4T: OptionSpec = {
  name: 'ja4t',
  help: 'add the JA4T fingerprint\n(FoxIO License 1.1: no monetization)',
}

/** All commands in the order of the help text. */
export const COMMANDS: readonly Command[] = [
  {
    name: 'parse',
    summary: 'decode saved TCP SYN packets',
    usage: ['[--json]', '[--p0f-db FILE]', '[--tolerant]', '[--ja4t]', '[HEX... | -]'],
    description: [
      'Decodes SYN packets as Linux keeps them for TCP_SAVED_SYN: hexadecimal octets from the IP header (or the Ethernet header before it) to the end of the TCP options.',
      'Without HEX, or with "-", reads standard input, one packet a line. With --json every line of input is answered by exactly one line of output, in order: a record, or {"error": {"reason": ..., "offset": ...}}.',
      'Octets may be parted by blanks, colons or commas and have 0x before them. Rows of tcpdump -x, -xx or -X, xxd, hexdump -C, od -A x -t x1 and Wireshark are one packet together, as many packets as there are.',
    ],
    options: [JSON_OPTION, P0F_DB, TOLERANT, JA4T],
    examples: [
      [
        'tcpfingerprint parse 4500003c1234400039064343c000020ac6336407a8ca01bb1122334400000000a002faf000000000020405b40402080a00a1b2c30000000001030307',
        'explain one SYN',
      ],
      ['tcpfingerprint parse --json - < syns.txt | jq -r .label.name', 'name the system behind each line'],
      ["tcpdump -l -x 'tcp[13] & 18 = 2' | tcpfingerprint parse", 'explain IPv4 SYNs as they come'],
    ],
    load: () => import('./commands/parse.ts'),
  },
  {
    name: 'info',
    summary: 'decode struct tcp_info dumps',
    usage: ['[--json]', '[HEX... | -]'],
    description: [
      'Decodes what getsockopt(TCP_INFO) returned on Linux, as hexadecimal octets in little-endian order. Any length is good: a kernel that knows fewer fields returns fewer octets.',
      'Without HEX, or with "-", reads standard input, one dump a line, or rows as "parse" takes them. With --json every line is answered by exactly one line, in order.',
    ],
    options: [JSON_OPTION],
    examples: [['tcpfingerprint info - < tcp_info.txt', 'a table with units for each line']],
    load: () => import('./commands/info.ts'),
  },
  {
    name: 'pcap',
    summary: 'decode every SYN of capture files',
    usage: ['[--json]', '[--p0f-db FILE]', '[--tolerant]', '[--ja4t]', 'FILE...'],
    description: [
      'Reads pcap and pcapng files, also compressed with gzip, or standard input for "-", and prints every TCP segment with SYN set, ACK and RST clear, as "parse" does, with the keys "file" and "frame" (from 1, as Wireshark numbers). Other packets are passed over. Files larger than memory are no problem.',
      'Links: Ethernet with VLAN tags, MPLS and PPPoE, raw IP, Linux cooked v1 and v2, null and loopback, PPP, Wi-Fi and more; tunnels are opened and listed in "tunnel".',
      'What cannot be read (a packet cut short, an unknown link type, a truncated file) is told with file and frame, on standard error and, with --json, as an {"error": ...} record; everything else is still read, and the exit code is 1.',
    ],
    options: [JSON_OPTION, P0F_DB, TOLERANT, JA4T],
    examples: [
      ['tcpfingerprint pcap --json monday.pcap tuesday.pcapng > syns.ndjson', 'one record per SYN'],
      [
        "tcpdump -U -w - 'tcp[13] & 18 = 2 or (ip6[6] = 6 and ip6[53] & 18 = 2)' | tcpfingerprint pcap -",
        'watch SYNs as they come',
      ],
    ],
    load: () => import('./commands/pcap.ts'),
  },
  {
    name: 'learn',
    summary: 'make a label database from logged fingerprints',
    usage: [
      '[--label-column NAME]',
      '[--no-headers]',
      '[--min-count N]',
      '[--conflicts omit|generic]',
      '[--majority SHARE]',
      '[--exact-mss]',
      '[--max-signatures N]',
      'FILE...',
    ],
    description: [
      'Reads records of one JSON object a line ("-" is standard input): lines of "parse --json", answers of /json, JSON access logs. Writes a p0f v3 database to standard output that --p0f-db and p0f itself load, each signature with the number of SYNs that had it.',
      'A record needs a fingerprint (the SYN in hexadecimal, or the p0f string) and a sender: the text in the label column, else the platform told by Sec-CH-UA-Platform and User-Agent. A label is "NAME", or as in p0f "s:unix:Linux:5.x".',
      'Records that cannot be read are told by file and line; records without a fingerprint or sender are counted.',
    ],
    options: [
      {
        name: 'label-column',
        value: 'NAME',
        help: 'where a record holds its label, with dots for\nnested objects (default "label")',
      },
      { name: 'no-headers', help: 'do not take labels from headers' },
      { name: 'min-count', value: 'N', help: 'leave out signatures of fewer SYNs (default 1)' },
      {
        name: 'conflicts',
        value: 'omit|generic',
        help: 'what becomes of a signature under several\nlabels: left out (default), or a last resort\nfor the commonest of them',
      },
      {
        name: 'majority',
        value: 'SHARE',
        help: 'share of SYNs, over 0.5, that settles a conflict\n(default 1: all of them)',
      },
      { name: 'exact-mss', help: 'keep the MSS, which routers lower (default: any)' },
      { name: 'max-signatures', value: 'N', help: 'signatures kept in memory (default 100000)' },
    ],
    examples: [
      [
        'tcpfingerprint learn --label-column model --min-count 3 log.ndjson > devices.fp',
        'signatures of devices that an inventory names',
      ],
      ['tcpfingerprint parse --json --p0f-db devices.fp - < syns.txt', 'use them'],
    ],
    load: () => import('./commands/learn.ts'),
  },
  {
    name: 'evaluate',
    summary: 'count how many known SYNs a database labels right',
    usage: ['[--json]', '[--p0f-db FILE]', '[--tolerant]', 'FILE | -'],
    description: [
      'Reads rows of one JSON object a line: "hex" (a saved SYN) and "accept", words of which a right label contains the first and a generic one another, or "family". Prints how many labels are right, generic (the family is right, the version open), wrong and missing, and the rows that are wrong.',
      'The exit code is 1 where a label is wrong or a line cannot be read.',
    ],
    options: [JSON_OPTION, P0F_DB, TOLERANT],
    examples: [
      ['tcpfingerprint evaluate rows.ndjson', 'the built-in database'],
      ['tcpfingerprint evaluate --json --p0f-db own.fp rows.ndjson | jq .wrong', 'one of your own'],
    ],
    load: () => import('./commands/evaluate.ts'),
  },
  {
    name: 'serve',
    summary: 'run the demonstration server (Bun or Deno on Linux)',
    usage: [
      '[--host H]',
      '[--port N]',
      '[--tls-cert FILE --tls-key FILE]',
      '[--http2]',
      '[--log-format F]',
      '[--log-file FILE]',
      '[--cgi-bin DIR]',
      '[--live]',
      '[--p0f-db FILE]',
      '[--tolerant]',
    ],
    description: [
      'Answers every request with the fingerprint of its own connection: / for browsers, /json, /env (the FINGERPRINT_* variables), /cgi-bin/NAME, /healthz. Prints where to point a browser and curl, then one access-log line for each request.',
    ],
    options: [
      { name: 'host', value: 'H', help: 'address to listen on (default 127.0.0.1, or HOST);\n"::" is IPv6 and IPv4' },
      { name: 'port', value: 'N', help: 'port to listen on (default 3000, or PORT);\n0: any free one' },
      { name: 'tls-cert', value: 'FILE', help: 'certificate chain in PEM; needs --tls-key' },
      { name: 'tls-key', value: 'FILE', help: 'private key in PEM' },
      { name: 'http2', help: 'speak HTTP/2 as well' },
      {
        name: 'log-format',
        value: 'F',
        help: 'common, combined, vhost_combined, json, or an Apache\nLogFormat string with %{FINGERPRINT_TCP_RTT}g or such',
      },
      { name: 'log-file', value: 'FILE', help: 'where the access log goes (default: standard output)' },
      {
        name: 'cgi-bin',
        value: 'DIR',
        help: 'directory of CGI scripts (default: one script that\nprints its environment)',
      },
      {
        name: 'live',
        help: 'list the last 100 connections at /?live, for browsers\nthat open the link which is printed at the start',
      },
      P0F_DB,
      TOLERANT,
    ],
    examples: [
      ['tcpfingerprint serve --port 8080', 'then: curl http://127.0.0.1:8080/json'],
      [
        'tcpfingerprint serve --log-format \'%h "%r" %>s %{FINGERPRINT_MUONFP}g %{FINGERPRINT_TCP_RTT}g\'',
        'fingerprints in the access log',
      ],
    ],
    load: () => import('./commands/serve.ts'),
  },
  {
    name: 'doctor',
    summary: 'say whether this machine can capture, and what to change',
    usage: ['[--json]', '[--port N]'],
    description: [
      'Checks the kernel, the runtime and its permissions, SYN cookies, the limit of open files, libc, inotify, TCP_SAVE_SYN and TCP_DEFER_ACCEPT, and makes test connections on loopback over IPv4, IPv6 and TLS. Each line is ok, degraded (something is missing or less exact) or failing, with the remedy.',
      'Servers of Bun and Deno that run already are connected to once, and sent nothing, to see whether they wait for data before they accept.',
      'Exit status 1 where something is failing. Needs Bun or Deno for everything beyond kernel, SYN cookies and open files. With --json one object: {"status": ..., "checks": [{"name", "status", "found", "remedy"}]}.',
    ],
    options: [
      { name: 'json', help: 'print one JSON object instead of text for people' },
      { name: 'port', value: 'N', help: 'look at the server on this port of this machine,\nwhatever program it is' },
    ],
    examples: [
      ['tcpfingerprint doctor', 'before the first deployment, and when a field is missing'],
      ['tcpfingerprint doctor --json --port 443', 'for a health check, with the server in it'],
    ],
    load: () => import('./commands/doctor.ts'),
  },
]

/** Exit codes and environment, the same for all commands. */
export const COMMON_HELP: readonly string[] = [
  'Exit status: 0 all good, 1 some input was bad (the rest was still processed), 2 wrong usage.',
  'Environment: NO_COLOR turns colours off, FORCE_COLOR turns them on; without either, only a terminal gets them.',
]
