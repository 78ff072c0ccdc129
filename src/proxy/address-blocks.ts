/**
 * Lists of address blocks (RFC 4632, RFC 4291 section 2.3): whether a peer is among those that are believed.
 * @module
 */
import { type AddressWords, createAddressWords, isMapped, parseAddress } from '../wire/sockaddr.ts'

/** One block: the address in it, and how many leading bits count. */
interface Block extends AddressWords {
  readonly bits: number
}

/** A list of blocks, IPv4 ones kept as IPv4-mapped IPv6. */
export class AddressBlocks {
  readonly #blocks: readonly Block[]
  /** True if unix sockets are in the list. */
  readonly unix: boolean

  /**
   * `texts` are `192.0.2.0/24`, `2001:db8::/32`, a single address, or `unix` for peers on unix sockets.
   * @throws {TypeError} naming the text that is none of these, or has bits set beyond its prefix
   */
  constructor(texts: readonly string[]) {
    this.unix = texts.includes('unix')
    this.#blocks = texts.filter((text) => text !== 'unix').map(parseBlock)
  }

  /** True if an address is in one of the blocks. */
  has(words: AddressWords): boolean {
    return this.#blocks.some((block) => isIn(words, block))
  }
}

/** An IPv4-mapped address is in an IPv4 block, never in an IPv6 one: `::/0` does not mean IPv4 clients. */
function isIn(words: AddressWords, block: Block): boolean {
  if (isMapped(words) !== isMapped(block)) return false
  return (
    differs(words.w0, block.w0, block.bits) === 0 &&
    differs(words.w1, block.w1, block.bits - 32) === 0 &&
    differs(words.w2, block.w2, block.bits - 64) === 0 &&
    differs(words.w3, block.w3, block.bits - 96) === 0
  )
}

/** The bits among the first `bits` in which two words differ. */
function differs(a: number, b: number, bits: number): number {
  if (bits <= 0) return 0
  return bits >= 32 ? a ^ b : (a ^ b) >>> (32 - bits)
}

/**
 * True if a part of a dotted quad begins with a zero and goes on: `010.0.0.1` is 8.0.0.1 to `inet_aton` and 10.0.0.1 to others, so that
 * a list must not hold it (RFC 6943 section 3.1.1).
 */
export function hasLeadingZero(address: string): boolean {
  return /(?:^|[.:])0\d+\.|\.0\d/.test(address)
}

function parseBlock(text: string): Block {
  const slash = text.indexOf('/')
  const address = slash < 0 ? text : text.slice(0, slash)
  const words = createAddressWords()
  if (address.includes('%') || hasLeadingZero(address) || !parseAddress(address, words))
    throw refused(text, 'is no address block')
  const isIpv4 = !address.includes(':')
  const width = isIpv4 ? 32 : 128
  const length = slash < 0 ? String(width) : text.slice(slash + 1)
  if (!/^(?:0|[1-9]\d{0,2})$/.test(length) || Number(length) > width) {
    throw refused(text, `needs a prefix length from 0 to ${width}`)
  }
  const bits = Number(length) + (isIpv4 ? 96 : 0)
  if (!isIpv4 && isMapped(words) && bits < 96) throw refused(text, 'is IPv4-mapped: write the IPv4 block')
  const rest =
    clear(words.w0, bits) | clear(words.w1, bits - 32) | clear(words.w2, bits - 64) | clear(words.w3, bits - 96)
  if (rest !== 0) throw refused(text, 'has bits set beyond its prefix')
  return { ...words, bits }
}

/** The bits after the first `bits`. */
function clear(word: number, bits: number): number {
  if (bits >= 32) return 0
  return bits <= 0 ? word : (word << bits) >>> bits
}

function refused(text: string, why: string): TypeError {
  return new TypeError(`"${text}" ${why}`)
}
