/**
 * A memo for what depends on the shape of a SYN: strings, label and their text.
 *
 * The shape is what the client's stack decides and repeats: every field of IP and TCP header but addresses, ports, checksums
 * and numbers that count (identification, flow label, sequence numbers, timestamps), of which only zero or not is part of it.
 * @module
 */

import { u32be } from '../base/bytes.ts'
import type { Syn } from '../wire/syn.ts'
import { TCP_HEADER_LENGTH } from '../wire/tcp.ts'
import { optionLength, TCP_OPTION } from '../wire/tcp-options.ts'

/** Shapes kept. When they are that many all are forgotten: file and hostile peer alike cannot make memory grow. */
const LIMIT = 4096
/** Octets of a key before those of the options, of which there are at most 40. */
const FIXED = 11

/** Values made once for each shape of SYN. */
export class ShapeMemo<T> {
  readonly #make: (syn: Syn) => T
  readonly #entries = new Map<number, { readonly key: Uint8Array; readonly value: T }>()
  readonly #key = new Uint8Array(FIXED + 40)
  /** Peers cannot foresee which shapes share a hash. */
  readonly #seed = (Math.random() * 2 ** 32) | 0

  /** @param make must use nothing of a SYN that is not part of its shape. */
  constructor(make: (syn: Syn) => T) {
    this.#make = make
  }

  /** The value of this SYN's shape. */
  of(syn: Syn): T {
    const key = this.#key
    const length = writeShape(syn, key)
    let hash = this.#seed ^ length
    for (let i = 0; i < length; i++) hash = Math.imul(hash ^ key[i]!, 0x01000193)
    const known = this.#entries.get(hash)
    if (known !== undefined && isSame(known.key, key, length)) return known.value
    const value = this.#make(syn)
    if (this.#entries.size >= LIMIT) this.#entries.clear()
    this.#entries.set(hash, { key: key.slice(0, length), value })
    return value
  }
}

function isSame(known: Uint8Array, key: Uint8Array, length: number): boolean {
  let i = 0
  while (i < length && known[i] === key[i]) i++
  return i === length && known.length === length
}

/** Writes the shape to `key`; returns its length. */
function writeShape(syn: Syn, key: Uint8Array): number {
  const { bytes, ip, tcp } = syn
  let at = syn.ipOffset + TCP_HEADER_LENGTH
  if (ip.version === 4) {
    at += ip.headerLength
    key[0] = 4
    key[1] = (ip.dscp << 2) | ip.ecn
    key[2] = (ip.identification === 0 ? 1 : 0) | (ip.dontFragment ? 2 : 0) | (ip.reservedFlag ? 4 : 0)
    key[3] = ip.timeToLive
    key[4] = 0
    key[5] = ip.optionsLength
  } else {
    at += 40 + ip.extensionsLength
    key[0] = 6
    key[1] = ip.trafficClass
    key[2] = ip.flowLabel === 0 ? 1 : 0
    key[3] = ip.hopLimit
    key[4] = ip.extensionsLength >> 8
    key[5] = ip.extensionsLength
  }
  if (syn.payloadLength > 0) key[0] |= 8
  if (tcp.sequenceNumber === 0) key[2] |= 8
  if (tcp.acknowledgmentNumber === 0) key[2] |= 16
  if (tcp.urgentPointer === 0) key[2] |= 32
  key[6] = tcp.dataOffset
  key[7] = tcp.flagBits >> 8
  key[8] = tcp.flagBits
  key[9] = tcp.window >> 8
  key[10] = tcp.window
  const end = at + tcp.dataOffset * 4 - TCP_HEADER_LENGTH
  let to = FIXED
  for (let i = at; i < end; i++) key[to++] = bytes[i]!
  // Of malformed options each reader reads something else: they are taken as they are.
  if (tcp.tsVal === undefined || tcp.malformed !== undefined) return to
  for (let i = at; i < end && bytes[i] !== TCP_OPTION.EOL; i += optionLength(bytes, i, end)) {
    if (bytes[i] !== TCP_OPTION.TIMESTAMPS) continue
    for (const number of [i + 2, i + 6]) {
      const isZero = u32be(bytes, number) === 0
      key.fill(isZero ? 0 : 1, FIXED + number - at, FIXED + number - at + 4)
    }
  }
  return to
}
