/**
 * `tcpfingerprint info`: struct tcp_info dumps from arguments or standard input.
 * @module
 */

import { describeError } from '../../explain/errors.ts'
import type { DecodeError } from '../../wire/errors.ts'
import { safeParseTcpInfo } from '../../wire/tcp-info.ts'
import type { Arguments } from '../args.ts'
import type { Io } from '../io.ts'
import { forEachInput } from '../operands.ts'

/** Runs the command; returns its exit code. */
export async function run(args: Arguments, io: Io): Promise<number> {
  const { out } = io
  const json = args.has('json')
  const explain = json ? undefined : (await import('../render/text-info.ts')).formatTcpInfo
  const refuse = (error: DecodeError, place: string): void => {
    if (json) out.text(`${JSON.stringify({ error })}\n`)
    else io.warn(`${place}: ${describeError(error)}`)
  }
  let first = true
  return forEachInput(
    args,
    io,
    'struct tcp_info',
    (text, place) => {
      const decoded = safeParseTcpInfo(text)
      if (!decoded.ok) {
        refuse(decoded.error, place)
        return false
      }
      const hex = text.trim().toLowerCase()
      if (explain === undefined) {
        out.text(`${JSON.stringify({ hex, tcpInfo: decoded.value })}\n`)
      } else {
        out.text(`${first ? '' : '\n'}${explain(decoded.value, hex.length / 2, io.color)}`)
        first = false
      }
      return true
    },
    refuse,
  )
}
