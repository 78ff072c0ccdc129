/**
 * Why octets could not be decoded.
 * @module
 */

/** Why bytes could not be decoded. `malformed` options are not among these: they decode, and say so. */
export type DecodeReason =
  /** Nothing to decode. */
  | 'empty'
  /** Text that is not pairs of hexadecimal digits. */
  | 'bad-hex'
  /** More octets than any saved SYN or `struct tcp_info` can have. */
  | 'too-long'
  /** Fewer octets than the header needs. */
  | 'truncated'
  /** Neither an IPv4 nor an IPv6 header, also behind an Ethernet header. */
  | 'bad-version'
  /** An IPv4 header length below 20 octets. */
  | 'bad-header-length'
  /** The IP header leads to another protocol than TCP. */
  | 'not-tcp'
  /** A fragment that does not begin with the TCP header. */
  | 'fragment'
  /** A TCP data offset below 5 words. */
  | 'bad-data-offset'
  /** A TCP segment without the SYN flag, or with RST. */
  | 'not-syn'

/** Why and where decoding stopped. */
export interface DecodeError {
  readonly reason: DecodeReason
  /** Octets from the start of the input (characters for `bad-hex`). */
  readonly offset: number
  /** Octets needed at least from the start of the input, where that is known. */
  readonly needed?: number
  /** Octets there were. */
  readonly available?: number
}

/** Thrown by `parseSyn` and `parseTcpInfo`, which say what `safeParseSyn` returns. */
export class DecodeFailure extends Error {
  override readonly name = 'DecodeFailure'
  /** Why and where. */
  readonly error: DecodeError
  constructor(what: string, error: DecodeError) {
    super(
      `Cannot decode ${what}: ${error.reason} at offset ${error.offset}` +
        (error.needed === undefined ? '' : `, ${error.needed} octets needed, ${error.available ?? 0} there`),
    )
    this.error = error
  }
}
