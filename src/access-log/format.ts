/**
 * Apache 2.4 `LogFormat` strings, compiled once into a function that makes one line from one record.
 *
 * The syntax is that of mod_log_config: `%`, then in any order `!`, `<`, `>`, `,`, status codes and an argument in braces,
 * then the directive. `%{FINGERPRINT_...}g` is mod_tcpfingerprint's.
 * @module
 */
import { ArgumentError, directives, type Item, type LogFormatUses, NOTHING, type Part, type Use } from './directives.ts'
import { formatJson } from './json.ts'
import type { AccessRecord } from './record.ts'

/** Formats that have a name, as the Apache documentation gives them. `json` is one flat object per line. */
export const NAMED_LOG_FORMATS = {
  common: '%h %l %u %t "%r" %>s %b',
  combined: '%h %l %u %t "%r" %>s %b "%{Referer}i" "%{User-agent}i"',
  vhost_combined: '%v:%p %h %l %u %t "%r" %>s %b "%{Referer}i" "%{User-agent}i"',
} as const

/** A compiled format: call it with a record and it returns the line, without a line end. */
export interface LogFormat {
  (record: AccessRecord): string
  /** What a record must hold for this format. */
  readonly uses: LogFormatUses
}

/** A format string that cannot be compiled. */
export class LogFormatError extends TypeError {
  /** Characters from the start of the format. */
  readonly offset: number
  constructor(format: string, offset: number, what: string) {
    super(`Cannot compile log format "${format}": ${what} at position ${offset}`)
    this.name = 'LogFormatError'
    this.offset = offset
  }
}

/**
 * Compiles an Apache 2.4 `LogFormat` string.
 *
 * Takes `common`, `combined`, `vhost_combined` and `json` by name. Lines are escaped exactly as Apache does it and never
 * hold a line end that is not in the format itself. What cannot be known prints as `-`: `%l`, trailers, `%{...}x` but for
 * `HTTPS`, and every member that the record leaves out. In the text between directives `\n`, `\t`, `\r` and `\\` mean what
 * they mean to Apache, and `\"` is a quote, as in Apache's configuration files.
 *
 * @throws {LogFormatError} (a `TypeError`) for an unknown directive or argument, with its position
 * @see {@link https://httpd.apache.org/docs/2.4/mod/mod_log_config.html mod_log_config}
 * @example
 * const line = compileLogFormat('%h "%r" %>s %{FINGERPRINT_TCP_RTT}g')
 * line(record) // 192.0.2.10 "GET / HTTP/1.1" 200 57
 */
export function compileLogFormat(format: string): LogFormat {
  if (typeof format !== 'string')
    throw new TypeError(`Cannot compile log format: expected a string, got ${typeof format}`)
  const { append, uses } = compileLineAppender(format)
  return Object.assign((record: AccessRecord) => lineOf(append, record), { uses })
}

/** Appends the pieces of a record's line to `into`, without a line end, and returns how many characters they have. */
export type AppendLine = (record: AccessRecord, into: string[]) => number

/** The line of one record. */
export function lineOf(append: AppendLine, record: AccessRecord): string {
  const pieces: string[] = []
  append(record, pieces)
  return pieces.join('')
}

/** A format as access logs use it. */
export interface LineAppender {
  readonly append: AppendLine
  readonly uses: LogFormatUses
}

/**
 * The same as {@link compileLogFormat} for lines that are written together: pieces of many lines are joined at once, which costs
 * less than making a string of each line first.
 *
 * @throws {LogFormatError} as there
 */
export function compileLineAppender(format: string): LineAppender {
  if (format === 'json') return { append: (record, into) => appendText(formatJson(record), into), uses: ALL_USES }
  const text = Object.hasOwn(NAMED_LOG_FORMATS, format) ? NAMED_LOG_FORMATS[format as 'common'] : format
  const { parts, uses } = parseFormat(text)
  const items: Item[] = []
  /** `literals[0]` stands before the first item, `literals[i]` after the i-th. */
  const literals: string[] = ['']
  for (const part of parts) {
    if (typeof part === 'string') literals[items.length] += part
    else {
      items.push(part)
      literals.push('')
    }
  }
  const first = literals.shift()!
  const fixed = first.length + literals.join('').length
  const append: AppendLine = (record, into) => {
    let length = fixed
    if (first !== '') into.push(first)
    for (let i = 0; i < items.length; i += 1) {
      const text = items[i]!(record) ?? '-'
      length += text.length
      into.push(text, literals[i]!)
    }
    return length
  }
  return { append, uses }
}

