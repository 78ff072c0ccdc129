/**
 * `tcpfingerprint serve`: the demonstration server.
 * @module
 */
import process from 'node:process'
import { type Arguments, printable, UsageError } from './arguments.ts'
import { loadDatabase } from './database.ts'
import type { Io } from './io.ts'

/** An environment variable; `undefined` when unset, empty, or denied. */
function variable(name: string): string | undefined {
  try {
    const value = process.env[name]
    return value === '' ? undefined : value
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

function live(args: Arguments): 'loopback' | 'anyone' | undefined {
  const text = args.get('live')
  if (text === undefined || text === 'loopback' || text === 'anyone') return text
  throw new UsageError(`Option "--live" needs "loopback" or "anyone": "${printable(text)}"`)
}

/** Which runtime this is, where it cannot serve. */
function otherRuntime(): string | undefined {
  const { Bun, Deno } = globalThis as { Bun?: unknown; Deno?: unknown }
  return Bun === undefined && Deno === undefined ? `Node ${process.versions.node}` : undefined
}

/** Runs the command; returns its exit code when the server listens, which keeps the process alive. */
export async function run(args: Arguments, io: Io): Promise<number> {
  if (args.operands.length > 0) throw new UsageError(`"serve" takes no argument: "${printable(args.operands[0]!)}"`)
  const tlsCert = args.get('tls-cert')
  const tlsKey = args.get('tls-key')
  if ((tlsCert === undefined) !== (tlsKey === undefined)) {
    throw new UsageError('Options "--tls-cert" and "--tls-key" need each other')
  }
  const options = {
    host: args.get('host') ?? variable('HOST'),
    port: port(args),
    tlsCert,
    tlsKey,
    http2: args.has('http2'),
    logFormat: args.get('log-format'),
    logFile: args.get('log-file'),
    cgiBin: args.get('cgi-bin'),
    live: live(args),
  }
  const node = otherRuntime()
  if (node !== undefined) {
    io.warn(`Cannot serve under ${node}: run it with Bun ("bunx --bun tcpfingerprint serve") or Deno`)
    return 1
  }
  const database = await loadDatabase(args, io)
  if (database === 'broken') return 1
  const { serve } = await import('../demo/server.ts')
  io.out.flush()
  await serve({ ...options, ...(database === undefined ? undefined : { fingerprint: { database } }) })
  return 0
}
