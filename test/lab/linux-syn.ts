/**
 * SYNs of a Linux client with what a test changes in them.
 * @module
 */
import { parseSyn, type Syn } from '../../src/wire/syn.ts'
import { buildPacket, linuxOptions, type PacketFields } from './packet.ts'

/** Addresses and numbers of the client over IPv4 and IPv6. */
const V4 = {
  source: { address: '192.0.2.10', port: 43_210 },
  destination: { address: '198.51.100.7', port: 443 },
  ipId: 1,
  sequence: 1,
}
const V6 = {
  source: { address: '2001:db8::1', port: 43_210 },
  destination: { address: '2001:db8::2', port: 443 },
  sequence: 1,
}

/** Over IPv4. */
export const syn = (fields: Partial<PacketFields> = {}): Syn =>
  parseSyn(buildPacket({ ...V4, options: linuxOptions(), ...fields }))

/** Over IPv6. */
export const syn6 = (fields: Partial<PacketFields> = {}): Syn =>
  parseSyn(buildPacket({ ...V6, options: linuxOptions(1440), window: 64_800, ...fields }))
