/**
 * What follows from the saved SYN of one connection: decoded headers, fingerprint strings, labels, texts of the environment. Made
 * when first read, and once per connection.
 *
 * Handlers get objects, and a handler may write into what it gets. The first request gets a decoded SYN of its own; from the
 * second on all requests share one that is frozen (freezing costs 3 µs on Bun, so connections of one request do without). Strings
 * and labels are never made from an object that a handler has had in its hands.
 * @module
 */
import { type Fingerprints, fingerprints } from '../fingerprint/index.ts'
import type { Label } from '../label/match.ts'
import { type Syn, safeParseSyn } from '../wire/syn.ts'

/** SYNs kept decoded at most. */
const DECODED_AT_MOST = 256

/** The facts of one saved SYN. */
export class SynFacts {
  /** The octets as the kernel saved them. */
  readonly bytes: Uint8Array
  /** Decoded, and not in any handler's hands. */
  #own: Syn | undefined
  /** Decoded and frozen. */
  #shared: Syn | undefined
  #lent = false
  #isUnreadable = false
  #strings: Fingerprints | undefined
  #texts: readonly (string | undefined)[] | undefined
  #labels: Map<object, Label | undefined> | undefined
  #answers: Map<object, unknown> | undefined

  /** `own` is the decoded SYN, where there is one already. */
  constructor(bytes: Uint8Array, own?: Syn) {
    this.bytes = bytes
    this.#own = own
  }

  /** The frozen SYN, once there is one. */
  get shared(): Syn | undefined {
    return this.#shared
  }

  /** The SYN for a request that keeps what it gets; `undefined` where the octets are none. */
  get forRequest(): Syn | undefined {
    if (this.#shared !== undefined) return this.#shared
    const syn = this.own
    if (syn === undefined) return undefined
    if (this.#lent) {
      this.#shared = freeze(syn)
      return syn
    }
    this.#lent = true
    this.#own = undefined
    return syn
  }

  /** The SYN for this library's own use: not to be handed out. */
  get own(): Syn | undefined {
    if (this.#own === undefined && !this.#isUnreadable) {
      const decoded = safeParseSyn(this.bytes)
      if (decoded.ok) {
        this.#own = decoded.value
        remember(this)
      } else {
        this.#isUnreadable = true
      }
    }
    return this.#own
  }

  /** The default fingerprint strings. */
  get strings(): Fingerprints | undefined {
    if (this.#strings === undefined) {
      const syn = this.own
      if (syn !== undefined) this.#strings = fingerprints(syn)
    }
    return this.#strings
  }

  /** Texts of the facts that `read` takes from the SYN alone, kept. */
  texts(read: (syn: Syn) => readonly (string | undefined)[]): readonly (string | undefined)[] | undefined {
    if (this.#texts === undefined) {
      const syn = this.own
      if (syn !== undefined) this.#texts = read(syn)
    }
    return this.#texts
  }

  /** The label that `find` gives, asked once for each `by`: fingerprinters may have databases of their own. */
  label(by: object, find: (syn: Syn) => Label | undefined): Label | undefined {
    this.#labels ??= new Map()
    let label = this.#labels.get(by)
    if (label === undefined && !this.#labels.has(by)) {
      const syn = this.own
      label = syn && find(syn)
      this.#labels.set(by, label)
    }
    return label
  }

  /** What `ask` answers for this connection: asked once, and kept as long as the connection. */
  answer<T>(by: object, ask: () => T): T {
    this.#answers ??= new Map()
    if (!this.#answers.has(by)) this.#answers.set(by, ask())
    return this.#answers.get(by) as T
  }

  /** Drops what can be made again. */
  forget(): void {
    this.#own = undefined
    this.#shared = undefined
    this.#strings = undefined
    this.#texts = undefined
    this.#labels = undefined
  }
}

/** Decoded headers have no objects but these; `bytes` cannot be frozen. */
function freeze(syn: Syn): Syn {
  Object.freeze(syn.ip)
  Object.freeze(syn.tcp)
  Object.freeze(syn.tcp.optionKinds)
  if (syn.tcp.malformed !== undefined) Object.freeze(syn.tcp.malformed)
  if (syn.ip.version === 6) Object.freeze(syn.ip.extensionHeaders)
  Object.freeze(syn)
  return syn
}

/**
 * The SYNs decoded last, in a ring: decoded facts take several times the room of the octets, and of thousands of open
 * connections few are asked at a time. The last 256 stay after their connections have ended.
 */
const decoded: (SynFacts | undefined)[] = new Array<SynFacts | undefined>(DECODED_AT_MOST).fill(undefined)
let oldest = 0

function remember(facts: SynFacts): void {
  const before = decoded[oldest]
  if (before !== facts) before?.forget()
  decoded[oldest] = facts
  oldest = (oldest + 1) % DECODED_AT_MOST
}
