/**
 * One packet socket a thread: fingerprinters with the same options share it, and what it has received, those of copies of this library
 * and of the modules after a hot reload too.
 * @module
 */
import { isLibc, type Libc, type LibcUnavailable } from '../../ffi/libc.ts'
import { SockDiag } from '../../ffi/sock-diag.ts'
import { SocketError } from '../../ffi/socket-error.ts'
import { toError } from '../base/report-once.ts'
import type { Reason } from '../connection/connection.ts'
import { threadShared } from '../runtime/globals.ts'
import { ClientLookup, type PacketOptions } from './client-lookup.ts'
import { PacketSource } from './packet-source.ts'

/** The lookup of clients, and why it has no SYNs where the kernel refused them. */
export interface SharedClients {
  readonly lookup: ClientLookup
  /** `undefined` where SYNs are received, or were not asked for. */
  readonly refused: { readonly reason: Reason; readonly message: string } | undefined
}

/** The number changes with the shape of `SharedClients` and of what it finds: copies of different shapes do not share. */
const SHARED: symbol = Symbol.for('tcpfingerprint.clients.1')

/**
 * The lookup for these options, opened by the fingerprinter that asks first. `packets` false: TCP_INFO alone.
 *
 * @param capacity - SYNs kept at most
 */
export function sharedClients(
  openLibc: () => Libc | LibcUnavailable,
  packets: PacketOptions | false,
  capacity: number,
): SharedClients | LibcUnavailable {
  const place = threadShared<Map<string, SharedClients>>(SHARED)
  let shared = place.get()
  if (shared === undefined) place.set((shared = new Map()))
  const key = JSON.stringify(packets && [packets.interface ?? '', packets.ports ?? []])
  const before = shared.get(key)
  if (before !== undefined) return before
  const libc = openLibc()
  if (!isLibc(libc)) return libc
  const diag = new SockDiag(libc)
  const source = packets === false ? 'not-saved' : openSource(libc, diag, packets, capacity)
  const refused = source instanceof Error ? refusal(source) : undefined
  const lookup = new ClientLookup(
    libc,
    refused?.reason ?? (source as PacketSource | Reason),
    packets === false ? undefined : packets.ports,
    diag,
  )
  const made: SharedClients = { lookup, refused }
  shared.set(key, made)
  return made
}

function openSource(libc: Libc, diag: SockDiag, packets: PacketOptions, capacity: number): PacketSource | Error {
  try {
    return new PacketSource(libc, diag, packets, capacity)
  } catch (error) {
    return toError(error)
  }
}

function refusal(error: Error): { readonly reason: Reason; readonly message: string } {
  const isDenied = error instanceof SocketError && (error.code === 'EPERM' || error.code === 'EACCES')
  const remedy = isDenied
    ? ': give the process CAP_NET_RAW (systemd AmbientCapabilities=CAP_NET_RAW, Docker --cap-add NET_RAW)'
    : ''
  return {
    reason: isDenied ? 'denied' : 'unsupported',
    message: `Cannot read SYNs from the wire: ${error.message}${remedy}`,
  }
}
