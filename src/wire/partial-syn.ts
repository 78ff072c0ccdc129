/**
 * The beginning of a SYN, where a capture kept no more: the fields that are there.
 * @module
 */

import { toHex } from '../base/bytes.ts'
import { decodeIpv4, Ipv4Header, type Ipv4Record } from './ipv4.ts'
import { decodeIpv6, IPV6_HEADER_LENGTH, Ipv6Header, type Ipv6Record } from './ipv6.ts'
import { TCP_HEADER_LENGTH, TcpHeader, type TcpRecord } from './tcp.ts'
import { isPossibleLength, optionLength } from './tcp-options.ts'

/** Fields behind the control bits. */
type Cuttable = 'window' | 'checksum' | 'urgentPointer' | 'optionKinds'

/** As `tcpfingerprint pcap --json` prints it. No fingerprint can be made of it: each depends on all options. */
export interface PartialSynRecord {
  /** Octets of IP and TCP header that are there, and that these headers have. */
  readonly partial: { readonly available: number; readonly needed: number }
  /** The octets that are there. */
  readonly hex: string
  readonly ip: Ipv4Record | Ipv6Record
  /** Fields that are whole; of the options those that are, up to the first that is not. */
  readonly tcp: Omit<TcpRecord, Cuttable> & Partial<TcpRecord>
}

/**
 * What is known of a SYN of which `bytes`, from its IP header on, hold the beginning up to the TCP control bits at least.
 * `undefined` where they hold less, or no SYN, or all of it.
 */
export function decodePartialSyn(bytes: Uint8Array): PartialSynRecord | undefined {
  const version = bytes[0]! >> 4
  const ip = version === 4 ? decodeIpv4(bytes, 0) : version === 6 ? decodeIpv6(bytes, 0) : undefined
  if (!(ip instanceof Ipv4Header || ip instanceof Ipv6Header)) return undefined
  const at = ip.version === 4 ? ip.headerLength : IPV6_HEADER_LENGTH + ip.extensionsLength
  const available = bytes.length
  if (available < at + 14) return undefined
  const needed = at + (bytes[at + 12]! >> 4) * 4
  if (needed < at + TCP_HEADER_LENGTH || needed <= available) return undefined

  // Options that are not whole are left out, together with what follows them: No-Operations would stand in their place.
  let end = at + TCP_HEADER_LENGTH
  while (end < available) {
    const length = bytes[end] === 0 ? 0 : optionLength(bytes, end, available)
    if (length <= 0 || !isPossibleLength(bytes[end]!, length)) break
    end += length
  }
  const whole = Math.min(end, available)
  const filled = new Uint8Array(needed).fill(1)
  filled.set(bytes.subarray(0, whole))
  const { optionKinds, window, checksum, urgentPointer, ...rest } = new TcpHeader(filled, at).toJSON()
  const missing = needed - Math.max(whole, at + TCP_HEADER_LENGTH)
  return {
    partial: { available, needed },
    hex: toHex(bytes),
    ip: ip.toJSON(),
    tcp: {
      ...rest,
      ...(available < at + 16 ? undefined : { window }),
      ...(available < at + 18 ? undefined : { checksum }),
      ...(available < at + 20 ? undefined : { urgentPointer }),
      ...(available < at + 20 ? undefined : { optionKinds: optionKinds.slice(0, optionKinds.length - missing) }),
    },
  }
}
