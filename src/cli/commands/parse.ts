/**
 * `tcpfingerprint parse`: saved SYNs from arguments or standard input.
 * @module
 */

import { digitsOf } from '../../base/hex-dump.ts'
import type { Result } from '../../base/result.ts'
import { describeError } from '../../explain/errors.ts'
import type { DecodeError } from '../../wire/errors.ts'
import { type Syn, safeParseSyn } from '../../wire/syn.ts'
import { createAnalyzer } from '../analyzer.ts'
import type { Arguments } from '../args.ts'
import type { Io } from '../io.ts'
import { forEachInput } from '../operands.ts'

/** Runs the command; returns its exit code. */
export async function run(args: Arguments, io: Io): Promise<number> {
  const analyzer = await createAnalyzer(args, io)
  const { out } = io
  const writer = args.has('json')
    ? (await import('../render/json.ts')).createJsonWriter(out)
    : (await import('../render/text.ts')).createTextWriter(out, io.color, analyzer.databaseName)
  const code = forEachInput(args, io, {
    what: 'SYN',
    answer(text, place) {
      const decoded = decode(text)
      if (!decoded.ok) {
        this.refuse(decoded.error, place)
        return false
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

/** Decodes a line: digits, or digits with separators. An error is told of the line as it is. */
function decode(line: string): Result<Syn, DecodeError> {
  const decoded = safeParseSyn(line)
  if (decoded.ok || decoded.error.reason !== 'bad-hex') return decoded
  const again = safeParseSyn(digitsOf(line))
  return again.ok || again.error.reason !== 'bad-hex' ? again : decoded
}
