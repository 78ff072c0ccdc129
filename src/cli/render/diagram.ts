/**
 * Packet diagrams as the RFCs draw them: 32 bits a row, two characters a bit.
 * @module
 */
import type { Paint } from './color.ts'

/** One field of a packet. The fields of a diagram follow each other without gaps. */
export interface DiagramField {
  readonly name: string
  readonly value: string
  readonly bits: number
  /** Colour of name and value. */
  readonly paint: Paint
}

/** A field, or a part of one, within one row. */
interface Cell {
  readonly field: DiagramField
  readonly bits: number
  /** A later row of a field that began before. */
  readonly continued: boolean
  /** The value, if this part is the one to show it. */
  readonly value: string
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

/** Breaks a name into lines of at most `width` characters, at its spaces, then anywhere; one bit has room for a letter. */
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
function cellLines({ field, bits, continued, value }: Cell): { name: string[]; value: string } {
  const width = bits * 2 - 1
  if (!continued) return { name: breakName(field.name, width), value }
  return { name: breakName(width > field.name.length + 2 ? `(${field.name})` : '', width), value }
}

function border(bits: number): string {
  return `+${'-+'.repeat(bits)}`
}

function drawRow(cells: readonly Cell[], dim: Paint, margin: string): string[] {
  const texts = cells.map(cellLines)
  const height = Math.max(...texts.map(({ name }) => name.length))
  const wall = dim('|')
  const lines: string[] = []
  for (let line = 0; line <= height; line++) {
    if (line === height && texts.every(({ value }) => value === '')) break
    const inside = cells.map(({ field, bits }, i) => {
      const { name, value } = texts[i]!
      return field.paint(centered(line === height ? value : (name[line] ?? ''), bits * 2 - 1))
    })
    lines.push((line === 0 ? margin : MARGIN) + wall + inside.join(wall) + wall)
  }
  return lines
}

/** A field of several whole rows: no border inside, but the ends of one between its rows. */
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

/** Rows of one field beyond which the rest is left out of the drawing. */
const MOST_ROWS = 8

/**
 * Draws a packet. The number before a row is the octet it starts with.
 *
 * @param dim Paints borders, ruler and numbers.
 */
export function drawPacket(fields: readonly DiagramField[], dim: Paint): string {
  const lines = RULER.map((line) => dim(line))
  let row: Cell[] = []
  let used = 0
  let octet = 0
  const margin = (): string => dim(`${String(octet).padStart(4)}  `)
  const separate = (bits: number): void => {
    lines.push(MARGIN + dim(border(bits)))
  }
  const finish = (bits: number): void => {
    lines.push(...drawRow(row, dim, margin()))
    separate(bits)
    octet += bits / 8
    row = []
    used = 0
  }
  separate(ROW)
  for (const field of fields) {
    const { name, value, paint } = field
    let left = field.bits
    let continued = false
    let shown = false
    while (left > 0) {
      if (used === 0 && left >= 2 * ROW) {
        const rows = Math.floor(left / ROW)
        const [title, text] = [continued ? `(${name})` : name, shown ? '' : value]
        lines.push(...drawBlock(title, text, paint, Math.min(rows, MOST_ROWS), dim, margin()))
        separate(ROW)
        octet += rows * 4
        left -= rows * ROW
        continued = shown = true
        continue
      }
      const bits = Math.min(left, ROW - used)
      const fits: boolean = !shown && value.length <= bits * 2 - 1
      row.push({ field, bits, continued, value: fits ? value : '' })
      shown ||= fits
      used += bits
      left -= bits
      continued = true
      if (used === ROW) finish(ROW)
    }
  }
  if (used > 0) finish(used)
  return `${lines.join('\n')}\n`
}
