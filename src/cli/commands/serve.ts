/**
 * `tcpfingerprint serve`: the demonstration server.
 * @module
 */
import { subscribe } from 'node:diagnostics_channel'
import { accessSync, closeSync, constants, openSync, statSync } from 'node:fs'
import { compileLogFormat, NAMED_LOG_FORMATS } from '../../access-log/format.ts'
import { escapeControls, printable } from '../../base/text.ts'
import { LOOKUP_CHANNEL, type LookupMessage } from '../../capture/lookup-channel.ts'
import type { AppOptions } from '../../demo/server.ts'
import { currentRuntime } from '../../runtime/current.ts'
import { rerunWhereBlind } from '../../runtime/rerun.ts'
import { type Arguments, refuseOperand, UsageError } from '../args.ts'
import type { CommandHelp } from '../command.ts'
import { loadDatabase } from '../database.ts'
import type { Io } from '../io.ts'
import { P0F_DB, TOLERANT, YARA } from '../options.ts'
import { openStoreOf, whenOpen } from '../store.ts'
import { systemReason } from '../system.ts'
import { loadYara } from '../yara.ts'

/** What installs Hono where this command looks for it. */
const WITH_HONO = {
  bun: 'bun add tcpfingerprint hono',
  deno: 'deno add npm:tcpfingerprint npm:hono',
  node: 'npm install tcpfingerprint @hono/node-server koffi',
} as const

/** What `--help` says. */
export const help: CommandHelp = {
  usage: [
    '[--host H]',
    '[--port N]',
    '[--tls-cert FILE --tls-key FILE]',
    '[--http2]',
    '[--log-format F]',
    '[--log-file FILE]',
    '[--cgi-bin DIR]',
    '[--live]',
    '[--store URL]',
    '[--trace]',
    '[--p0f-db FILE]',
    '[--yara FILE]',
    '[--tolerant]',
  ],
  description: [
    'Answers every request with the fingerprint of its own connection: / for browsers, /json, /env (the FINGERPRINT_* variables), /cgi-bin/NAME, /healthz. Prints where to point a browser and curl, then one line for each connection at a terminal, else one access-log line for each request.',
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
      help: 'list the last 100 connections at /?live, for the\nbrowser that opens the link which is printed: it holds\nonce, and the next one is printed then',
    },
    {
      name: 'store',
      value: 'URL',
      help: 'keep every connection: sqlite:FILE, postgres://...,\nclickhouse+http://...; /?history shows it, by the link\nthat is printed, and so does "tcpfingerprint history"',
    },
    {
      name: 'trace',
      help: 'say on standard error how the connection of each\nrequest was found: the rule that decided, the cost\n(Bun, Deno)',
    },
    P0F_DB,
    YARA,
    TOLERANT,
  ],
  examples: [
    ['tcpfingerprint serve --port 8080', 'then: curl http://127.0.0.1:8080/'],
    [
      'tcpfingerprint serve --log-format \'%h "%r" %>s %{FINGERPRINT_MUONFP}g %{FINGERPRINT_TCP_RTT}g\'',
      'fingerprints in the access log',
    ],
  ],
}

/** An environment variable; `undefined` when unset, empty, or denied. */
function variable(name: string): string | undefined {
  try {
    return currentRuntime().environment(name) || undefined
  } catch {
    return undefined
  }
}

function port(args: Arguments): number | undefined {
  const given = args.get('port')
  const text = given ?? variable('PORT')
  if (text === undefined) return undefined
  const value = Number(text)
  if (!/^\d+$/.test(text) || value > 65535) {
    throw new UsageError(
      `${given === undefined ? 'The variable PORT' : 'Option "--port"'} needs a number from 0 to 65535: "${printable(text)}"`,
    )
  }
  return value
}

function logFormat(args: Arguments): string | undefined {
  const text = args.get('log-format')
  if (text === undefined || text === 'json' || Object.hasOwn(NAMED_LOG_FORMATS, text)) return text
  if (!text.includes('%')) {
    const names = [...Object.keys(NAMED_LOG_FORMATS), 'json'].join(', ')
    throw new UsageError(`Option "--log-format" needs ${names} or a string with % directives: "${printable(text)}"`)
  }
  try {
    compileLogFormat(text)
  } catch (error) {
    // The mistake stands behind the format, which may be long.
    throw new UsageError(escapeControls((error as Error).message))
  }
  return text
}

