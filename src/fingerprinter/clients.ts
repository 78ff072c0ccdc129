/**
 * The clients of a fingerprinter: connections that end at a proxy of this machine, and SYNs from the wire. Opens nothing before it
 * is needed; without the option `packets` and a header that names a port it never is.
 * @module
 */
import type { Report } from '../base/report-once.ts'
import type { Connection, Reason } from '../connection/connection.ts'
import type { FoundClient } from '../packets/client-lookup.ts'
import { type SharedClients, sharedClients } from '../packets/shared-clients.ts'
import type { ForwardedPeer } from '../proxy/forwarded.ts'
import type { Endpoint, NoPeer, Runtime } from '../runtime/types.ts'
import { reportProblem } from './lookup.ts'
import type { ResolvedOptions } from './options.ts'
import { noOutcomes, type PacketStatus } from './status.ts'

const NO_COUNTS = { seen: 0, kept: 0, evicted: 0, dropped: 0 }

/** What clients are looked up for. */
interface ClientsContext {
  readonly runtime: Runtime
  readonly options: Pick<ResolvedOptions, 'packets' | 'maxConnections' | 'libc'>
  readonly report: Report
  /** True if the application hears of errors itself. */
  readonly isHeard: boolean
}

/** What keeps clients from being found, and what to change. */
const PROBLEMS = {
  'no port': () =>
    'Cannot find the connection of a client: the header names no port: set portHeader, or a header of the form address:port',
  'proxy elsewhere': (address: string) =>
    `Cannot find the connections of clients: the proxy ${address} is elsewhere: run this server in the network namespace of the proxy (a container: --network host, or that of the proxy)`,
  'no sock_diag': () =>
    'Cannot read TCP_INFO of clients: sock_diag does not answer (seccomp, RestrictAddressFamilies= without AF_NETLINK, no INET_DIAG, gVisor): a SYN is all that is known',
} as const

export class Clients {
  readonly #context: ClientsContext
  readonly #outcomes = noOutcomes()
  /** Connections of this process for which the wire was asked. */
  readonly #asked = new WeakSet<Connection>()
  #shared: SharedClients | undefined
  #unavailable: PacketStatus['unavailable']
  #lastPeer: string | undefined
  #isLastLocal = false

  constructor(context: ClientsContext) {
    this.#context = context
    // Before the application listens, so that no SYN is missed.
    if (this.#wantsPackets) this.#open()
  }

  get #wantsPackets(): boolean {
    return this.#context.options.packets !== false
  }

  #open(): SharedClients | undefined {
    if (this.#shared !== undefined || this.#unavailable !== undefined) return this.#shared
    const { runtime, options } = this.#context
    const shared = sharedClients(() => runtime.openLibc(options.libc), options.packets, options.maxConnections)
    if (!('lookup' in shared)) {
      // The lookup of connections says so.
      this.#unavailable = shared
      return undefined
    }
    this.#shared = shared
    const { refused } = shared
    // Not within the constructor: the application may not have what its `onError` uses.
    if (refused !== undefined) queueMicrotask(() => reportProblem(this.#context, refused.message))
    return shared
  }

  /**
   * The client's own connection, or why it is not known; `undefined` where that is no question: the proxy is on another machine, or
   * names no port. `proxy` is the peer of the request's connection.
   */
  find(client: ForwardedPeer | undefined, proxy: Endpoint | NoPeer): FoundClient | Reason | undefined {
    if (client === undefined) return undefined
    if (client.port === undefined) {
      if (this.#wantsPackets) this.#reportKind('no port')
      return undefined
    }
    const shared = this.#open()
    if (shared === undefined) return undefined
    const isHere = this.#isHere(shared, proxy)
    const found = isHere
      ? shared.lookup.find(client.address, client.port)
      : this.#wantsPackets
        ? 'not-found'
        : undefined
    if (this.#wantsPackets && !isHere) this.#reportKind('proxy elsewhere', (proxy as Endpoint).address)
    if (this.#wantsPackets && shared.lookup.isDiagSilent) this.#reportKind('no sock_diag')
    if (found !== undefined) this.#outcomes[typeof found === 'string' ? found : (found.connection.synReason ?? 'ok')]++
    // Without the option no SYN is missed.
    return found === 'not-found' && !this.#wantsPackets ? undefined : found
  }

  /** Tells the application once what its operator can mend. `name` is the proxy's address. */
  #reportKind(kind: keyof typeof PROBLEMS, name = ''): void {
    const { report } = this.#context
    if (report.wants(kind)) report(new Error(PROBLEMS[kind](name)), kind)
  }

  /** True if the proxy is on this machine, as far as its address says. */
  #isHere(shared: SharedClients, proxy: Endpoint | NoPeer): boolean {
    if (typeof proxy === 'string') return proxy === 'unix-socket'
    if (this.#lastPeer !== proxy.address) {
      this.#isLastLocal = shared.lookup.isLocal(proxy.address)
      this.#lastPeer = proxy.address
    }
    return this.#isLastLocal
  }

  /** Gives a direct connection its SYN from the wire, where the kernel has saved none. `readInfo` reads its TCP_INFO. */
  complete(connection: Connection, readInfo: () => Uint8Array | undefined): void {
    if (!this.#wantsPackets || connection.synReason !== 'not-saved' || this.#asked.has(connection)) return
    this.#asked.add(connection)
    const shared = this.#open()
    const info = shared && readInfo()
    const syn = info && shared.lookup.synOf(connection, info)
    if (syn !== undefined) connection.takeSyn(syn)
  }

  /** Counters, `undefined` without the option. */
  status(): PacketStatus | undefined {
    if (!this.#wantsPackets) return undefined
    return {
      ...(this.#shared?.lookup.counts() ?? NO_COUNTS),
      clients: { ...this.#outcomes },
      unavailable: this.#shared?.refused ?? this.#unavailable,
    }
  }
}
