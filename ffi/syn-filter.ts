/**
 * The classic BPF program (linux/filter.h) that lets SYNs through and nothing else, over packets that begin with their network header.
 *
 * Through go: TCP segments with SYN and without ACK, RST and FIN, in IPv4 packets that are no fragments and IPv6 packets, to one of the
 * ports where ports are given. IPv6 packets that begin with an extension header go through whatever they carry, because classic
 * BPF has no loops: the reader decides. Only packets that are addressed to this machine go through, not those that it sends: on the loopback
 * device each packet comes twice.
 * @module
 */
import { ETH_P_IP, ETH_P_IPV6, IPPROTO_TCP } from './constants.ts'

/** One `struct sock_filter`: code, jumps where true and where false, constant. */
export type BpfInstruction = readonly [code: number, jt: number, jf: number, k: number]

/** Codes of linux/bpf_common.h, class, size and mode joined. */
const LD_B_ABS = 0x30
const LD_H_ABS = 0x28
const LD_B_IND = 0x50
const LD_H_IND = 0x48
const LDX_B_MSH = 0xb1
const AND_K = 0x54
const JEQ_K = 0x15
const RET_K = 0x06

/** SKF_AD_OFF + SKF_AD_PROTOCOL and SKF_AD_PKTTYPE: what the kernel knows beside the octets. */
const AD_PROTOCOL = 0xffff_f000
const AD_PACKET_TYPE = 0xffff_f004
/** The packet is addressed to this machine (linux/if_packet.h). */
const PACKET_HOST = 0

/** Octets of a packet that are kept at most: 4 KiB are the longest SYN that the kernel saves. */
export const SNAP_OCTETS = 4096
/** More ports make the program longer than its jumps of 8 bits reach. */
export const FILTER_PORTS_AT_MOST = 64

/** IP fields: offsets and masks. More Fragments and the fragment's offset; SYN, and ACK, RST and FIN beside it. */
const FRAGMENT = 0x3fff
const FLAGS = 0x17
const SYN = 0x02
/** Hop-by-hop, routing, fragment, authentication, destination options (IANA "IPv6 Extension Header Types"). */
const EXTENSION_HEADERS = [0, 43, 44, 51, 60] as const

/** A jump's target by name, resolved when all offsets are known. */
type Target = 'next' | 'accept' | 'reject' | 'ipv6' | 'extension'
type Line = readonly [code: number, k: number, jt?: Target, jf?: Target]

/**
 * The program for these destination ports, for any where there are none.
 *
 * @throws {RangeError} more than 64 ports, or a number that is no port
 */
export function synFilter(ports: readonly number[] = []): readonly BpfInstruction[] {
  if (
    ports.length > FILTER_PORTS_AT_MOST ||
    ports.some((port) => !(Number.isInteger(port) && port > 0 && port < 65536))
  )
    throw new RangeError(`Cannot filter: at most ${FILTER_PORTS_AT_MOST} ports from 1 to 65535 expected: ${ports}`)
  const isPort = (load: number, offset: number): Line[] =>
    ports.length === 0
      ? []
      : [
          [load, offset],
          ...ports.map((port, index): Line => {
            const isLast = index === ports.length - 1
            return [JEQ_K, port, 'accept', isLast ? 'reject' : 'next']
          }),
        ]
  const isSyn: readonly Line[] = [
    [AND_K, FLAGS],
    [JEQ_K, SYN, ports.length === 0 ? 'accept' : 'next', 'reject'],
  ]
  const labels: Partial<Record<Target, number>> = {}
  const lines: Line[] = [
    [LD_B_ABS, AD_PACKET_TYPE],
    [JEQ_K, PACKET_HOST, 'next', 'reject'],
    [LD_H_ABS, AD_PROTOCOL],
    [JEQ_K, ETH_P_IPV6, 'ipv6', 'next'],
    [JEQ_K, ETH_P_IP, 'next', 'reject'],
    [LD_B_ABS, 9],
    [JEQ_K, IPPROTO_TCP, 'next', 'reject'],
    [LD_H_ABS, 6],
    [AND_K, FRAGMENT],
    [JEQ_K, 0, 'next', 'reject'],
    [LDX_B_MSH, 0],
    [LD_B_IND, 13],
    ...isSyn,
    ...isPort(LD_H_IND, 2),
  ]
  labels.ipv6 = lines.length
  lines.push(
    [LD_B_ABS, 6],
    [JEQ_K, IPPROTO_TCP, 'next', 'extension'],
    [LD_B_ABS, 53],
    ...isSyn,
    ...isPort(LD_H_ABS, 42),
  )
  labels.extension = lines.length
  EXTENSION_HEADERS.forEach((header, index) => {
    lines.push([JEQ_K, header, 'accept', index === EXTENSION_HEADERS.length - 1 ? 'reject' : 'next'])
  })
  labels.accept = lines.length
  labels.reject = lines.length + 1
  const offset = (at: number, target: Target = 'next'): number => (target === 'next' ? 0 : labels[target]! - at - 1)
  return [
    ...lines.map(([code, k, jt, jf], at): BpfInstruction => [code, offset(at, jt), offset(at, jf), k]),
    [RET_K, 0, 0, SNAP_OCTETS],
    [RET_K, 0, 0, 0],
  ]
}
