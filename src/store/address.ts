/**
 * Addresses and networks as a store keeps them: one spelling each.
 * @module
 */
import { formatIpv6Address } from '../wire/address.ts'
import { createAddressWords, formatAddress, isMapped, parseAddress } from '../wire/sockaddr.ts'
import type { Place } from './types.ts'

/** An address in its canonical spelling (RFC 5952; IPv4-mapped as IPv4) with its /24 or /64. `undefined` for other text. */
export function placeOf(text: string): { readonly address: string; readonly network: string } | undefined {
  const words = createAddressWords()
  const isBracketed = text.startsWith('[') && text.endsWith(']')
  if (!parseAddress(isBracketed ? text.slice(1, -1) : text, words)) return undefined
  const address = formatAddress(words)
  if (isMapped(words)) return { address, network: `${address.slice(0, address.lastIndexOf('.'))}.0/24` }
  words.w2 = 0
  words.w3 = 0
  return { address, network: `${formatAddress(words)}/64` }
}

/**
 * The octets that name an address (4 or 16) or network (3 or 8) of {@link placeOf}: those of a network are how each of its
 * addresses begins, so that one ordered column answers for both.
 */
export function prefixOf(text: string): Uint8Array {
  const [address = '', bits] = text.split('/')
  const words = createAddressWords()
  parseAddress(address, words)
  const { w0, w1, w2, w3 } = words
  if (isMapped(words)) return Uint8Array.from(octetsOf([w3]).slice(0, bits === undefined ? 4 : 3))
  return Uint8Array.from(octetsOf(bits === undefined ? [w0, w1, w2, w3] : [w0, w1]))
}

const octetsOf = (words: readonly number[]): number[] =>
  words.flatMap((word) => [word >>> 24, (word >>> 16) & 255, (word >>> 8) & 255, word & 255])

/** The octets of the network that an address or network of {@link prefixOf} is in. */
export function networkPrefix(prefix: Uint8Array): Uint8Array {
  return prefix.subarray(0, prefix.length > 4 ? 8 : 3)
}

/** The address of four or sixteen octets, the network of three or eight: the inverse of {@link prefixOf}. */
export function textOfPrefix(prefix: Uint8Array): string {
  if (prefix.length <= 4) return prefix.length === 4 ? prefix.join('.') : `${prefix.join('.')}.0/24`
  const octets = new Uint8Array(16)
  octets.set(prefix)
  return formatIpv6Address(octets) + (prefix.length === 16 ? '' : '/64')
}

/**
 * What a question is about: an address in any spelling, or `ADDRESS/24` or `ADDRESS/64` for its whole network. An IPv6 address
 * stands for its /64, since a client has all of it.
 *
 * @throws {TypeError} for text that is neither
 */
export function readPlace(text: string): Place {
  const [, address = '', bits] = /^(.*?)(?:\/(\d{1,3}))?$/.exec(text.trim()) ?? []
  const place = placeOf(address)
  const expected = place?.address.includes(':') ? '64' : '24'
  if (place === undefined || (bits !== undefined && bits !== expected)) {
    throw new TypeError(`Cannot look up "${text}": expected an IPv4 or IPv6 address, an IPv4 /24 or an IPv6 /64`)
  }
  if (bits !== undefined || expected === '64') return { kind: 'network', network: place.network }
  return { kind: 'address', ...place }
}
