/**
 * A database as pf.os: the passive fingerprints of OpenBSD's pf and of nftables' `osf`.
 * @module
 */

import { QUIRK } from '../../fingerprint/quirks.ts'
import type { Database, Signature } from '../database.ts'
import { type Exported, MULTIPLES } from './exported.ts'
import { readOptions } from './option-layout.ts'

/** Octets of IPv4 and TCP headers without options. */
const HEADERS = 40
/** nftables compares 15 characters of a genre and keeps 31 of a version. */
const GENRE = 15
const VERSION = 31
/** Quirks that pf.os cannot say, and without which a packet would be another sender's. The IP ID and ECN are not among them. */
const UNSEEN = ~(QUIRK.DF | QUIRK.ID_NONZERO | QUIRK.ID_ZERO | QUIRK.ECN | QUIRK.FLOW)

/** What a line says of the packet: everything before the names. */
function patternsOf(signature: Signature): readonly string[] | undefined {
  const { version, optionsLength, payload, quirks, optionalQuirks, zmapIdentification, timeToLive } = signature
  const { windowRule, window, mss, scale } = signature
  const options = readOptions(signature.layout)
  // A window of 0 means any.
  const isZero = windowRule === 'value' && window === 0
  const isPlain = optionsLength === 0 && payload !== true && !zmapIdentification
  const isSaid = version !== 6 && isPlain && (quirks & UNSEEN) === 0 && !isZero
  if (!isSaid || options === undefined) return undefined
  const words = options.words.map((word) => {
    switch (word) {
      case 'mss':
        return mss < 0 ? 'M*' : `M${mss}`
      case 'ws':
        return scale < 0 ? 'W*' : `W${scale}`
      default:
        return { nop: 'N', sok: 'S', ts: 'T', eol: 'E' }[word]!
    }
  })
  const windows = {
    any: ['*'],
    value: [String(window)],
    modulo: [`%${window}`],
    mss: [`S${window}`],
    mtu: [`T${window}`],
    full: MULTIPLES.map((n) => `S${n}`),
  }[windowRule]
  const fragments = (optionalQuirks & QUIRK.DF) !== 0 ? ['1', '0'] : [(quirks & QUIRK.DF) === 0 ? '0' : '1']
  const size = HEADERS + options.length
  const text = words.length === 0 ? '.' : words.join(',')
  return windows.flatMap((one) => fragments.map((df) => `${one}:${timeToLive}:${df}:${size}:${text}`))
}

/** How much a line leaves open: nftables takes the first line that fits, so that wide lines go last. */
function widthOf(pattern: string, generic: boolean): number {
  const [window] = pattern.split(':')
  return (generic ? 8 : 0) + (window === '*' ? 4 : window!.startsWith('%') ? 2 : 0) + (pattern.includes('W*') ? 1 : 0)
}

/** Whole words up to a length, without what has a meaning in the file. */
function clip(text: string, most: number): string {
  const plain = text.replace(/[:#]/g, ' ').replace(/\s+/g, ' ').trim()
  if (plain.length <= most) return plain
  const space = plain.lastIndexOf(' ', most)
  return plain.slice(0, space > 0 ? space : most).replace(/[,\s]+$/, '')
}

/** Names of a line: those that all its senders share. */
function namesOf(labels: readonly Signature['label'][]): { readonly genre: string; readonly version: string } {
  const systems = new Set(labels.map(({ system }) => system))
  const flavors = new Set(labels.map(({ flavor }) => flavor))
  const families = new Set(labels.map(({ kin }) => kin))
  const genre = systems.size === 1 ? [...systems][0]! : families.size === 1 ? [...families][0]! : ''
  // What does not fit is named by its family, so that nothing is cut to another name.
  if (genre.length > GENRE) {
    const one = labels.length === 1 ? labels[0]!.name : ''
    return { genre: families.size === 1 ? [...families][0]! : '', version: clip(one, VERSION) }
  }
  return {
    genre: clip(genre, GENRE),
    version: flavors.size === 1 ? clip([...flavors][0]!, VERSION) : '',
  }
}

/** What the kernel compares of a line: nftables does not look at the scale. */
const seenByKernel = (pattern: string): string => pattern.replace(/W\d+/, 'W*')

/**
 * Writes what can be said of IPv4 packets. Signatures that differ only in what pf.os cannot say, or in the scale, share the name:
 * the one that all have, else the family. Where they have neither in common they are left out.
 */
export function exportPfOs(database: Database): Exported {
  const lines = new Map<string, number>()
  const labels = new Map<string, Signature['label'][]>()
  let leftOut = 0
  for (const signature of database.signatures) {
    const { label } = signature
    const patterns = patternsOf(signature)
    if (patterns === undefined) leftOut += 1
    for (const pattern of patterns ?? []) {
      if (!lines.has(pattern)) lines.set(pattern, widthOf(pattern, label.generic))
      const same = labels.get(seenByKernel(pattern))
      if (same === undefined) labels.set(seenByKernel(pattern), [label])
      else if (!label.generic && !same.includes(label)) same.push(label)
    }
  }
  const text = [...lines]
    .sort(([, a], [, b]) => a - b)
    .flatMap(([pattern]) => {
      const { genre, version } = namesOf(labels.get(seenByKernel(pattern))!)
      return genre === '' ? [] : [`${pattern}:${genre}:${version}::${`${genre} ${version}`.trim()}\n`]
    })
  return {
    text: `# Signatures for pf.os, written by tcpfingerprint: IPv4, wide ones last\n${text.join('')}`,
    written: text.length,
    leftOut: [
      { reason: 'IPv6, data, or an option, quirk or window that pf.os cannot say', count: leftOut },
      { reason: 'senders of different families share the line', count: lines.size - text.length },
    ],
  }
}
