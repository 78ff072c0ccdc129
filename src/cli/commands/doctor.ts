/**
 * `tcpfingerprint doctor`: whether this machine can capture, and what to change.
 * @module
 */

import { escapeControls } from '../../base/text.ts'
import { examine } from '../../doctor/checks.ts'
import type { Finding, Verdict } from '../../doctor/finding.ts'
import { rerunWhereBlind } from '../../runtime/rerun.ts'
import { type Arguments, refuseOperand } from '../args.ts'
import type { CommandHelp } from '../command.ts'
import type { Io } from '../io.ts'
import { readPort } from '../options.ts'
import { palette } from '../render/color.ts'
import { WIDTH, wrap } from '../wrap.ts'

/** What `--help` says. */
export const help: CommandHelp = {
  usage: ['[--json]', '[--port N]'],
  description: [
    'Checks the kernel, the runtime and its permissions, SYN cookies, the limit of open files, libc, inotify, sock_diag, packet sockets, TCP_SAVE_SYN and TCP_DEFER_ACCEPT, and makes test connections on loopback over IPv4 and IPv6. Each line is ok, degraded (something is missing or less exact) or failing, with the remedy.',
    'Servers of Bun and Deno that run already are connected to once, and sent nothing, to see whether they wait for data before they accept.',
    'A client that has no label, or a wrong one, can be sent to the project as a row for "evaluate": "learn --rows" and the page write it with the addresses replaced.',
    'Exit status 1 where something is failing. Under a Node that has neither node:ffi nor koffi it runs under Bun or Deno, whichever PATH has. With --json one object: {"status": ..., "checks": [{"name", "status", "found", "remedy"}]}.',
  ],
  options: [
    { name: 'json', help: 'print one JSON object instead of text for people' },
    { name: 'port', value: 'N', help: 'look at the server on this port of this machine,\nwhatever program it is' },
  ],
  examples: [
    ['tcpfingerprint doctor', 'before the first deployment, and when a field is missing'],
    ['tcpfingerprint doctor --json --port 443', 'for a health check, with the server in it'],
  ],
}

const SUMMARY: Readonly<Record<Verdict, string>> = {
  ok: 'Everything that can be captured is captured here.',
  degraded: 'Connections are captured; some facts are missing or less exact.',
  failing: 'Connections are not captured, or only some of them: see what is failing.',
}

/** Runs the command. Exit code 0 where nothing is failing, else 1. */
export async function run(args: Arguments, io: Io): Promise<number> {
  refuseOperand('doctor', args.operands[0])
  const { out } = io
  const port = args.get('port')
  const options = { port: port === undefined ? undefined : readPort(port) }
  const code = await rerunWhereBlind((name, path) =>
    io.warn(`This Node cannot capture: checking with ${name} (${path})`),
  )
  if (code !== undefined) return code
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
    const lines = wrap(escapeControls(found), WIDTH - indent.length).split('\n')
    const more = remedy === undefined ? [] : wrap(`Remedy: ${remedy}`, WIDTH - indent.length).split('\n')
    out.text(`${paint[status](status.padEnd(8))}  ${bold(name.padEnd(16))}  ${lines.join(`\n${indent}`)}\n`)
    for (const line of more) out.text(`${indent}${dim(line)}\n`)
    // Test connections take a moment: what is known is shown.
    out.flush()
  })
  out.text(`\n${paint[status](SUMMARY[status])}\n`)
  return status === 'failing' ? 1 : 0
}
