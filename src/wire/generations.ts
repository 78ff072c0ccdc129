/**
 * A bounded cache for values made from packets.
 * @module
 */

/** Bits that remember which keys were offered once. */
const DOOR_BITS = 1 << 19

/**
 * A map from 32-bit keys that forgets. A value is kept when its key is offered for the second time, so that values that come
 * once, as those of hostile packets do, cost no memory and drive nothing out. New entries go to the young generation; when
 * that is full it becomes the old one, and what was old is gone. Entries found in the old one become young again. At most
 * twice `size` entries are kept.
 *
 * Keys are hashes that peers can make collide: the caller compares the value it gets with what it looks for. A hostile peer
 * can thereby make others' values be built anew, at the cost of building them once, and nothing else.
 */
export class Generations<V> {
  readonly #size: number
  #young = new Map<number, V>()
  #old = new Map<number, V>()
  #door: Uint8Array | undefined = undefined
  #offered = 0
  #seed = 0

  constructor(size: number) {
    this.#size = size
  }

  /** The value kept for a key. */
  get(key: number): V | undefined {
    const place = this.#place(key)
    const young = this.#young.get(place)
    if (young !== undefined) return young
    const old = this.#old.get(place)
    if (old !== undefined) this.#keep(place, old)
    return old
  }

  /** Keeps a value, if this is not the first time of late that its key is offered. */
  offer(key: number, value: V): void {
    if (this.#door === undefined) {
      this.#door = new Uint8Array(DOOR_BITS / 8)
      this.#seed = (Math.random() * 2 ** 32) | 0
    }
    const door = this.#door
    const place = this.#place(key)
    const bit = place & (DOOR_BITS - 1)
    const octet = door[bit >> 3]!
    if ((octet & (1 << (bit & 7))) !== 0) {
      this.#keep(place, value)
      return
    }
    door[bit >> 3] = octet | (1 << (bit & 7))
    this.#offered += 1
    // At a sixteenth of the bits strangers begin to look like acquaintances.
    if (this.#offered >= DOOR_BITS / 16) {
      door.fill(0)
      this.#offered = 0
    }
  }

  /** One-to-one, and not to be foreseen by a peer: nobody can aim at one chain of the runtime's hash table. */
  #place(key: number): number {
    const mixed = Math.imul(key ^ this.#seed, 0x9e3779b1)
    return mixed ^ (mixed >>> 15)
  }

  #keep(place: number, value: V): void {
    this.#young.set(place, value)
    if (this.#young.size < this.#size) return
    this.#old = this.#young
    this.#young = new Map()
  }

  /** Entries kept. */
  get count(): number {
    return this.#young.size + this.#old.size
  }
}
