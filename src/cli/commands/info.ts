/**
 * `tcpfingerprint info`: struct tcp_info dumps from arguments or standard input.
 * @module
 */

import { digitsOf } from '../../base/hex-dump.ts'
import { describeError } from '../../explain/errors.ts'
import { safeParseTcpInfo } from '../../wire/tcp-info.ts'
import type { Arguments } from '../args.ts'
import type { CommandHelp } from '../command.ts'
import type { Io } from '../io.ts'
import { forEachInput } from '../operands.ts'
import { JSON_OPTION } from '../options.ts'

/** What `--help` says. */
export const help: CommandHelp = {
  usage: ['[--json]', '[HEX... | -]'],
  description: [
    'Decodes what getsockopt(TCP_INFO) returned on Linux, as hexadecimal octets in little-endian order. Any length is good: a kernel that knows fewer fields returns fewer octets.',
    'Without HEX, or with "-", reads standard input, one dump a line, or rows as "parse" takes them. With --json every line is answered by exactly one line, in order.',
  ],
  options: [JSON_OPTION],
  examples: [['tcpfingerprint info - < tcp_info.txt', 'a table with units for each line']],
}

/** Runs the command; returns its exit code. */
export async function run(args: Arguments, io: Io): Promise<number> {
  const { out } = io
  const json = args.has('json')
  const explain = json ? undefined : (await import('../render/text-info.ts')).formatTcpInfo
  let first = true
  return forEachInput(args, io, {
    what: 'struct tcp_info',
    answer(text, place) {
      const digits = digitsOf(text)
      const decoded = safeParseTcpInfo(digits)
      if (!decoded.ok) {
        this.refuse(decoded.error, place)
        return false
      }
      const hex = digits.trim().toLowerCase()
      if (explain === undefined) {
        out.text(`${JSON.stringify({ hex, tcpInfo: decoded.value })}\n`)
      } else {
        out.text(`${first ? '' : '\n'}${explain(decoded.value, hex.length / 2, io.color)}`)
        first = false
      }
      return true
    },
    refuse(error, place) {
      if (json) out.text(`${JSON.stringify({ error })}\n`)
      else io.warn(`${place}: ${describeError(error)}`)
    },
    // Any length is good: only the next line shows that a dump has ended.
    wholeness: () => 'unknown',
  })
}
