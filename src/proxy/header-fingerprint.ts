/**
 * The fingerprint that a proxy's header gives, beside the kernel's own view of the connection from the proxy.
 * @module
 */
import type { Reason } from '../connection/connection.ts'
import {
  type Fingerprint,
  type FingerprintSource,
  fingerprintRecord,
  type Peer,
  type Source,
  type Timing,
} from '../connection/fingerprint.ts'
import type { Fingerprints } from '../fingerprint/index.ts'
import type { Label } from '../label/match.ts'
import type { Syn } from '../wire/syn.ts'
import { decodeTcpInfo, type TcpInfo } from '../wire/tcp-info.ts'
import type { HeaderFacts } from './trusted-header.ts'

/** Nothing in it is the kernel's: that is all in `hop`. One is made for every request, and nothing of it is kept. */
export class HeaderFingerprint implements Fingerprint {
  readonly available: boolean
  readonly source: Source
  readonly reason: Reason | undefined
  /** The client as the SYN has it; `undefined` without one. */
  readonly peer: Peer | undefined
  /** The port that the client went to. */
  readonly local: { readonly port: number } | undefined
  /** The proxy's connection is another one: see `hop`. */
  readonly connection: undefined
  readonly syn: Syn | undefined
  readonly tcpInfoBytes: Uint8Array | undefined
  readonly timing: Timing
  readonly hop: Fingerprint
  readonly #source: FingerprintSource
  #fingerprints: Fingerprints | undefined
  #label: Label | undefined | null = null
  #tcpInfo: TcpInfo | undefined

  constructor(source: FingerprintSource, facts: HeaderFacts, hop: Fingerprint) {
    const syn = source.syn ? facts.syn : undefined
    const tcpInfoBytes = source.tcpInfo === 'off' ? undefined : facts.tcpInfoBytes
    // 0 is what the kernel says where it has no sample.
    const rtt = (source.tcpInfo === 'off' ? undefined : facts.rttMicroseconds) || undefined
    this.#source = source
    this.hop = hop
    this.syn = syn
    this.tcpInfoBytes = tcpInfoBytes
    this.available = syn !== undefined || tcpInfoBytes !== undefined || rtt !== undefined
    this.source = this.available ? 'header' : 'none'
    this.reason = syn === undefined && source.syn ? 'not-saved' : undefined
    this.peer = syn && { address: syn.ip.source, port: syn.tcp.sourcePort }
    this.local = syn && { port: syn.tcp.destinationPort }
    const microseconds = rtt ?? this.tcpInfo?.rtt
    this.timing = microseconds ? { rtt: { microseconds } } : {}
  }

  get env(): Record<string, string> {
    return this.#source.env(this)
  }

  get fingerprints(): Fingerprints | undefined {
    if (this.syn === undefined) return undefined
    this.#fingerprints ??= this.#source.fingerprints(this.syn)
    return this.#fingerprints
  }

  get label(): Label | undefined {
    if (this.#label === null) this.#label = this.syn === undefined ? undefined : this.#source.label(this.syn)
    return this.#label
  }

  get tcpInfo(): TcpInfo | undefined {
    if (this.tcpInfoBytes === undefined) return undefined
    this.#tcpInfo ??= decodeTcpInfo(this.tcpInfoBytes)
    return this.#tcpInfo
  }

  toJSON(): object {
    return fingerprintRecord(this)
  }
}
