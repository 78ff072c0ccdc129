/**
 * The client's address out of headers that proxies set: `X-Forwarded-For`, `Forwarded` (RFC 7239), and headers of one address
 * such as `X-Real-IP`.
 *
 * A proxy appends what it sees, and everything before that may be the client's own invention. Lists are therefore read from the
 * end: addresses of trusted proxies are passed over, the first other one is the client, and nothing before it is looked at.
 * @module
 */
import { type AddressWords, createAddressWords, formatAddress, parseAddress } from '../wire/sockaddr.ts'
import { type AddressBlocks, hasLeadingZero } from './address-blocks.ts'

/** The client's end. The port is there where the header names it. */
export interface ForwardedPeer {
  readonly address: string
  readonly port?: number | undefined
}

/** A client, or what is wrong with the value. */
export type Forwarded = ForwardedPeer | string

/** Names of headers that list every hop: `X-Forwarded-For`, and what other products call theirs. */
const isList = (name: string): boolean => name.endsWith('forwarded-for')

/**
 * Reads the value of a header with this name, in lower case. `trusted` are the proxies. `port` is the value of the header that
 * carries the port, if there is one. Takes time in proportion to the length of the value.
 */
export function readForwarded(
  name: string,
  value: string,
  trusted: AddressBlocks,
  port: string | undefined,
): Forwarded {
  if (name !== 'forwarded' && !isList(name)) {
    if (value.includes(',')) return 'has more than one value'
    const end = readNode(value)
    return end === undefined ? 'is no address' : endOf(end, port)
  }
  let leftmost: Forwarded = 'names no address'
  let isLast = true
  for (const element of fromTheEnd(value)) {
    const text = name === 'forwarded' ? forOf(element) : element
    const end = text === undefined ? undefined : readNode(text)
    // A proxy that hides its client, or text that is no address: what stands before it is not to be believed.
    if (end === undefined) return 'names no address'
    leftmost = endOf(end, isLast ? port : undefined)
    if (!trusted.has(end.words)) return leftmost
    isLast = false
  }
  // All of them are trusted: the request began at one of them.
  return leftmost
}

interface Node {
  readonly words: AddressWords
  readonly port: number | undefined
}

function endOf({ words, port }: Node, portText: string | undefined): Forwarded {
  const given = port ?? (portText === undefined ? undefined : readPort(portText))
  if (port === undefined && portText !== undefined && given === undefined) return 'comes with a port that is none'
  return given === undefined ? { address: formatAddress(words) } : { address: formatAddress(words), port: given }
}

/** Characters of the longest address with brackets and port. */
const LONGEST_NODE = 64

/** `192.0.2.1`, `192.0.2.1:80`, `2001:db8::1`, `[2001:db8::1]`, `[2001:db8::1]:80`; `:_name` is a hidden port (RFC 7239 section 6.3). */
function readNode(given: string): Node | undefined {
  const text = given.trim()
  if (text.length > LONGEST_NODE) return undefined
  const [, bracketed, quad, port] = /^(?:\[([^\]]*)\]|([^:[\]]*))(?::(?:(\d{1,5})|_[\w.-]+))?$/.exec(text) ?? []
  const isIpv6 = bracketed !== undefined || quad === undefined
  const address = bracketed ?? quad ?? text
  // A zone means something only on the machine that wrote it.
  if (address.includes(':') !== isIpv6 || address.includes('%') || hasLeadingZero(address)) return undefined
  const words = createAddressWords()
  if (!parseAddress(address, words)) return undefined
  const number = port === undefined ? undefined : readPort(port)
  return port !== undefined && number === undefined ? undefined : { words, port: number }
}

function readPort(text: string): number | undefined {
  const port = Number(text)
  return /^\s*[1-9]\d{0,4}\s*$/.test(text) && port <= 65_535 ? port : undefined
}

/** Elements of a list from the last to the first. A comma inside a quoted string separates nothing. */
function* fromTheEnd(value: string): Generator<string> {
  let end = value.length
  let isQuoted = false
  for (let i = value.length - 1; i >= 0; i--) {
    const code = value.charCodeAt(i)
    if (code === QUOTE && !isEscaped(value, i)) isQuoted = !isQuoted
    else if (code === COMMA && !isQuoted) {
      yield value.slice(i + 1, end)
      end = i
    }
  }
  yield value.slice(0, end)
}

const QUOTE = 34
const COMMA = 44
const BACKSLASH = 92

/** True if an odd number of backslashes stands before it. More than a few stand before no quote that a proxy writes. */
function isEscaped(value: string, at: number): boolean {
  let count = 0
  while (count < 8 && value.charCodeAt(at - 1 - count) === BACKSLASH) count++
  return count % 2 === 1
}

const PAIR = /\s*([^\s=;,"]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s;,"]*))\s*(?:;|$)|\s*(?:;|$)/y

/** Value of the one `for` parameter of an element (RFC 7239 section 4), quotes taken off; `undefined` where it is no list of pairs. */
function forOf(element: string): string | undefined {
  let found: string | undefined
  PAIR.lastIndex = 0
  while (PAIR.lastIndex < element.length) {
    const pair = PAIR.exec(element)
    if (pair === null) return undefined
    const [, name, quoted, token] = pair
    if (name?.toLowerCase() !== 'for') continue
    if (found !== undefined) return undefined
    found = quoted?.replace(/\\(.)/g, '$1') ?? token
  }
  return found
}
