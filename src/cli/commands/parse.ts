/**
 * `tcpfingerprint parse`: saved SYNs from arguments or standard input.
 * @module
 */

import { describeError } from '../../explain/errors.ts'
import { safeParseSyn } from '../../wire/syn.ts'
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
  const code = forEachInput(
    args,
    io,
    'SYN',
    (text, place) => {
      const decoded = safeParseSyn(text)
      if (!decoded.ok) {
        writer.error(decoded.error)
        if (!args.has('json')) io.warn(`${place}: ${describeError(decoded.error)}`)
        return false
      }
      writer.record(analyzer.analyze(decoded.value))
      return true
    },
    (error, place) => {
      writer.error(error)
      if (!args.has('json')) io.warn(`${place}: ${describeError(error)}`)
    },
  )
  return Math.max(code, analyzer.code)
}
