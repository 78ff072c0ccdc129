/**
 * `tcpfingerprint parse`: saved SYNs from arguments or standard input.
 * @module
 */

import { fromHex, u16be } from '../../base/bytes.ts'
import { digitsOf } from '../../base/hex-dump.ts'
import type { Result } from '../../base/result.ts'
import { describeError } from '../../explain/errors.ts'
import type { DecodeError } from '../../wire/errors.ts'
import { decodePartialSyn, type PartialSynRecord } from '../../wire/partial-syn.ts'
import { ETHERNET_HEADER_LENGTH, type Syn, safeParseSyn } from '../../wire/syn.ts'
import { createAnalyzer } from '../analyzer.ts'
import type { Arguments } from '../args.ts'
import type { CommandHelp } from '../command.ts'
import type { Io } from '../io.ts'
import { forEachInput } from '../operands.ts'
import { JA4T, JSON_OPTION, P0F_DB, TOLERANT, YARA } from '../options.ts'

/** What `--help` says. */
export const help: CommandHelp = {
  usage: ['[--json]', '[--p0f-db FILE]', '[--tolerant]', '[--yara FILE]', '[--ja4t]', '[HEX... | -]'],
  description: [
    'Decodes SYN packets as Linux keeps them for TCP_SAVED_SYN: hexadecimal octets from the IP header (or the Ethernet header before it) to the end of the TCP options.',
    'Without HEX, or with "-", reads standard input, one packet a line. With --json every line of input is answered by exactly one line of output, in order: a record, or {"error": {"reason": ..., "offset": ...}}.',
    'Octets may be parted by blanks, colons or commas and have 0x before them. Rows of tcpdump -x, -xx or -X, xxd, hexdump -C, od -A x -t x1 and Wireshark are one packet together, as many packets as there are. Of a packet that the capture has cut behind its TCP flags they give a record with "partial": {"available", "needed"} in octets, without fingerprints.',
  ],
  options: [JSON_OPTION, P0F_DB, TOLERANT, YARA, JA4T],
  examples: [
    [
      'tcpfingerprint parse 4500003c1234400039064343c000020ac6336407a8ca01bb1122334400000000a002faf000000000020405b40402080a00a1b2c30000000001030307',
      'explain one SYN',
    ],
    ['tcpfingerprint parse --json - < syns.txt | jq -r .label.name', 'name the system behind each line'],
    ["tcpdump -l -x 'tcp[13] & 18 = 2' | tcpfingerprint parse", 'explain IPv4 SYNs as they come'],
  ],
}

/** Runs the command; returns its exit code. */
export async function run(args: Arguments, io: Io): Promise<number> {
  const analyzer = await createAnalyzer(args, io)
  const { out } = io
  const writer = args.has('json')
    ? (await import('../render/json.ts')).createJsonWriter(out)
    : (await import('../render/text.ts')).createTextWriter(out, io.color, analyzer.databaseName, analyzer.nearest)
  const code = forEachInput(args, io, {
    what: 'SYN',
    answer(text, place, rows) {
      const decoded = decode(text)
      if (!decoded.ok) {
        // Rows come from a capture, which may have kept the beginning only; a line of digits is meant to be all.
        const partial = rows && decoded.error.reason === 'truncated' ? decodePartial(text) : undefined
        if (partial === undefined) {
          this.refuse(decoded.error, place)
          return false
        }
        writer.partial(partial)
        return true
      }
      writer.record(analyzer.analyze(decoded.value))
      return true
    },
    refuse(error, place) {
      writer.error(error)
      if (!args.has('json')) io.warn(`${place}: ${describeError(error)}`)
    },
    wholeness(digits) {
      const decoded = safeParseSyn(digits)
      return decoded.ok ? 'whole' : decoded.error.reason === 'truncated' ? 'cut' : 'unknown'
    },
  })
  return Math.max(code, analyzer.code)
}

const ETHERTYPES: readonly number[] = [0x0800, 0x86dd]

/** The beginning of a SYN in digits, also behind an Ethernet header. */
function decodePartial(digits: string): PartialSynRecord | undefined {
  const read = fromHex(digits)
  if (!read.ok) return undefined
  const bytes = read.value
  const framed = bytes.length > ETHERNET_HEADER_LENGTH && ETHERTYPES.includes(u16be(bytes, ETHERNET_HEADER_LENGTH - 2))
  return decodePartialSyn(bytes) ?? (framed ? decodePartialSyn(bytes.subarray(ETHERNET_HEADER_LENGTH)) : undefined)
}

/** Decodes a line: digits, or digits with separators. An error counts characters of the line as it is. */
function decode(line: string): Result<Syn, DecodeError> {
  const decoded = safeParseSyn(line)
  if (decoded.ok || decoded.error.reason !== 'bad-hex') return decoded
  const again = safeParseSyn(digitsOf(line))
  return again.ok || again.error.reason !== 'bad-hex' ? again : decoded
}