/** Appends a line that is a text already. */
export function appendText(text: string, into: string[]): number {
  into.push(text)
  return text.length
}

/** What JSON reads, and what a custom format function may read. */
export const ALL_USES: LogFormatUses = {
  bytes: true,
  end: true,
  duration: true,
  firstByte: true,
  microseconds: true,
  aborted: true,
  connection: true,
  variables: [],
}

function parseFormat(format: string): { parts: Part[]; uses: LogFormatUses } {
  const parts: Part[] = []
  const uses = new Set<Use>()
  const variables = new Set<string>()
  for (let i = 0; i < format.length; ) {
    const character = format[i]!
    if (character === '\\') {
      const next = format[i + 1]
      parts.push(next === undefined ? '\\' : (LITERAL_ESCAPES[next] ?? `\\${next}`))
      i += 2
    } else if (character !== '%') {
      parts.push(character)
      i += 1
    } else if (format[i + 1] === '%') {
      parts.push('%')
      i += 2
    } else {
      const found = parseDirective(format, i)
      for (const part of found.parts) parts.push(part === NOTHING ? '-' : part)
      for (const use of found.uses) uses.add(use)
      if (found.variable !== undefined) variables.add(found.variable)
      i = found.next
    }
  }
  const has = (use: Use): boolean => uses.has(use)
  return {
    parts,
    uses: {
      bytes: has('bytes'),
      end: has('end'),
      duration: has('duration'),
      firstByte: has('firstByte'),
      microseconds: has('microseconds'),
      aborted: has('aborted'),
      connection: has('connection'),
      variables: [...variables],
    },
  }
}

const LITERAL_ESCAPES: Readonly<Record<string, string>> = { n: '\n', r: '\r', t: '\t', '\\': '\\', '"': '"' }

interface ParsedDirective {
  readonly parts: readonly Part[]
  readonly uses: readonly Use[]
  readonly variable: string | undefined
  readonly next: number
}

function parseDirective(format: string, start: number): ParsedDirective {
  let argument = ''
  let negated = false
  let original: boolean | undefined
  const statuses: number[] = []
  for (let i = start + 1; i < format.length; ) {
    const character = format[i]!
    if (character === '!') negated = !negated
    else if (character === '<') original = true
    else if (character === '>') original = false
    else if (character === '{') {
      const end = format.indexOf('}', i)
      if (end < 0) throw new LogFormatError(format, i, 'unclosed "{"')
      argument = format.slice(i + 1, end)
      i = end
    } else if (character >= '0' && character <= '9') {
      const digits = /^\d+/.exec(format.slice(i))![0]
      statuses.push(Number(digits))
      i += digits.length - 1
    } else if (character !== ',') {
      const name = character === '^' ? format.slice(i, i + 3) : character
      const known = directives()
      const directive = Object.hasOwn(known, name) ? known[name] : undefined
      if (directive === undefined) throw new LogFormatError(format, start, `unknown directive "%${name}"`)
      return {
        parts: conditional(compileDirective(), statuses, negated),
        uses: [...(directive.uses ?? []), ...(directive.usesOf?.(argument) ?? [])],
        variable: name === 'g' || name === 'e' ? argument.toUpperCase() : undefined,
        next: i + name.length,
      }
      function compileDirective(): readonly Part[] {
        try {
          const compiled = directive!.compile(argument, original ?? directive!.original ?? false)
          return typeof compiled === 'function' ? [compiled] : compiled
        } catch (error) {
          if (!(error instanceof ArgumentError)) throw error
          throw new LogFormatError(format, start, `"${format.slice(start, i + name.length)}" ${error.message},`)
        }
      }
    }
    i += 1
  }
  throw new LogFormatError(format, start, 'a "%" without a directive')
}

/** `%400,501{...}` prints only for these statuses, `%!200,304{...}` only for others. */
function conditional(parts: readonly Part[], statuses: readonly number[], negated: boolean): readonly Part[] {
  if (statuses.length === 0 || parts[0] === NOTHING) return parts
  const print = (record: AccessRecord): string | undefined => {
    if (parts.length === 1) return (parts[0] as Item)(record)
    return parts.map((part) => (typeof part === 'string' ? part : part(record))).join('')
  }
  return [(record) => (statuses.includes(record.status) === negated ? undefined : print(record))]
}
