/**
 * The fingerprint that a proxy's headers give, beside the kernel's own view of the connection from the proxy.
 * @module
 */
import type { Reason } from '../connection/connection.ts'
import type { Fingerprint } from '../connection/fingerprint.ts'
import { SynFacts } from '../connection/syn-facts.ts'
import { type Collection, type Known, StatedFingerprint } from '../connection/view.ts'
import type { HeaderFacts } from './trusted-header.ts'

/** Nothing in it is the kernel's: that is all in `hop`. One is made for every request, and nothing of it is kept. */
export class HeaderFingerprint extends StatedFingerprint {
  readonly #hop: Fingerprint

  /** `hop` is the connection from the proxy; `reason` why the client's own connection is not known, where it was looked up. */
  constructor(collection: Collection, facts: HeaderFacts, hop: Fingerprint, reason?: Reason) {
    super(collection, knownOf(collection, facts, reason), facts.tcpInfoBytes)
    this.#hop = hop
  }

  override get hop(): Fingerprint {
    return this.#hop
  }
}

function knownOf({ syn: wantsSyn, tcpInfo }: Collection, facts: HeaderFacts, reason: Reason | undefined): Known {
  const syn = wantsSyn ? facts.syn : undefined
  return {
    source: 'header',
    reason,
    synReason: syn === undefined ? 'not-saved' : undefined,
    peer: facts.peer ? { ...facts.peer } : syn && { address: syn.ip.source, port: syn.tcp.sourcePort },
    // The port that the client went to.
    local: syn && { port: syn.tcp.destinationPort },
    // The proxy's connection is another one.
    cookie: undefined,
    syn: syn && new SynFacts(syn.bytes, syn),
    timing: undefined,
    handshakeTimeToLive: undefined,
    // The kernel says 0 where it has no sample.
    rttMicroseconds: (tcpInfo === 'off' ? undefined : facts.rttMicroseconds) || undefined,
  }
}
