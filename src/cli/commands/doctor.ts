/**
 * `tcpfingerprint doctor`: whether this machine can capture, and what to change.
 * @module
 */

import { printable } from '../../base/text.ts'
import { examine, type Finding, type Verdict } from '../../doctor/checks.ts'
import { type Arguments, UsageError } from '../args.ts'
import type { Io } from '../io.ts'
import { palette } from '../render/color.ts'

const WIDTH = 80

/** Breaks a text into lines of at most `width` characters at its spaces. */
function wrapped(text: string, width: number): string[] {
  const lines: string[] = []
  for (const word of text.split(' ')) {
    const last = lines.at(-1)
    if (last !== undefined && last.length + 1 + word.length <= width) lines[lines.length - 1] = `${last} ${word}`
    else lines.push(word)
  }
  return lines
}

const SUMMARY: Readonly<Record<Verdict, string>> = {
  ok: 'Everything that can be captured is captured here.',
  degraded: 'Connections are captured; some facts are missing or less exact.',
  failing: 'Connections are not captured, or only some of them: see what is failing.',
}

function port(args: Arguments): number | undefined {
  const text = args.get('port')
  if (text === undefined) return undefined
  const value = Number(text)
  if (/^\d+$/.test(text) && value >= 1 && value <= 65_535) return value
  throw new UsageError(`Option "--port" needs a number from 1 to 65535: "${printable(text)}"`)
}

/** Runs the command. Exit code 0 where nothing is failing, else 1. */
export async function run(args: Arguments, io: Io): Promise<number> {
  if (args.operands.length > 0) throw new UsageError(`"doctor" takes no argument: "${printable(args.operands[0]!)}"`)
  const { out } = io
  const options = { port: port(args) }
  if (args.has('json')) {
    const checks: Finding[] = []
    const status = await examine(options, (finding) => checks.push(finding))
    out.text(`${JSON.stringify({ status, checks })}\n`)
    return status === 'failing' ? 1 : 0
  }
  const { bold, dim, green, yellow, red } = palette(io.color)
  const paint = { ok: green, degraded: yellow, failing: red }
  const indent = ' '.repeat(28)
  const status = await examine(options, ({ name, status, found, remedy }) => {
    const lines = wrapped(printable(found), WIDTH - indent.length)
    const more = remedy === undefined ? [] : wrapped(`Remedy: ${remedy}`, WIDTH - indent.length)
    out.text(`${paint[status](status.padEnd(8))}  ${bold(name.padEnd(16))}  ${lines.join(`\n${indent}`)}\n`)
    for (const line of more) out.text(`${indent}${dim(line)}\n`)
    // Test connections take a moment: what is known is shown.
    out.flush()
  })
  out.text(`\n${paint[status](SUMMARY[status])}\n`)
  return status === 'failing' ? 1 : 0
}
