/**
 * Records as text for people: a packet diagram, the options in order, the fingerprints, the label.
 * @module
 */
import { formatEndpoint, plural, printable } from '../../base/text.ts'
import { certaintyOf, distanceOf, explainLabel, labelName, linkOf } from '../../explain/label.ts'
import { explainNearest, linesToAdd } from '../../explain/nearest.ts'
import { explainOptions } from '../../explain/options.ts'
import { describePacket } from '../../explain/packet.ts'
import { guessHopDistance, guessInitialTtl, timeToLiveOf } from '../../fingerprint/ttl.ts'
import type { Label } from '../../label/match.ts'
import type { NearSignature } from '../../label/nearest.ts'
import type { PartialSynRecord } from '../../wire/partial-syn.ts'
import type { Syn } from '../../wire/syn.ts'
import { type Palette, palette } from './color.ts'
import { drawPacket } from './diagram.ts'
import type { Place, RecordWriter, TextOutput } from './record.ts'

/** What a title says of a SYN, whole or partial. */
interface Titled extends Place {
  readonly syn: Pick<Syn, 'ip' | 'tcp'> | PartialSynRecord
}

function title({ syn, file, frame, tunnel }: Titled, { bold, dim }: Palette): string {
  const { ip, tcp } = syn
  const where = file === undefined ? '' : ` ${dim(`(${printable(file)}, frame ${frame})`)}`
  const inside = tunnel === undefined ? '' : `, inside ${tunnel.join(', then ')}`
  const kind = tcp.flags.ack ? 'SYN with ACK' : 'SYN'
  return `${bold(
    `${kind} from ${formatEndpoint(ip.source, tcp.sourcePort)} to ${formatEndpoint(ip.destination, tcp.destinationPort)}`,
  )}${inside}${where}\n`
}

/** Facts that the diagram shows as numbers only. */
function remarks(syn: Syn): string[] {
  const { ip, tcp, link } = syn
  const lines: string[] = []
  if (link !== undefined) {
    const vlans = link.vlans.length === 0 ? '' : `, VLAN ${link.vlans.join(' in ')}`
    lines.push(`Ethernet header before it: ${link.source} to ${link.destination}${vlans}`)
  }
  const timeToLive = timeToLiveOf(syn)
  lines.push(
    `${ip.version === 4 ? 'TTL' : 'Hop limit'} ${timeToLive}: probably sent with ${guessInitialTtl(timeToLive)}, ${plural(guessHopDistance(timeToLive), 'hop')} away`,
  )
  if (tcp.windowScale !== undefined) {
    const shift = Math.min(tcp.windowScale, 14)
    lines.push(`Window ${tcp.window}; later ones count ${plural(2 ** shift, 'octet')} each (shift ${tcp.windowScale})`)
  }
  if (syn.payloadLength > 0) lines.push(`Data in the SYN: ${plural(syn.payloadLength, 'octet')}, by the IP length`)
  return lines
}

function options({ tcp }: Syn, { cyan, red, dim }: Palette): string {
  const { list, padding, noise } = explainOptions(tcp)
  if (list.length === 0) return `  ${dim('none')}\n`
  const names = Math.max(...list.map(({ name }) => name.length))
  let text = ''
  list.forEach(({ name, kind: number, value, malformed }, i) => {
    const kind = value === '' ? `kind ${number}` : `kind ${String(number).padEnd(5)}`
    text += `  ${dim(String(i + 1).padStart(2))}  ${cyan(name.padEnd(names))}  ${dim(kind)}${malformed ? red(value) : value}\n`
  })
  if (padding !== '') text += `      ${dim(`${padding}${noise === undefined ? '' : `, not all zero: ${noise}`}`)}\n`
  return text
}

function labelText(label: Label, database: string, { bold, green, yellow, dim }: Palette): string {
  const known = labelName(label)
  const name =
    known === undefined
      ? dim('no signature fits')
      : `${(label.match === 'exact' && !label.generic ? green : yellow)(known)}  ${dim(`(${certaintyOf(label)})`)}`
  let text = `\n${bold('Label')}\n  ${name}\n`
  explainLabel(label, database).forEach((line, i) => {
    text += `  ${dim((i === 0 ? 'why' : '').padEnd(8))}  ${line}\n`
  })
  text += `  ${dim('distance')}  ${distanceOf(label)}\n`
  const link = linkOf(label)
  if (link !== undefined) text += `  ${dim('link')}      ${link} (by the MSS)\n`
  return text
}

/** What comes closest, and the lines that would add the SYN. */
function nearText(near: readonly NearSignature[], p0f: string, { dim }: Palette): string {
  if (near.length === 0) return ''
  const rows = explainNearest(near).map(
    ({ name, line, differences }) => `  ${name} (line ${line}): ${differences.join('; ')}\n`,
  )
  const added = linesToAdd(p0f)?.map((line) => `  ${line}\n`) ?? []
  return `${dim('  closest signatures')}\n${rows.join('')}${added.length === 0 ? '' : `${dim('  to label it')}\n${added.join('')}`}`
}

const TITLES: Readonly<Record<string, string>> = { p0f: 'p0f', muonfp: 'MuonFP', haproxy: 'HAProxy', ja4t: 'JA4T' }

/** What is said of a whole SYN. */
export interface SynTextReport extends Place {
  readonly syn: Syn
  readonly fingerprints: Readonly<Record<string, string | undefined>>
  readonly label: Label | undefined
}

/**
 * A SYN as text: diagram, options, fingerprints, label.
 *
 * @param database where labels come from, in words
 */
export function synText(
  { syn, fingerprints, label, ...place }: SynTextReport,
  paint: Palette,
  database: string,
  nearest: (syn: Syn) => readonly NearSignature[],
): string {
  let text = title({ syn, ...place }, paint)
  text += `\n${drawPacket(describePacket(syn), paint)}\n`
  for (const line of remarks(syn)) text += `${line}\n`
  text += `\n${paint.bold('Options')}\n${options(syn, paint)}`
  text += `\n${paint.bold('Fingerprints')}\n`
  for (const [name, value] of Object.entries(fingerprints)) {
    if (value !== undefined) text += `  ${paint.cyan((TITLES[name] ?? name).padEnd(7))}  ${value}\n`
  }
  if (label !== undefined) text += labelText(label, database, paint)
  if (label?.name === undefined) text += nearText(nearest(syn), fingerprints.p0f ?? '', paint)
  return text
}

/**
 * Text for people; records are parted by an empty line.
 *
 * @param database where labels come from, in words
 * @param nearest signatures close to a SYN without a label
 */
export function createTextWriter(
  out: TextOutput,
  color: boolean,
  database: string,
  nearest: (syn: Syn) => readonly NearSignature[],
): RecordWriter {
  const paint = palette(color)
  let first = true
  return {
    record(report) {
      const { findings, ...rest } = report
      const { fingerprints, label } = findings
      const text = synText({ ...rest, fingerprints: { ...fingerprints }, label }, paint, database, nearest)
      const start = first ? '' : '\n'
      first = false
      out.text(start + text)
    },
    partial(syn, place = {}) {
      const { partial, tcp } = syn
      const start = first ? '' : '\n'
      first = false
      const fields = Object.entries(tcp).filter(([, value]) => typeof value === 'number')
      out.text(
        `${start}${title({ syn, ...place }, paint)}  ${paint.yellow('partial')}: the capture kept ${partial.available} of ${partial.needed} octets, no fingerprint can be made\n  ${fields.map(([name, value]) => `${name} ${value}`).join(', ')}\n`,
      )
    },
    error() {
      // People read of errors on standard error, where `warn` puts them.
    },
  }
}
