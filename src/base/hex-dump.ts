/**
 * Octets as people paste them: plain hexadecimal, with separators, or rows as `tcpdump -x`, `xxd` and `hexdump -C` print them.
 * @module
 */

/** Octets of a dump beyond which its rows are passed over: more than any packet has. */
const MOST_OCTETS = 70_000
/** Octets that rows without offsets make together at most. */
const MOST_BARE_OCTETS = 4096
/** Lines of tcpdump about a packet, and characters of each that are examined. */
const MOST_TITLES = 4
const MOST_TITLE_LENGTH = 1000

/** A row of a dump: its offset (hexadecimal, of at least four digits), a colon or two blanks, then octets and perhaps text. */
const ROW = /^\s*(?:0x)?([0-9a-f]{4,8})(?::\s*| {2}\s*|\t\s*|$)(.*)$/i
/** A row of `od -t x1`: six or seven digits, then a blank before each octet, and with `z` text. */
const OD_ROW = /^([0-9a-f]{6,7}) ((?:[0-9a-f]{2}(?: |$)){1,16})\s*(?:>.*<)?$/i
/** What offsets are counted in: hexadecimal but for od, whose own choice is octal. */
const BASES: readonly number[] = [16, 8, 10]
/** Groups of 1, 2 or 4 octets with a blank between. */
const GROUPS = /^(?:[0-9a-f]{2}|[0-9a-f]{4}|[0-9a-f]{8})(?: (?:[0-9a-f]{2}|[0-9a-f]{4}|[0-9a-f]{8}))*$/i
/** Single octets with a blank between. */
const OCTETS = /^[0-9a-f]{2}(?: [0-9a-f]{2})+$/i
/** The line about a packet that tcpdump prints before its octets, also with `-e`, and those of `-v`. */
const TITLE = /^\s*\S.*\bIP(?:6|v[46])?\b.*(?: > | \()|^\s+\S+ > \S+: /
/** Octets a row, where rows have no offset; 12 are those of `xxd -i`. */
const ROW_LENGTHS: readonly number[] = [8, 12, 16, 32]

const LINE_END = /\r\n|\n|\r/

/**
 * Hexadecimal digits without `0x`, `\x`, the letter before a quoted string of SQL or Python, and what stands between octets: blanks,
 * colons, commas, quotes, brackets. Characters that are no digits stay, so that the decoder reports where they are.
 */
function stripSeparators(text: string): string {
  return text.replace(/\b[bx](?=['"])|0x|\\x|[\s:,;"'[\](){}-]/gi, '').toLowerCase()
}

/** One dump of an input. */
export interface HexDump {
  /** A line as it was, or the digits of all rows. */
  readonly text: string
  /** Number of its first line, from 1. */
  readonly line: number
  /** True if it came in rows. */
  readonly rows: boolean
}

/** Rows that belong together so far. */
interface Block {
  readonly line: number
  digits: string
  /** Octets that rows have named so far, those passed over included. */
  octets: number
  /** Digits of the first row: a shorter one is the last. */
  readonly row: number
  /** Characters from the first digit of a row to its last digit: text may follow. */
  readonly width: number
  /** True if rows have no offset. */
  readonly bare: boolean
  /** Of offsets, known from the second row on. */
  base: number | undefined
  /** True after `*`, which stands for rows equal to the last row. */
  repeats: boolean
  /** True once the dump was reported: further rows of it are passed over. */
  reported: boolean
}

/** What octets are, as far as their form tells: all that was dumped, cut short, or neither. */
export type Wholeness = 'whole' | 'cut' | 'unknown'

/**
 * Finds dumps in lines. A line is a dump, an empty one too, but for three kinds: rows with offsets, and rows of octets
 * parted by blanks, are one dump together; lines of tcpdump about a packet, before its rows, and empty lines behind rows are none.
 */
export class HexDumpReader {
  readonly #report: (dump: HexDump) => void
  readonly #wholeness: (digits: string) => Wholeness
  #block: Block | undefined
  /** Lines of tcpdump, of which no row is known yet. */
  #titles: HexDump[] = []
  #line = 0

  /**
   * @param report gets each dump, in order
   */
  constructor(report: (dump: HexDump) => void, wholeness: (digits: string) => Wholeness) {
    this.#report = report
    this.#wholeness = wholeness
  }

  /** Takes a line without its end, or with the `\r` of one. */
  line(given: string): void {
    this.#line += 1
    const text = given.endsWith('\r') ? given.slice(0, -1) : given
    // Most lines are digits and nothing else.
    if (this.#block === undefined && this.#titles.length === 0 && !/[ :\t]/.test(text)) {
      this.#report({ text, line: this.#line, rows: false })
      return
    }
    if (this.#continues(text)) return
    if (this.#end() && text.trim() === '') return
    const block = this.#begin(text)
    if (block !== undefined) {
      this.#titles = []
      this.#block = block
      return
    }
    if (TITLE.test(text.slice(0, MOST_TITLE_LENGTH))) {
      this.#titles.push({ text, line: this.#line, rows: false })
      if (this.#titles.length > MOST_TITLES) this.#report(this.#titles.shift()!)
      return
    }
    this.#endTitles()
    this.#report({ text, line: this.#line, rows: false })
  }

  /** Takes note of a line that was too long to be read; the caller reports it. */
  skip(): void {
    this.end()
    this.#line += 1
  }

  /** Before more input is waited for: reports a dump that is whole. */
  pause(): void {
    const block = this.#block
    if (block === undefined || block.reported || this.#wholeness(block.digits) !== 'whole') return
    this.#report({ text: block.digits, line: block.line, rows: true })
    block.reported = true
  }

  /** After the last line. */
  end(): void {
    this.#end()
    this.#endTitles()
  }

  /** Reports the open block, if it was not reported; returns true if a block was open. */
  #end(): boolean {
    const block = this.#block
    this.#block = undefined
    if (block === undefined) return false
    if (!block.reported) this.#report({ text: block.digits, line: block.line, rows: true })
    return true
  }

  /** Lines that looked like tcpdump's, without rows behind them. */
  #endTitles(): void {
    for (const title of this.#titles) this.#report(title)
    this.#titles = []
  }

  #begin(text: string): Block | undefined {
    const open = (digits: string, width: number, bare = false): Block => ({
      line: this.#line,
      digits,
      octets: digits.length / 2,
      row: digits.length,
      width,
      bare,
      base: undefined,
      repeats: false,
      reported: false,
    })
    const row = rowOf(text)
    if (row !== undefined && /^0+$/.test(row.offset)) {
      const [digits, width] = firstRow(row.rest)
      return digits === '' ? undefined : open(digits, width)
    }
    const bare = bareRow(text)
    if (!ROW_LENGTHS.includes((bare.length + 1) / 3) || !OCTETS.test(bare)) return undefined
    const digits = stripSeparators(bare)
    return this.#wholeness(digits) === 'cut' ? open(digits, bare.length, true) : undefined
  }

  /** Adds a row to the open block; false if the line is no row of it. */
  #continues(text: string): boolean {
    const block = this.#block
    if (block === undefined) return false
    if (block.bare) return this.#continuesBare(block, bareRow(text))
    if (text.trim() === '*') {
      block.repeats = true
      return true
    }
    const found = rowOf(text)
    if (found === undefined || /^0+$/.test(found.offset)) return false
    if (found.isOd && !block.repeats)
      block.base ??= BASES.find((base) => Number.parseInt(found.offset, base) === block.octets)
    const row = { offset: Number.parseInt(found.offset, block.base ?? 16), rest: found.rest }
    if (block.repeats) {
      const last = block.digits.slice(-block.row)
      for (; block.octets < row.offset && block.octets < MOST_OCTETS; block.octets += last.length / 2)
        block.digits += last
      block.octets = Math.max(block.octets, row.offset)
      block.repeats = false
    }
    if (row.offset !== block.octets) return false
    const digits = rowDigits(row.rest.slice(0, block.width))
    if (block.octets < MOST_OCTETS) block.digits += digits
    block.octets += digits.length / 2
    return true
  }

  #continuesBare(block: Block, text: string): boolean {
    const isRow = text.length <= block.width && OCTETS.test(`${text} 00`)
    const isOpen = !block.reported && block.digits.length % block.row === 0 && block.octets < MOST_BARE_OCTETS
    if (!isRow || !isOpen || this.#wholeness(block.digits) !== 'cut') return false
    block.digits += stripSeparators(text)
    block.octets = block.digits.length / 2
    return true
  }
}

/** A row without offset: octets parted by blanks, also where the row is one of C. */
function bareRow(text: string): string {
  const row = text.trim()
  return row.startsWith('0x') ? row.replace(/0x|,/g, '') : row
}

/** Digits of a row's offset and what follows it; `undefined` for another line. */
function rowOf(text: string): { readonly offset: string; readonly rest: string; readonly isOd: boolean } | undefined {
  const od = OD_ROW.exec(text)
  const found = od ?? ROW.exec(text)
  return found === null ? undefined : { offset: found[1]!, rest: found[2]!, isOd: od !== null }
}

/** Digits of the first row of a dump, and how many characters they take up with what is between them. */
function firstRow(rest: string): [digits: string, width: number] {
  const columns = rest
    .split('|')[0]!
    .trimEnd()
    .split(/( {2,})/)
  const [first = ''] = columns
  if (!GROUPS.test(first)) return ['', 0]
  const [, gap = '', second = ''] = columns
  // hexdump parts the row in the middle; what follows two blanks elsewhere is text, though it may look like octets.
  const halved = OCTETS.test(first) && stripSeparators(first).length === 16 && OCTETS.test(`${second} 00`)
  if (!halved || second.length > first.length) return [stripSeparators(first), first.length]
  return [stripSeparators(first + second), first.length + gap.length + second.length]
}

/** Digits of a further row, up to the first group that is none. */
function rowDigits(columns: string): string {
  let digits = ''
  for (const group of columns.split('|')[0]!.trimEnd().split(/ {2,}/)) {
    if (!GROUPS.test(group)) break
    digits += stripSeparators(group)
  }
  return digits
}

/**
 * The digits of the first dump of a pasted text, and how many more there are. Text without offsets is one dump, whatever its
 * lines.
 */
export function readHexDump(text: string): { readonly digits: string; readonly more: number } {
  const dumps: string[] = []
  const reader = new HexDumpReader(
    ({ text: found }) => {
      if (/^[0-9a-f]+$/.test(found)) dumps.push(found)
    },
    () => 'unknown',
  )
  const lines = text.split(LINE_END)
  if (lines.some((line) => /^0+$/.test(rowOf(line)?.offset ?? ''))) {
    for (const line of lines) reader.line(line)
    reader.end()
  }
  return dumps.length === 0 ? { digits: stripSeparators(text), more: 0 } : { digits: dumps[0]!, more: dumps.length - 1 }
}

/** The digits of a line that is a dump, separators taken out; the line as it is where that leaves no digits, or others. */
export function digitsOf(line: string): string {
  const digits = stripSeparators(line)
  return /^[0-9a-f]+$/.test(digits) ? digits : line
}
