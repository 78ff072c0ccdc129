/**
 * Decoding errors in words.
 * @module
 */
import { plural } from '../base/text.ts'
import type { DecodeError, DecodeReason } from '../wire/errors.ts'

const WORDS: Readonly<Record<DecodeReason, string>> = {
  empty: 'there is nothing to decode',
  'bad-hex': 'it is not pairs of hexadecimal digits',
  'too-long': 'it is longer than anything the kernel saves',
  truncated: 'it ends inside a header',
  'bad-version': 'it starts neither with an IPv4 nor with an IPv6 header',
  'bad-header-length': 'its IPv4 header length is below 20 octets',
  'not-tcp': 'it carries another protocol than TCP',
  fragment: 'it is a fragment that does not begin with the TCP header',
  'bad-data-offset': 'its TCP data offset is below 5 words',
  'not-syn': 'it is not a SYN: the SYN flag is missing, or RST is set',
}

/** An error as a line for people: `truncated at offset 34: it ends inside a header (54 octets needed, 40 there)`. */
export function describeError(error: DecodeError): string {
  const lengths =
    error.needed !== undefined
      ? ` (${error.needed} octets needed, ${error.available ?? 0} there)`
      : error.available !== undefined
        ? ` (${plural(error.available, 'octet')})`
        : ''
  return `${error.reason} at offset ${error.offset}: ${WORDS[error.reason] ?? 'it cannot be decoded'}${lengths}`
}
