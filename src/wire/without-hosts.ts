/**
 * A SYN without what tells who sent it.
 * @module
 */
import { extensionHeaderLength, IPV6_HEADER_LENGTH } from './ipv6.ts'
import { decodedSyn, type Syn } from './syn.ts'

/** Octets of an IPv4 header without options. */
const IPV4_HEADER_LENGTH = 20

/** Octets of a SYN without its hosts, from the IP header on. */
export interface SynWithoutHosts {
  readonly octets: Uint8Array
  /** Where the TCP header begins. */
  readonly tcpAt: number
}

/**
 * A copy of a SYN from its IP header on, in which zeros are what names its hosts and what they could be computed from: addresses,
 * checksums, IPv4 options (RFC 791 section 3.1: some record a route), and what extension headers of IPv6 hold (addresses: RFC 8200
 * section 4.4, RFC 6275 section 6.3). Lengths, kinds and ports stay.
 */
export function withoutHosts(syn: Syn): SynWithoutHosts {
  const { bytes, ip, ipOffset } = decodedSyn(syn)
  const octets = bytes.slice(ipOffset)
  let tcpAt: number
  if (ip.version === 4) {
    tcpAt = IPV4_HEADER_LENGTH + ip.optionsLength
    octets.fill(0, 10, tcpAt)
  } else {
    octets.fill(0, 8, IPV6_HEADER_LENGTH)
    tcpAt = IPV6_HEADER_LENGTH
    for (const kind of ip.extensionHeaders) {
      const end = tcpAt + extensionHeaderLength(kind, octets, tcpAt)
      octets.fill(0, tcpAt + 2, end)
      tcpAt = end
    }
  }
  octets.fill(0, tcpAt + 16, tcpAt + 18)
  return { octets, tcpAt }
}