/** The path that an option gives, checked by `look`. Without the check a mistake would show at the first request only. */
function path(args: Arguments, option: string, action: string, look: (path: string) => void): string | undefined {
  const given = args.get(option)
  if (given === undefined) return undefined
  try {
    look(given)
  } catch (error) {
    throw new UsageError(`Cannot ${action} "${printable(given)}": ${systemReason(error)}`)
  }
  return given
}

const isReadable = (file: string): void => accessSync(file, constants.R_OK)

const newToken = (): string => crypto.randomUUID().replaceAll('-', '')
/** The token of a link that opens its page once: the server prints the next one then. */
const newLink = (): { token: string; renew(): string } => ({ token: newToken(), renew: newToken })

/** The store of `--store`, with the token of its page. */
async function openHistory(args: Arguments, io: Io): Promise<AppOptions['history']> {
  const url = args.get('store')
  if (url === undefined) return undefined
  const store = await openStoreOf(url, io)
  // What keeps it from opening shows now; requests are served all the same.
  whenOpen(store, url).catch((error: Error) => io.warn(error.message))
  return { store, ...newLink() }
}

/** Runs the command; returns its exit code when the server listens, which keeps the process alive. */
export async function run(args: Arguments, io: Io): Promise<number> {
  refuseOperand('serve', args.operands[0])
  const tlsCert = path(args, 'tls-cert', 'read the certificate', isReadable)
  const tlsKey = path(args, 'tls-key', 'read the key', isReadable)
  if ((tlsCert === undefined) !== (tlsKey === undefined)) {
    throw new UsageError('Options "--tls-cert" and "--tls-key" need each other')
  }
  if (args.get('host') === '') throw new UsageError('Option "--host" needs an address or a name')
  const options = {
    host: args.get('host') ?? variable('HOST'),
    port: port(args),
    tlsCert,
    tlsKey,
    http2: args.has('http2'),
    logFormat: logFormat(args),
    logFile: path(args, 'log-file', 'append to', (file) => closeSync(openSync(file, 'a'))),
    cgiBin: path(args, 'cgi-bin', 'run scripts of', (directory) => {
      if (!statSync(directory).isDirectory()) throw new Error('it is not a directory')
    }),
    live: args.has('live') ? newLink() : undefined,
  }
  const code = await rerunWhereBlind((name, path) =>
    io.warn(`This Node cannot capture: serving with ${name} (${path})`),
  )
  if (code !== undefined) return code
  const database = await loadDatabase(args, io)
  if (database === 'broken') return 1
  const labeller = await loadYara(args)
  let demo: typeof import('../../demo/server.ts')
  try {
    demo = await import('../../demo/server.ts')
  } catch (error) {
    if (!/["']hono["'/]/.test(String(error))) throw error
    io.warn(`Cannot serve without Hono: "${WITH_HONO[currentRuntime().name]}" in this folder, then the same again`)
    return 1
  }
  const { serve, stopOnSignals, warmPages } = demo
  if (args.has('trace')) {
    subscribe(LOOKUP_CHANNEL, (message) => io.warn(traceLine(message as LookupMessage)))
    if (currentRuntime().name === 'node') io.warn('Nothing to trace: Node names the socket of each request')
  }
  io.out.flush()
  const fingerprint = {
    ...(database === undefined ? undefined : { database }),
    ...(labeller === undefined ? undefined : { labeller }),
  }
  const history = await openHistory(args, io)
  stopOnSignals(await serve({ ...options, ...forPeople(args, io), fingerprint, history }))
  void warmPages()
  return 0
}

/** At a terminal a line for each connection takes the place of the access log, unless that was asked for. */
function forPeople(args: Arguments, io: Io): Pick<AppOptions, 'logFormat' | 'connections'> {
  if (!io.outputIsTerminal || args.get('log-format') !== undefined || args.get('log-file') !== undefined) return {}
  const connections = (line: string): void => {
    io.out.text(`${line}\n`)
    io.out.flush()
  }
  return { logFormat: false, connections }
}

/** One look-up on one line. */
function traceLine(message: LookupMessage): string {
  const { peer, outcome, rule, uniqueness, candidates, descriptor, systemCalls, microseconds } = message
  const how = uniqueness === undefined ? rule : `${rule} (${uniqueness})`
  const where = descriptor === undefined ? '' : `, descriptor ${descriptor}`
  return `${peer.address} port ${peer.port}: ${outcome} by ${how}${where}, candidates ${candidates}, system calls ${systemCalls}, ${microseconds} µs`
}
