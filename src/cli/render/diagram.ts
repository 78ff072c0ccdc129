/**
 * Packet diagrams as the RFCs draw them: 32 bits a row, two characters a bit.
 * @module
 */
import type { FieldGroup, PacketField } from '../../explain/packet.ts'
import { packetRows, type Row } from '../../explain/packet-rows.ts'
import type { Paint, Palette } from './color.ts'

/** A field, or a part of it, within a row. */
interface DrawnCell {
  readonly field: PacketField
  readonly bits: number
  /** A later row of a field that began before. */
  readonly continued: boolean
  /** The value; the empty string if another part shows it. */
  readonly value: string
  readonly paint: Paint
}

const ROW = 32
const MARGIN = '      '
const RULER = [
  `${MARGIN} 0                   1                   2                   3`,
  `${MARGIN} 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1`,
]

function centered(text: string, width: number): string {
  const left = (width - text.length) >> 1
  return ' '.repeat(left) + text + ' '.repeat(width - text.length - left)
}

/** Breaks a name into lines of at most `width` characters, at its spaces, then anywhere; a bit has room for a letter. */
function breakName(name: string, width: number): string[] {
  const lines: string[] = []
  for (const word of name.split(' ')) {
    const last = lines.at(-1)
    if (last !== undefined && last.length + 1 + word.length <= width && width > 1) {
      lines[lines.length - 1] = `${last} ${word}`
      continue
    }
    for (let i = 0; i < word.length; i += width) lines.push(word.slice(i, i + width))
  }
  return lines
}

/** The lines of one cell: its name, broken as needed, then its value. */
function cellLines({ field, bits, continued, value }: DrawnCell): { name: string[]; value: string } {
  const width = bits * 2 - 1
  if (!continued) return { name: breakName(field.name, width), value }
  return { name: breakName(width > field.name.length + 2 ? `(${field.name})` : '', width), value }
}

function border(bits: number): string {
  return `+${'-+'.repeat(bits)}`
}

function drawRow(cells: readonly DrawnCell[], dim: Paint, margin: string): string[] {
  const texts = cells.map(cellLines)
  const height = Math.max(...texts.map(({ name }) => name.length))
  const wall = dim('|')
  const lines: string[] = []
  for (let line = 0; line <= height; line++) {
    if (line === height && texts.every(({ value }) => value === '')) break
    const inside = cells.map(({ bits, paint }, i) => {
      const { name, value } = texts[i]!
      return paint(centered(line === height ? value : (name[line] ?? ''), bits * 2 - 1))
    })
    lines.push((line === 0 ? margin : MARGIN) + wall + inside.join(wall) + wall)
  }
  return lines
}

/** A field of several whole rows: no border inside, but its ends between rows. */
function drawBlock(name: string, value: string, paint: Paint, rows: number, dim: Paint, margin: string): string[] {
  const width = ROW * 2 - 1
  const texts = [name, ...(value.length <= width ? [value] : (value.match(/.{1,60}/g) ?? []))]
  const height = Math.max(rows * 2 - 1, texts.length)
  const first = (height - texts.length) >> 1
  return Array.from({ length: height }, (_, line) => {
    const edge = dim(line % 2 === 0 || line >= rows * 2 - 1 ? '|' : '+')
    return (line === 0 ? margin : MARGIN) + edge + paint(centered(texts[line - first] ?? '', width)) + edge
  })
}

/** The field that fills a row by itself, with others of the same field: its index. */
function soleField({ cells }: Row): number | undefined {
  return cells.length === 1 && cells[0]!.bits === ROW ? cells[0]!.field : undefined
}

/** Draws the fields of a packet. The number before a row is the octet it starts with. */
export function drawPacket(fields: readonly PacketField[], { dim, cyan, green, yellow, red }: Palette): string {
  const paints: Readonly<Record<FieldGroup, Paint>> = { ip: cyan, tcp: green, option: yellow, malformed: red }
  const rows = packetRows(fields)
  const lines = RULER.map((line) => dim(line))
  const shown = new Set<number>()
  const separate = (bits: number): void => {
    lines.push(MARGIN + dim(border(bits)))
  }
  separate(ROW)
  for (let at = 0; at < rows.length; ) {
    const { octet, cells } = rows[at]!
    const margin = dim(`${String(octet).padStart(4)}  `)
    const sole = soleField(rows[at]!)
    let end = at + 1
    if (sole !== undefined) while (end < rows.length && soleField(rows[end]!) === sole) end += 1
    if (sole !== undefined && end - at > 1) {
      const { name, value, group } = fields[sole]!
      const title = cells[0]!.continued ? `(${name})` : name
      lines.push(...drawBlock(title, shown.has(sole) ? '' : value, paints[group], end - at, dim, margin))
      shown.add(sole)
      separate(ROW)
    } else {
      const drawn = cells.map(({ field: index, bits, continued }): DrawnCell => {
        const field = fields[index]!
        const fits = !shown.has(index) && field.value.length <= bits * 2 - 1
        if (fits) shown.add(index)
        return { field, bits, continued, value: fits ? field.value : '', paint: paints[field.group] }
      })
      lines.push(...drawRow(drawn, dim, margin))
      separate(cells.reduce((sum, { bits }) => sum + bits, 0))
    }
    at = end
  }
  return `${lines.join('\n')}\n`
}
