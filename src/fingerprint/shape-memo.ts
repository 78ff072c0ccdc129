/**
 * A memo for what depends on the shape of a SYN: strings, label and their text.
 *
 * The shape is what the client's stack decides and repeats: every field of IP and TCP header but addresses, ports, checksums
 * and numbers that count (identification, flow label, sequence numbers, timestamps), of which only zero or not is part of it, and the identification of zmap.
 * @module
 */

import { u32be } from '../base/bytes.ts'
import { decodedSyn, endOf, octetsOf, optionsAt, type Syn } from '../wire/syn.ts'
import { optionLength, TCP_OPTION } from '../wire/tcp-options.ts'
import { ZMAP_IDENTIFICATION } from './quirks.ts'

/** Shapes kept. When they are that many all are forgotten: file and hostile peer alike cannot make memory grow. */
const LIMIT = 4096
/** Places of the table: twice as many as shapes, so that a free one is near. */
const PLACES = 2 * LIMIT
/** Octets of a key before those of the options, of which there are at most 40. */
const FIXED = 11
/** Words of a key, for the options' octets and one that are left 0. */
const WORDS = (FIXED + 40 + 1) / 4

/** Values made once for each shape of SYN: a table with open addressing, because a `Map` wants an object for each key. */
export class ShapeMemo<T> {
  readonly #make: (syn: Syn) => T
  /** The number of the shape at each place, from 1; 0 where there is none. */
  readonly #places = new Uint16Array(PLACES)
  /** Keys by number less 1. */
  readonly #keys = new Uint32Array(LIMIT * WORDS)
  readonly #values: T[] = []
  readonly #key = new Uint32Array(WORDS)
  readonly #octets = new Uint8Array(this.#key.buffer)
  /** Peers cannot foresee which shapes share a place. */
  readonly #seed = (Math.random() * 2 ** 32) | 0

  /** @param make must use nothing of a SYN that is not part of its shape. */
  constructor(make: (syn: Syn) => T) {
    this.#make = make
  }

  /** The value of this SYN's shape. */
  of(given: Syn): T {
    const syn = decodedSyn(given)
    const key = this.#key
    const words = writeShape(syn, this.#octets)
    let hash = this.#seed
    for (let i = 0; i < words; i++) {
      hash = Math.imul(hash ^ key[i]!, 0x9e3779b1)
      hash ^= hash >>> 15
    }
    const home = hash & (PLACES - 1)
    let place = home
    for (let number = this.#places[place]!; number !== 0; number = this.#places[place]!) {
      if (isSame(this.#keys, (number - 1) * WORDS, key, words)) return this.#values[number - 1]!
      place = (place + 1) & (PLACES - 1)
    }
    const value = this.#make(syn)
    if (this.#values.length === LIMIT) {
      this.#places.fill(0)
      this.#values.length = 0
      place = home
    }
    const at = this.#values.length * WORDS
    for (let i = 0; i < words; i++) this.#keys[at + i] = key[i]!
    this.#values.push(value)
    this.#places[place] = this.#values.length
    return value
  }
}

/** True if the key at `at` is this one. Their lengths follow from the data offset, which is in them. */
function isSame(keys: Uint32Array, at: number, key: Uint32Array, words: number): boolean {
  let i = 0
  while (i < words && keys[at + i] === key[i]) i++
  return i === words
}

/** Writes the shape to `key`; returns its words. */
function writeShape(syn: Syn, key: Uint8Array): number {
  const { ip, tcp } = syn
  const bytes = octetsOf(syn)
  if (ip.version === 4) {
    key[0] = 4
    key[1] = (ip.dscp << 2) | ip.ecn
    key[2] = (ip.identification === 0 ? 1 : 0) | (ip.dontFragment ? 2 : 0) | (ip.reservedFlag ? 4 : 0)
    key[3] = ip.timeToLive
    key[4] = 0
    key[5] = ip.optionsLength
  } else {
    key[0] = 6
    key[1] = ip.trafficClass
    key[2] = ip.flowLabel === 0 ? 1 : 0
    key[3] = ip.hopLimit
    key[4] = ip.extensionsLength >> 8
    key[5] = ip.extensionsLength
  }
  if (ip.version === 4 && ip.identification === ZMAP_IDENTIFICATION) key[2] |= 64
  if (syn.payloadLength > 0) key[0] |= 8
  if (tcp.sequenceNumber === 0) key[2] |= 8
  if (tcp.acknowledgmentNumber === 0) key[2] |= 16
  if (tcp.urgentPointer === 0) key[2] |= 32
  key[6] = tcp.dataOffset
  key[7] = tcp.flagBits >> 8
  key[8] = tcp.flagBits
  key[9] = tcp.window >> 8
  key[10] = tcp.window
  const at = optionsAt(syn)
  const end = endOf(syn)
  let to = FIXED
  for (let i = at; i < end; i++) key[to++] = bytes[i]!
  const words = (to + 3) >>> 2
  while (to < words * 4) key[to++] = 0
  // Of malformed options each reader reads something else: they are taken as they are.
  if (tcp.tsVal === undefined || tcp.malformed !== undefined) return words
  for (let i = at; i < end && bytes[i] !== TCP_OPTION.EOL; i += optionLength(bytes, i, end)) {
    if (bytes[i] !== TCP_OPTION.TIMESTAMPS) continue
    writeZeroOrNot(u32be(bytes, i + 2), key, FIXED + i + 2 - at)
    writeZeroOrNot(u32be(bytes, i + 6), key, FIXED + i + 6 - at)
  }
  return words
}

/** Writes four octets for a number of four. */
function writeZeroOrNot(number: number, key: Uint8Array, at: number): void {
  const octet = number === 0 ? 0 : 1
  for (let i = at; i < at + 4; i++) key[i] = octet
}
