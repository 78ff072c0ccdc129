/**
 * `tcpfingerprint connections`: the live TCP connections of this network namespace.
 * @module
 */
import { plural, printable } from '../../base/text.ts'
import { type ConnectionFilter, type LiveConnection, STATE_NAMES, visitConnections } from '../../connections/list.ts'
import { rerunWhereBlind } from '../../runtime/rerun.ts'
import { createAddressWords, parseAddress } from '../../wire/sockaddr.ts'
import { type Arguments, refuseOperand, UsageError } from '../args.ts'
import type { CommandHelp } from '../command.ts'
import type { Io } from '../io.ts'
import { readPort } from '../options.ts'
import { COLUMNS_LINE, connectionRow, orderForWatching, type Seen } from '../render/connections.ts'

/** What `--help` says. */
export const help: CommandHelp = {
  usage: ['[--json]', '[--port N]', '[--peer ADDRESS]', '[--state NAME]', '[--watch [SECONDS]]'],
  description: [
    'Lists the live TCP connections of this network namespace with their TCP_INFO, through sock_diag: of any server, without privilege. Listeners and TIME_WAIT are left out unless --state asks for them. The kernel filters.',
    'With --watch the table is drawn again every two seconds, or as often as said: connections that sent segments again or were held up by the window of their client meanwhile come first (marked R and W), then the longest round trips.',
    'Exit status 1 where the connections cannot be listed: a seccomp profile, gVisor, a kernel without INET_DIAG. With --json one object a line.',
  ],
  options: [
    { name: 'json', help: 'print one JSON object a line' },
    { name: 'port', value: 'N', help: 'only connections to this port of this machine' },
    { name: 'peer', value: 'ADDRESS', help: 'only connections with this address at the other end' },
    {
      name: 'state',
      value: 'NAME',
      help: 'only connections in this state, e.g. CLOSE_WAIT; may\nbe given several times',
    },
    { name: 'watch', help: 'draw the table again every SECONDS (2 without a\nnumber) until interrupted' },
  ],
  examples: [
    ['tcpfingerprint connections --port 443 --watch', 'who has a slow connection to the web server just now'],
    [
      'tcpfingerprint connections --json | jq -c "select(.tcpInfo.total_retrans > 0)"',
      'connections that lost segments',
    ],
  ],
}

const SECONDS = 2

/** Runs the command. Exit code 1 where connections cannot be listed. */
export async function run(args: Arguments, io: Io): Promise<number> {
  const filter = filterOf(args)
  const seconds = secondsOf(args)
  const code = await rerunWhereBlind((name, path) =>
    io.warn(`Node has neither node:ffi nor koffi: listing with ${name} (${path})`),
  )
  if (code !== undefined) return code
  if (seconds === undefined) return list(filter, args.has('json'), io)
  let before: ReadonlyMap<string, Seen> = new Map()
  for (;;) {
    if (args.has('json')) list(filter, true, io)
    else before = draw(filter, before, io)
    io.out.flush()
    await new Promise((resolve) => setTimeout(resolve, seconds * 1000))
  }
}

function list(filter: ConnectionFilter, isJson: boolean, io: Io): number {
  const { out } = io
  // Before the first row: where nothing can be listed there is no table.
  let heading = isJson ? '' : `${COLUMNS_LINE}\n`
  const isInterrupted = visitConnections(filter, (connection) => {
    out.text(`${heading}${isJson ? JSON.stringify(connection) : connectionRow(connection, '')}\n`)
    heading = ''
  })
  out.text(heading)
  if (isInterrupted) warnInterrupted(io)
  return 0
}

function draw(filter: ConnectionFilter, before: ReadonlyMap<string, Seen>, io: Io): ReadonlyMap<string, Seen> {
  const connections: LiveConnection[] = []
  const isInterrupted = visitConnections(filter, (connection) => {
    connections.push(connection)
  })
  const { rows, seen } = orderForWatching(connections, before)
  const shown = io.outputIsTerminal ? rows.slice(0, Math.max(1, io.rows() - 3)) : rows
  // The upper left corner, then what is left of the last picture.
  if (io.outputIsTerminal) io.out.text('\u001b[H\u001b[J')
  io.out.text(
    `${new Date().toISOString().slice(11, 19)} UTC  ${plural(connections.length, 'connection')}\n${COLUMNS_LINE}\n`,
  )
  for (const { connection, mark } of shown) io.out.text(`${connectionRow(connection, mark)}\n`)
  if (!io.outputIsTerminal) io.out.text('\n')
  if (isInterrupted) warnInterrupted(io)
  return seen
}

function warnInterrupted(io: Io): void {
  io.warn('Connections changed while they were listed: some may be missing, or there twice')
}

function filterOf(args: Arguments): ConnectionFilter {
  const port = args.get('port')
  const peer = args.get('peer')
  const states = args.all('state').map((name) => name.toUpperCase().replaceAll('-', '_'))
  if (peer !== undefined && !parseAddress(peer, createAddressWords())) {
    throw new UsageError(`Option "--peer" needs an IPv4 or IPv6 address: "${printable(peer)}"`)
  }
  for (const name of states) {
    if (STATE_NAMES.includes(name)) continue
    throw new UsageError(`Option "--state" needs one of ${STATE_NAMES.join(', ')}: "${printable(name)}"`)
  }
  return { port: port === undefined ? undefined : readPort(port), peer, states: states.length > 0 ? states : undefined }
}

/** Seconds between two pictures; `undefined` without `--watch`. The number is an operand, because it may be left out. */
function secondsOf(args: Arguments): number | undefined {
  const [first, second] = args.operands
  const surplus = args.has('watch') ? second : first
  refuseOperand('connections', surplus)
  if (!args.has('watch')) return undefined
  const seconds = Number(first ?? SECONDS)
  if (seconds >= 0.1 && seconds <= 86_400) return seconds
  throw new UsageError(`Option "--watch" needs seconds from 0.1 to 86400: "${printable(first!)}"`)
}
