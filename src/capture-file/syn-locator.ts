/**
 * Finds the TCP SYN in a captured packet: through link headers, tags, tunnels and IP headers to the octets that `parseSyn`
 * takes. Reads only inside the packet, where decoders may restore octets (see `Decode`), allocates nothing for packets without tunnels,
 * never throws.
 * @module
 */

import { encapsulationOf } from './encapsulations.ts'
import { ip, tcp } from './ip-protocols.ts'
import { LAYER, STEP, type Step, Walk } from './walk.ts'

/** What a packet turned out to be. */
export const VERDICT = {
  /** Anything else: not TCP, another segment. */
  OTHER: 0,
  /** TCP with SYN set, ACK and RST clear. Its headers may still be cut short or broken: `parseSyn` says how. */
  SYN: 1,
  /** The capture kept too little of the packet to tell. */
  CUT: 2,
  /** The link type is not known. */
  UNKNOWN_LINK: 3,
  /** It may hold a SYN: `walk.layer`, `walk.number` and `walk.why` say where the way ended. */
  NOT_OPENED: 4,
} as const
/** One of the values of `VERDICT`. */
export type Verdict = (typeof VERDICT)[keyof typeof VERDICT]

/** Headers before TCP: no honest packet has more. Tags, extension headers and tunnels all count. */
const MAX_HEADERS = 64

/** Finds SYNs, one packet after the other. One object serves a whole file: its fields are those of the last packet. */
export class SynLocator {
  /** Where the walk ended. */
  readonly walk: Walk = new Walk()
  /** The octets that hold the SYN: those of the packet, or a copy without what stood between an IPv4 header and TCP. */
  bytes: Uint8Array = this.walk.bytes
  /** Where the IP header of the SYN starts. */
  start = 0
  /** Behind the last octet of its TCP options, or of what is there of them. */
  end = 0

  /** The tunnels the SYN lay in, outermost first; `undefined`: none. */
  get tunnels(): readonly string[] | undefined {
    return this.walk.tunnels
  }

  /**
   * Looks at the packet in octets `start` to `end`.
   *
   * @param cut True if the capture kept only the beginning of the packet.
   */
  locate(bytes: Uint8Array, start: number, end: number, linkType: number, cut: boolean): Verdict {
    const { walk } = this
    walk.bytes = bytes
    walk.at = start
    walk.end = end
    walk.cut = cut
    walk.layer = LAYER.LINK_TYPE
    walk.number = linkType
    walk.tunnels = undefined
    walk.why = 'unknown'
    walk.isQuoted = false
    return this.#verdict(this.#walk())
  }

  #walk(): Step {
    const { walk } = this
    let step: Step = STEP.NEXT
    for (let headers = 0; headers < MAX_HEADERS; headers++) {
      if (step === STEP.NEXT) {
        const { layer, number } = walk
        // Most packets of most files end here.
        if (layer === LAYER.IP_PROTOCOL && number === 6) return tcp(walk)
        const found =
          encapsulationOf(layer, number) ??
          (layer === LAYER.UDP_PORT ? encapsulationOf(layer, walk.otherPort) : undefined)
        if (found === undefined) return layer === LAYER.UDP_PORT ? STEP.END : walk.closed('unknown')
        step = found.decode(walk)
      } else if (step === STEP.IP) step = ip(walk)
      else return step
    }
    return walk.closed('too-deep')
  }

  #verdict(step: Step): Verdict {
    const { walk } = this
    // A quotation is seldom whole.
    if (walk.isQuoted && walk.why !== 'quoted') return VERDICT.OTHER
    switch (step) {
      case STEP.SYN:
        this.#syn()
        return VERDICT.SYN
      case STEP.SHORT:
        if (walk.cut) return VERDICT.CUT
        walk.why = 'too-short'
        return VERDICT.NOT_OPENED
      case STEP.CLOSED:
        return walk.layer === LAYER.LINK_TYPE && walk.why === 'unknown' ? VERDICT.UNKNOWN_LINK : VERDICT.NOT_OPENED
      default:
        return VERDICT.OTHER
    }
  }

  #syn(): void {
    const { walk } = this
    const { bytes, at, between } = walk
    const end = Math.min(at + Math.max(20, (bytes[at + 12]! >> 4) * 4), walk.end)
    this.bytes = bytes
    this.start = walk.ip
    this.end = end
    if (between === 0) return
    // Between IPv4 and TCP: taken out as Linux does (net/ipv4/ah4.c), the protocol put in and the length corrected.
    const headerLength = at - between - walk.ip
    const copy = new Uint8Array(end - walk.ip - between)
    copy.set(bytes.subarray(walk.ip, walk.ip + headerLength))
    copy.set(bytes.subarray(at, end), headerLength)
    const length = ((copy[2]! << 8) | copy[3]!) - between
    copy[2] = length >> 8
    copy[3] = length
    copy[9] = 6
    this.bytes = copy
    this.start = 0
    this.end = copy.length
  }
}
