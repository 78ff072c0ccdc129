/**
 * Counts packets that may hold a SYN and were not opened, by what ended the way into them.
 * @module
 */

import { encapsulationOf } from './encapsulations.ts'
import { LAYER, LAYER_NAMES, type Layer, type NotOpenedReason, type Walk } from './walk.ts'

/** Packets of one kind. */
export interface NotOpened {
  /** Registry of the number: `EtherType`, `IP protocol`, `link type` ... */
  readonly layer: string
  readonly number: number
  /** Its name, where it is known. */
  readonly name?: string
  /**
   * `unknown`: the number is; `unsupported`: a version or variant of it is; `encrypted`, `compressed`; `fragment`: a later one; `quoted`: by an ICMP error;
   * `too-short`: the packet ends inside its headers although the capture kept all of it; `too-deep`: more than 64 headers.
   */
  readonly reason: NotOpenedReason
  packets: number
  /** Number of the first packet of the kind in its file, from 1. */
  readonly frame: number
}

/** Kinds that are told apart; a file of random octets has no more. */
const MAX_KINDS = 256

/** The packets of one file that were not opened. */
export class NotOpenedPackets {
  readonly #kinds = new Map<string, NotOpened>()
  /** Packets of further kinds. */
  others = 0

  add({ layer, number, why }: Walk, frame: number): void {
    const key = `${layer}:${number}:${why}`
    const known = this.#kinds.get(key)
    if (known !== undefined) known.packets += 1
    else if (this.#kinds.size >= MAX_KINDS) this.others += 1
    else {
      const name = encapsulationOf(layer, number)?.name
      this.#kinds.set(key, {
        layer: LAYER_NAMES[layer]!,
        number,
        ...(name === undefined ? undefined : { name }),
        reason: why,
        packets: 1,
        frame,
      })
    }
  }

  /** Kinds, those of most packets first. */
  get kinds(): readonly NotOpened[] {
    return [...this.#kinds.values()].sort((a, b) => b.packets - a.packets)
  }
}

const DECIMAL: readonly Layer[] = [LAYER.LINK_TYPE, LAYER.IP_PROTOCOL, LAYER.UDP_PORT]
const WORDS: Readonly<Record<NotOpenedReason, string>> = {
  unknown: 'not known',
  unsupported: 'of a kind that is not known',
  encrypted: 'encrypted',
  compressed: 'compressed',
  fragment: 'later fragments',
  quoted: 'quoted in an ICMP error',
  'too-short': 'shorter than their headers',
  'too-deep': 'more than 64 headers',
}

/** `3 packets of EtherType 0x88b5 (not known), frame 7 first`. */
export function describeNotOpened({ layer, number, name, reason, packets, frame }: NotOpened): string {
  const isDecimal = DECIMAL.some((known) => LAYER_NAMES[known] === layer)
  const digits = isDecimal ? `${number}` : `0x${number.toString(16).padStart(4, '0')}`
  return `${packets} ${packets === 1 ? 'packet' : 'packets'} of ${layer} ${digits}${name === undefined ? '' : `, ${name}`} (${WORDS[reason]}), frame ${frame} first`
}
