/**
 * Records as text for people: a packet diagram, the options in order, the fingerprints, the label.
 * @module
 */
import { optionName, optionValue } from '../../explain/options.ts'
import { guessHopDistance, guessInitialTtl } from '../../fingerprint/ttl.ts'
import type { Label } from '../../label/match.ts'
import type { Syn } from '../../wire/syn.ts'
import { printable } from '../args.ts'
import type { Output } from '../output.ts'
import type { RecordWriter, Report } from '../record.ts'
import { type Palette, palette } from './color.ts'
import { drawPacket } from './diagram.ts'
import { packetFields } from './packet-fields.ts'

/** An address and port as in URLs. */
function endpoint(version: 4 | 6, address: string, port: number): string {
  return version === 6 ? `[${address}]:${port}` : `${address}:${port}`
}

function title({ syn, file, frame, tunnel }: Report, { bold, dim }: Palette): string {
  const { ip, tcp } = syn
  const where = file === undefined ? '' : ` ${dim(`(${printable(file)}, frame ${frame})`)}`
  const inside = tunnel === undefined ? '' : `, inside ${tunnel.join(', then ')}`
  const kind = tcp.flags.ack ? 'SYN with ACK' : 'SYN'
  return `${bold(
    `${kind} from ${endpoint(ip.version, ip.source, tcp.sourcePort)} to ${endpoint(ip.version, ip.destination, tcp.destinationPort)}`,
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
  const timeToLive = ip.version === 4 ? ip.timeToLive : ip.hopLimit
  const hops = guessHopDistance(timeToLive)
  lines.push(
    `${ip.version === 4 ? 'TTL' : 'Hop limit'} ${timeToLive}: probably sent with ${guessInitialTtl(timeToLive)}, ${hops} ${hops === 1 ? 'hop' : 'hops'} away`,
  )
  if (tcp.windowScale !== undefined) {
    const shift = Math.min(tcp.windowScale, 14)
    lines.push(`Window ${tcp.window}; later ones count ${2 ** shift} octets each (shift ${tcp.windowScale})`)
  }
  if (syn.payloadLength > 0) lines.push(`Data in the SYN: ${syn.payloadLength} octets, by the IP length`)
  return lines
}

function options(syn: Syn, { cyan, red, dim }: Palette): string {
  const { tcp } = syn
  const { malformed } = tcp
  const list = tcp.options
  if (list.length === 0) return `  ${dim('none')}\n`
  const names = Math.max(...list.map(({ kind }) => optionName(kind).length))
  let text = ''
  list.forEach((option, i) => {
    const bad = malformed !== undefined && option.offset === malformed.offset
    const value = bad
      ? red(
          malformed.reason === 'bad-length'
            ? `malformed: its length octet is ${option.length}`
            : 'malformed: it does not fit into the header',
        )
      : optionValue(option)
    const number = String(i + 1).padStart(2)
    const kind = value === '' ? `kind ${option.kind}` : `kind ${String(option.kind).padEnd(5)}`
    text += `  ${dim(number)}  ${cyan(optionName(option.kind).padEnd(names))}  ${dim(kind)}${value}\n`
  })
  const { afterEnd } = tcp.layout
  if (afterEnd > 0) {
    text += `      ${dim(`${afterEnd} ${afterEnd === 1 ? 'octet' : 'octets'} of padding${tcp.padding === undefined ? '' : `, not all zero: ${tcp.padding}`}`)}\n`
  }
  return text
}

/** Why a label was given, as sentences without full stop. */
function reasons(label: Label, database: string): string[] {
  const { evidence } = label
  if (evidence === undefined) return []
  const { missingQuirks, extraQuirks, toleratedQuirks } = evidence
  const lines = [`signature ${evidence.signature}`, `from line ${evidence.line} of ${database}`]
  const differences: string[] = []
  if (missingQuirks.length > 0) differences.push(`it lacks ${missingQuirks.join(', ')}`)
  if (extraQuirks.length > 0) differences.push(`it has ${extraQuirks.join(', ')} besides`)
  if (evidence.ttlDiffers) differences.push('its TTL is not one that the signature leads to')
  if (differences.length > 0) {
    const tolerated = label.match === 'exact' && toleratedQuirks.length > 0 ? ', which is tolerated' : ''
    lines.push(`the SYN differs: ${differences.join('; ')}${tolerated}`)
  }
  if (evidence.randomTtl) lines.push('the tool picks its TTLs at random: the distance is the largest possible')
  if (evidence.runsOn.length > 0) lines.push(`runs on ${evidence.runsOn.join(', ')}`)
  return lines
}

/** How sure a label is. */
function certainty(label: Label): string {
  const kind = label.kind === 'app' ? 'a program' : 'a system'
  const match = label.match === 'fuzzy' ? 'near match' : 'exact match'
  return `${kind}; ${match} of ${label.generic ? 'a generic' : 'a specific'} signature`
}

function labelText(label: Label, database: string, { bold, green, yellow, dim }: Palette): string {
  const name =
    label.name === undefined
      ? dim('no signature fits')
      : `${(label.match === 'exact' && !label.generic ? green : yellow)(label.name)}  ${dim(`(${certainty(label)})`)}`
  let text = `\n${bold('Label')}\n  ${name}\n`
  reasons(label, database).forEach((line, i) => {
    text += `  ${dim((i === 0 ? 'why' : '').padEnd(8))}  ${line}\n`
  })
  text += `  ${dim('distance')}  ${label.distance} ${label.distance === 1 ? 'hop' : 'hops'}\n`
  if (label.mtu !== undefined) {
    text += `  ${dim('link')}      ${label.link ?? 'unknown'}, MTU ${label.mtu} (by the MSS)\n`
  }
  return text
}

const TITLES: Readonly<Record<string, string>> = { p0f: 'p0f', muonfp: 'MuonFP', haproxy: 'HAProxy', ja4t: 'JA4T' }

/**
 * Text for people; records are parted by an empty line.
 *
 * @param database where labels come from, in words.
 */
export function createTextWriter(out: Output, color: boolean, database: string): RecordWriter {
  const paint = palette(color)
  let first = true
  return {
    record(report) {
      const { syn, fingerprints } = report
      let text = first ? '' : '\n'
      first = false
      text += title(report, paint)
      text += `\n${drawPacket(packetFields(syn, paint), paint.dim)}\n`
      for (const line of remarks(syn)) text += `${line}\n`
      text += `\n${paint.bold('Options')}\n${options(syn, paint)}`
      text += `\n${paint.bold('Fingerprints')}\n`
      for (const [name, value] of Object.entries(fingerprints)) {
        text += `  ${paint.cyan((TITLES[name] ?? name).padEnd(7))}  ${value}\n`
      }
      if (report.label !== undefined) text += labelText(report.label, database, paint)
      out.text(text)
    },
    error() {
      // People read of errors on standard error, where `warn` puts them.
    },
  }
}
