/**
 * The fields of a packet in rows of 32 bits, and the fields that each octet belongs to.
 * @module
 */
import type { PacketField } from './packet.ts'

/** A field, or a part of it, within a row. */
export interface Cell {
  /** Index of the field. */
  readonly field: number
  readonly bits: number
  /** A later part of a field that began before. */
  readonly continued: boolean
}

/** Up to 32 bits. */
export interface Row {
  /** Octets before this row. */
  readonly octet: number
  readonly cells: readonly Cell[]
  /** Rows of a long field that are left out after this row. */
  readonly omitted: number
}

const ROW = 32
/** Rows of a field that are shown; the rest of a longer field is left out. */
const MOST_ROWS = 10

/** Rows of 32 bits from the fields of a packet, which follow each other without gaps. */
export function packetRows(fields: readonly PacketField[]): Row[] {
  const rows: Row[] = []
  let cells: Cell[] = []
  let used = 0
  let octet = 0
  const finish = (omitted = 0): void => {
    rows.push({ octet, cells, omitted })
    octet += used / 8 + omitted * 4
    cells = []
    used = 0
  }
  fields.forEach(({ bits }, field) => {
    let left = bits
    let shown = 0
    while (left > 0) {
      const part = Math.min(left, ROW - used)
      cells.push({ field, bits: part, continued: left !== bits })
      used += part
      left -= part
      if (used < ROW) continue
      shown += 1
      const omitted = shown === MOST_ROWS ? Math.floor(left / ROW) : 0
      left -= omitted * ROW
      finish(omitted)
    }
  })
  if (used > 0) finish()
  return rows
}

/** Indices of the fields that have bits in each octet, at most `most` octets. */
export function fieldsByOctet(fields: readonly PacketField[], most: number): number[][] {
  const octets: number[][] = []
  let bit = 0
  for (let field = 0; field < fields.length && bit < most * 8; field++) {
    const end = bit + fields[field]!.bits
    for (let octet = bit >> 3; octet * 8 < end && octet < most; octet++) {
      const list = (octets[octet] ??= [])
      list.push(field)
    }
    bit = end
  }
  return octets
}

/** Where a field lies, for people: `octet 8`, `octets 12 to 15`, `octet 6, bit 1`. `bit` is its first bit, from the start of the IP header. */
export function placeOf(bit: number, bits: number): string {
  const first = bit >> 3
  const last = (bit + bits - 1) >> 3
  if (bits >= 8 && bit % 8 === 0 && bits % 8 === 0)
    return first === last ? `octet ${first}` : `octets ${first} to ${last}`
  const from = bit % 8
  const to = (bit + bits - 1) % 8
  if (first !== last) return `octets ${first} to ${last}, in part`
  return bits === 1 ? `octet ${first}, bit ${from}` : `octet ${first}, bits ${from} to ${to}`
}
