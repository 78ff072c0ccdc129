/**
 * A bounded cache for values made from packets.
 * @module
 */

/**
 * A map from 32-bit keys that forgets: new entries go to the young generation; when that is full it becomes the old one, and
 * what was old is gone. Entries found in the old one become young again. At most twice `size` entries are kept.
 *
 * Keys are hashes that peers can make collide: the caller compares the value it gets with what it looks for. A hostile peer
 * can thereby make others' values be built anew, at the cost of building them once, and nothing else.
 */
export class Generations<V> {
  readonly #size: number
  #young = new Map<number, V>()
  #old = new Map<number, V>()

  constructor(size: number) {
    this.#size = size
  }

  get(key: number): V | undefined {
    const young = this.#young.get(key)
    if (young !== undefined) return young
    const old = this.#old.get(key)
    if (old !== undefined) this.set(key, old)
    return old
  }

  set(key: number, value: V): void {
    this.#young.set(key, value)
    if (this.#young.size < this.#size) return
    this.#old = this.#young
    this.#young = new Map()
  }

  /** Entries kept. */
  get count(): number {
    return this.#young.size + this.#old.size
  }
}
