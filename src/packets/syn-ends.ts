/**
 * The ends of a SYN, read from its octets without an object for each: a flood is no reason to decode.
 * @module
 */
import { safeParseSyn } from '../wire/syn.ts'
import type { SynEnds } from './syn-table.ts'

const TCP = 6
const SYN = 0x02
/** SYN, ACK, RST and FIN. */
const FLAGS = 0x17
const FRAGMENT = 0x3fff
const IPV6_OCTETS = 40

/** Reads ends and sequence number of the SYN in the first octets of `packet`. */
export class SynReader {
  readonly ends: SynEnds = {
    client: { w0: 0, w1: 0, w2: 0, w3: 0 },
    clientPort: 0,
    server: { w0: 0, w1: 0, w2: 0, w3: 0 },
    serverPort: 0,
  }
  sequence = 0

  /** Octets of the headers with all options, 0 where it is no SYN that the kernel would answer. Reads nothing beyond `octets`. */
  read(packet: Uint8Array, octets: number): number {
    const version = octets > 0 ? packet[0]! >> 4 : 0
    if (version === 4) return this.#readIpv4(packet, octets)
    return version === 6 ? this.#readIpv6(packet, octets) : 0
  }

  #readIpv4(packet: Uint8Array, octets: number): number {
    const start = (packet[0]! & 15) * 4
    if (start < 20 || octets < start + 20 || packet[9] !== TCP) return 0
    if ((((packet[6]! << 8) | packet[7]!) & FRAGMENT) !== 0) return 0
    const { client, server } = this.ends
    client.w0 = client.w1 = server.w0 = server.w1 = 0
    client.w2 = server.w2 = 0xffff
    client.w3 = word(packet, 12)
    server.w3 = word(packet, 16)
    return this.#readTcp(packet, octets, start)
  }

  #readIpv6(packet: Uint8Array, octets: number): number {
    if (octets < IPV6_OCTETS + 20) return 0
    let start = IPV6_OCTETS
    if (packet[6] !== TCP) {
      const decoded = safeParseSyn(packet.slice(0, octets))
      if (!decoded.ok || decoded.value.ip.version !== 6) return 0
      start += decoded.value.ip.extensionsLength
      if (octets < start + 20) return 0
    }
    const { client, server } = this.ends
    client.w0 = word(packet, 8)
    client.w1 = word(packet, 12)
    client.w2 = word(packet, 16)
    client.w3 = word(packet, 20)
    server.w0 = word(packet, 24)
    server.w1 = word(packet, 28)
    server.w2 = word(packet, 32)
    server.w3 = word(packet, 36)
    return this.#readTcp(packet, octets, start)
  }

  #readTcp(packet: Uint8Array, octets: number, start: number): number {
    if ((packet[start + 13]! & FLAGS) !== SYN) return 0
    const end = start + (packet[start + 12]! >> 4) * 4
    if (end < start + 20 || end > octets) return 0
    this.ends.clientPort = (packet[start]! << 8) | packet[start + 1]!
    this.ends.serverPort = (packet[start + 2]! << 8) | packet[start + 3]!
    this.sequence = word(packet, start + 4)
    return end
  }
}

function word(octets: Uint8Array, at: number): number {
  return ((octets[at]! << 24) | (octets[at + 1]! << 16) | (octets[at + 2]! << 8) | octets[at + 3]!) >>> 0
}
