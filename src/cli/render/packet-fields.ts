/**
 * The fields of a SYN in the colours of the terminal, for the diagram.
 * @module
 */
import { describePacket, type FieldGroup } from '../../explain/packet.ts'
import type { Syn } from '../../wire/syn.ts'
import type { Palette } from './color.ts'
import type { DiagramField } from './diagram.ts'

/** All fields from the IP header to the end of the TCP options. */
export function packetFields(syn: Syn, { cyan, green, yellow, red }: Palette): DiagramField[] {
  const paints = { ip: cyan, tcp: green, option: yellow, malformed: red } satisfies Record<FieldGroup, unknown>
  return describePacket(syn).map(({ name, value, bits, group }) => ({ name, value, bits, paint: paints[group] }))
}
