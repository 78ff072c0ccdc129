/**
 * Diagnostics of each look-up: the channel `tcpfingerprint:lookup` of node:diagnostics_channel. Costs nothing while nothing subscribes.
 * @module
 */
import { channel } from 'node:diagnostics_channel'
import type { Libc } from '../../ffi/libc.ts'
import type { Connection, Reason } from '../connection/connection.ts'
import type { Rule, SearchContext, Uniqueness } from './search-context.ts'

/** The channel's name. */
export const LOOKUP_CHANNEL = 'tcpfingerprint:lookup'

/** What subscribers get: one message for each request whose connection was looked up. */
export interface LookupMessage {
  /** The peer, as the runtime reports it. */
  readonly peer: { readonly address: string; readonly port: number }
  /** The connection was `known`, `found` by a search, or the reason why there is none. */
  readonly outcome: 'known' | 'found' | Reason
  /**
   * The line of the proof that decided: P1 no live socket has the peer, P2 none that has it is the server's, P3 the known socket is still the
   * same, P4 whether another live connection has the peer.
   */
  readonly rule: Rule
  /** How P4 was decided; `undefined` where it was not asked. */
  readonly uniqueness: Uniqueness | undefined
  /** Live sockets that could have been the request's. */
  readonly candidates: number
  /** Descriptor of the connection, `undefined` where there is none. */
  readonly descriptor: number | undefined
  readonly systemCalls: number
  readonly microseconds: number
}

/** The channel. */
export const lookups: {
  readonly hasSubscribers: boolean
  publish(message: LookupMessage): void
} = channel(LOOKUP_CHANNEL)

/** Members of `Libc` that are no system calls. */
const NO_CALLS = new Set(['errno', 'calloc', 'free', 'load', 'view', 'store'])

/** Runs a look-up with its system calls counted, and publishes what it did. */
export function observed(libc: Libc, context: SearchContext, lookUp: () => Connection | Reason): Connection | Reason {
  const calls = libc as unknown as Record<string, unknown>
  const originals = Object.entries(calls).filter(([name, value]) => typeof value === 'function' && !NO_CALLS.has(name))
  let systemCalls = 0
  for (const [name, original] of originals) {
    calls[name] = (...rest: unknown[]): unknown => {
      systemCalls++
      return (original as (...rest: unknown[]) => unknown)(...rest)
    }
  }
  const start = performance.now()
  let outcome: Connection | Reason | undefined
  try {
    outcome = lookUp()
    return outcome
  } finally {
    const microseconds = Math.round((performance.now() - start) * 1000)
    for (const [name, original] of originals) calls[name] = original
    lookups.publish(messageOf(context, outcome, systemCalls, microseconds))
  }
}

function messageOf(
  context: SearchContext,
  outcome: Connection | Reason | undefined,
  systemCalls: number,
  microseconds: number,
): LookupMessage {
  const { address, port, rule, candidates } = context
  const isFound = typeof outcome === 'object'
  return {
    peer: { address, port },
    // A call that was refused: the fingerprinter reports it.
    outcome: isFound ? (rule === 'P3' ? 'known' : 'found') : (outcome ?? 'unsupported'),
    rule,
    uniqueness: rule === 'P4' ? context.uniqueness : undefined,
    candidates,
    descriptor: isFound ? outcome.fd : undefined,
    systemCalls,
    microseconds,
  }
}
