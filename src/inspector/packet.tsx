/** @jsxRuntime automatic */
/** @jsxImportSource hono/jsx */
/**
 * A SYN drawn as in the RFCs, its octets in the colours of their fields, and its options in order.
 * @module
 */
import type { JSX } from 'hono/jsx/jsx-runtime'
import { explainOptions } from '../explain/options.ts'
import { describePacket, type PacketField } from '../explain/packet.ts'
import { fieldsByOctet, packetRows, placeOf } from '../explain/packet-rows.ts'
import type { Syn } from '../wire/syn.ts'

/** Octets that the dump shows. */
const MOST_OCTETS = 512

const LETTER = { ip: 'i', tcp: 't', option: 'o', malformed: 'm' } as const

/** Class of a field's colour: six shades a group in turn, so that neighbours differ. */
function colorClasses(fields: readonly PacketField[]): string[] {
  const used = { ip: 0, tcp: 0, option: 0, malformed: 0 }
  return fields.map(({ group }) => `${LETTER[group]}${used[group]++ % 6}`)
}

const hexOf = (octet: number): string => octet.toString(16).padStart(2, '0')

interface TipProps {
  readonly id?: string
  readonly field: PacketField
  readonly place: string
}

function Tip({ id, field, place }: TipProps): JSX.Element {
  return (
    <i role="tooltip" id={id}>
      <b>{field.name}</b> <code>{field.value}</code> <small>{place}</small>
      <br />
      {field.about}
    </i>
  )
}

/** What is needed to draw a packet. */
export interface PacketProps {
  readonly syn: Syn
}

/** The diagram and the octets of a SYN. Every cell and octet explains itself on hover, focus and tap. */
export function Packet({ syn }: PacketProps): JSX.Element {
  const fields = describePacket(syn)
  const colors = colorClasses(fields)
  const places: string[] = []
  let bit = 0
  for (const { bits } of fields) {
    places.push(placeOf(bit, bits))
    bit += bits
  }
  const described = new Set<number>()
  const shown = new Set<number>()
  return (
    <div class="packet">
      <section class="diagram" aria-label="Packet diagram, 32 bits a row">
        <div class="ruler" aria-hidden="true">
          {[0, 8, 16, 24].map((bit) => (
            <span>{bit}</span>
          ))}
        </div>
        {packetRows(fields).map(({ octet, cells, omitted }) => (
          <>
            <div class="row" data-octet={octet}>
              {cells.map(({ field: index, bits, continued }) => {
                const field = fields[index]!
                const id = described.has(index) ? undefined : `f${index}`
                described.add(index)
                const value = !shown.has(index) && fits(field.value, bits) ? field.value : undefined
                if (value !== undefined) shown.add(index)
                return (
                  // biome-ignore lint/a11y/useButtonType: it stands in no form; a page has 50 of them
                  <button
                    class={`b${bits} ${colors[index]}${field.value === '1' && field.bits === 1 ? ' set' : ''}`}
                    data-f={index}
                    aria-describedby={`f${index}`}
                  >
                    <small>{continued ? `(${field.name})` : field.name}</small>
                    {value === undefined ? null : <b>{value}</b>}
                    <Tip {...(id === undefined ? {} : { id })} field={field} place={places[index]!} />
                  </button>
                )
              })}
            </div>
            {omitted > 0 ? <p class="omitted">{omitted * 4} more octets of this field</p> : null}
          </>
        ))}
      </section>
      <Octets syn={syn} fields={fields} colors={colors} />
    </div>
  )
}

/** True if a value has room in a cell. A longer one is broken between characters. */
function fits(value: string, bits: number): boolean {
  return bits === 32 || value.length <= Math.max(1, bits * 1.1)
}

interface OctetsProps {
  readonly syn: Syn
  readonly fields: readonly PacketField[]
  readonly colors: readonly string[]
}

/** Octets in a row that belong to one field, or an octet that several share. */
interface Run {
  /** Octets from the start of the IP header. */
  readonly first: number
  readonly owners: readonly number[]
  readonly texts: string[]
}

function runsOf(owners: readonly (readonly number[])[], bytes: Uint8Array): Run[] {
  const runs: Run[] = []
  owners.forEach((list, i) => {
    const last = runs.at(-1)
    const text = hexOf(bytes[i]!)
    if (last?.owners.length === 1 && list.length === 1 && last.owners[0] === list[0]) last.texts.push(text)
    else runs.push({ first: i, owners: list, texts: [text] })
  })
  return runs
}

/** The octets as they were on the wire; a link header before and what follows the TCP header are shown without colour. */
function Octets({ syn, fields, colors }: OctetsProps): JSX.Element {
  const { bytes, ipOffset } = syn
  const owners = fieldsByOctet(fields, MOST_OCTETS)
  const runs = runsOf(owners, bytes.subarray(ipOffset))
  const before = Array.from(bytes.subarray(0, ipOffset), hexOf)
  const after = bytes.subarray(ipOffset + owners.length)
  return (
    <section class="octets" aria-label="Octets of the SYN">
      {before.map((text) => (
        <span title="Ethernet header before the packet">{text}</span>
      ))}
      {runs.map(({ first, owners: list, texts }) => (
        // biome-ignore lint/a11y/useButtonType: it stands in no form; a page has 50 of them
        <button tabindex={-1} class={colors[list[0]!]} data-f={list.join(' ')}>
          {list.length > 1 ? (
            <>
              <span>{texts[0]![0]}</span>
              <span class={colors[list.at(-1)!]}>{texts[0]![1]}</span>
              <i>
                <b>octet {first}</b> <code>0x{texts[0]}</code>{' '}
                {list.map((index) => `${fields[index]!.name} ${fields[index]!.value}`).join(' \u00b7 ')}
              </i>
            </>
          ) : (
            <>
              {texts.join(' ')}
              <i>
                <b>{fields[list[0]!]!.name}</b> <code>{fields[list[0]!]!.value}</code>
              </i>
            </>
          )}
        </button>
      ))}
      {after.length > 0 ? <span class="omitted">{after.length} more octets</span> : null}
    </section>
  )
}

/** The TCP options in wire order, each with its octets and what it says. */
export function Options({ syn }: PacketProps): JSX.Element {
  const { list, padding, noise } = explainOptions(syn.tcp)
  if (list.length === 0) return <p class="quiet">None: the client sent a bare TCP header.</p>
  return (
    <ol class="options">
      {list.map(({ name, value, malformed, bytes }) => (
        <li class={malformed ? 'bad' : undefined}>
          <span class="option-name">{name}</span>
          <span class="option-value">{value}</span>
          <code>{Array.from(bytes, hexOf).join(' ')}</code>
        </li>
      ))}
      {padding === '' ? null : (
        <li class="padding">
          <span class="option-name">{padding}</span>
          <span class="option-value">{noise === undefined ? 'all zero' : `not all zero: ${noise}`}</span>
        </li>
      )}
    </ol>
  )
}
