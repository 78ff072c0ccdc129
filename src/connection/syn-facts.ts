/**
 * What follows from the saved SYN of one connection: decoded headers, fingerprint strings, labels, texts of the environment. Made
 * when first read, and once per connection.
 *
 * Handlers get objects, and a handler may write into what it gets. The first request gets a decoded SYN of its own; from the
 * second on all requests share one that is frozen (freezing costs 3 µs on Bun, so connections of one request do without). Strings
 * and labels are never made from an object that a handler has had in its hands.
 * @module
 */
import { fingerprints } from '../fingerprint/index.ts'
import type { Fingerprints } from '../fingerprint/strings.ts'
import type { Label } from '../label/match.ts'
import type { RuleLabel } from '../label/rule.ts'
import { type Syn, safeParseSyn } from '../wire/syn.ts'

/** SYNs kept decoded at most. */
const DECODED_AT_MOST = 256

/** A connection that keeps the facts of its SYN, and can make them again from the octets. */
export interface SynHolder {
  /** The facts were forgotten: nothing is left of them but the octets. */
  drop(facts: SynFacts): void
}

/** The facts of one saved SYN. On Bun eight members take 80 octets, nine 112. */
export class SynFacts {
  /** The octets as the kernel saved them. */
  readonly bytes: Uint8Array
  readonly #holder: SynHolder | undefined
  /** Decoded, and not in any handler's hands; null where the octets are no SYN. */
  #own: Syn | null | undefined
  /** Decoded and frozen, for every request; null once a SYN that is not frozen was lent to the first: the next gets another. */
  #shared: Syn | null | undefined
  #strings: Fingerprints | undefined
  /** Texts of the facts that the SYN alone gives, once `facts.ts` has made them. */
  texts: readonly (string | undefined)[] | undefined = undefined
  #labels: Map<object, Label | undefined> | undefined
  #answers: Map<object, RuleLabel | undefined> | undefined

  /** `own` is the decoded SYN, where there is one already; `holder` hears when the facts are forgotten. */
  constructor(bytes: Uint8Array, own?: Syn, holder?: SynHolder) {
    this.bytes = bytes
    this.#holder = holder
    this.#own = own
  }

  /** The frozen SYN, once there is one. */
  get shared(): Syn | undefined {
    return this.#shared ?? undefined
  }

  /** The SYN for a request that keeps what it gets; `undefined` where the octets are none. */
  get forRequest(): Syn | undefined {
    if (this.#shared) return this.#shared
    const syn = this.own
    if (syn === undefined) return undefined
    if (this.#shared === null) {
      this.#shared = freeze(syn)
      return syn
    }
    this.#shared = null
    this.#own = undefined
    return syn
  }

  /** The SYN for this library's own use: not to be handed out. */
  get own(): Syn | undefined {
    if (this.#own === undefined) {
      const decoded = safeParseSyn(this.bytes)
      this.#own = decoded.ok ? decoded.value : null
      if (decoded.ok) remember(this)
    }
    return this.#own ?? undefined
  }

  /** The default fingerprint strings. */
  get strings(): Fingerprints | undefined {
    if (this.#strings === undefined) {
      const syn = this.own
      if (syn !== undefined) this.#strings = fingerprints(syn)
    }
    return this.#strings
  }

  /** The label by each fingerprinter that was asked: they may have databases of their own. */
  get labels(): Map<object, Label | undefined> {
    return (this.#labels ??= new Map())
  }

  /** What each fingerprinter's labeller answered, kept as long as the connection. */
  get answers(): Map<object, RuleLabel | undefined> {
    return (this.#answers ??= new Map())
  }

  /** Drops what can be made again. */
  forget(): void {
    this.#own = undefined
    this.#shared = undefined
    this.#strings = undefined
    this.texts = undefined
    this.#labels = undefined
    if (this.#answers === undefined) this.#holder?.drop(this)
  }
}

/** Decoded headers have no objects but these; `bytes` cannot be frozen. */
function freeze(syn: Syn): Syn {
  Object.freeze(syn.ip)
  Object.freeze(syn.tcp)
  if (syn.tcp.malformed !== undefined) Object.freeze(syn.tcp.malformed)
  if (syn.ip.version === 6) Object.freeze(syn.ip.extensionHeaders)
  Object.freeze(syn)
  return syn
}

/**
 * The SYNs decoded last, in a ring: decoded facts take several times the room of the octets, and of thousands of open
 * connections few are asked at a time. The last 256 stay after their connections have ended. A connection keeps the object of none but
 * these, and of those of which a labeller was asked.
 */
const decoded: (SynFacts | undefined)[] = new Array<SynFacts | undefined>(DECODED_AT_MOST).fill(undefined)
let oldest = 0

function remember(facts: SynFacts): void {
  const before = decoded[oldest]
  if (before !== facts) before?.forget()
  decoded[oldest] = facts
  oldest = (oldest + 1) % DECODED_AT_MOST
}
