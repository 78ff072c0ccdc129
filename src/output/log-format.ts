/**
 * Apache 2.4 `LogFormat` strings, compiled once into a function that makes one line from one record.
 *
 * The syntax is that of mod_log_config: `%`, then in any order `!`, `<`, `>`, `,`, status codes and an argument in braces,
 * then the directive. `%{FINGERPRINT_...}g` is mod_tcpfingerprint's.
 * @module
 */
import { ArgumentError, DIRECTIVES, type Item, type LogFormatUses, NOTHING, type Use } from './log-directives.ts'
import { formatJson } from './log-json.ts'
import type { AccessRecord } from './log-record.ts'

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
 * line({
 *   method: 'GET', url: 'http://example.org/', status: 200, time: Date.now(), remoteAddress: '192.0.2.10',
 *   requestHeaders: new Headers(), responseHeaders: new Headers(), env: { FINGERPRINT_TCP_RTT: '57' },
 * }) // 192.0.2.10 "GET / HTTP/1.1" 200 57
 */
export function compileLogFormat(format: string): LogFormat {
  if (typeof format !== 'string')
    throw new TypeError(`Cannot compile log format: expected a string, got ${typeof format}`)
  if (format === 'json') return Object.assign(formatJson, { uses: ALL_USES })
  const text = Object.hasOwn(NAMED_LOG_FORMATS, format) ? NAMED_LOG_FORMATS[format as 'common'] : format
  const { parts, uses } = parseFormat(text)
  return Object.assign(assemble(parts), { uses })
}

/**
 * A function that strings the parts together, three directives at a time: engines make one string of such an expression where a
 * loop over single parts makes a chain of dozens, which costs more to flatten than everything else here.
 */
function assemble(parts: readonly Part[]): (record: AccessRecord) => string {
  const items: Item[] = []
  /** `literals[0]` stands before the first item, `literals[i]` after the i-th. */
  const literals: string[] = ['']
  for (const part of parts) {
    if (typeof part === 'string') literals[items.length] = part
    else {
      items.push(part)
      literals.push('')
    }
  }
  const first = literals.shift()!
  const whole = items.length - (items.length % 3)
  return (record) => {
    let line = first
    let i = 0
    for (; i < whole; i += 3) {
      line = `${line}${items[i]!(record) ?? '-'}${literals[i]}${items[i + 1]!(record) ?? '-'}${literals[i + 1]}${items[i + 2]!(record) ?? '-'}${literals[i + 2]}`
    }
    for (; i < items.length; i += 1) line = `${line}${items[i]!(record) ?? '-'}${literals[i]}`
    return line
  }
}

/** What a format of which nothing is known may read: the user's own function, or JSON. */
export const ALL_USES: LogFormatUses = {
  bytes: true,
  end: true,
  duration: true,
  firstByte: true,
  microseconds: true,
  connection: true,
  variables: [],
}

type Part = string | Item

function parseFormat(format: string): { parts: Part[]; uses: LogFormatUses } {
  const parts: Part[] = []
  const uses = new Set<Use>()
  const variables = new Set<string>()
  let literal = ''
  for (let i = 0; i < format.length; ) {
    const character = format[i]!
    if (character === '\\') {
      const next = format[i + 1]
      literal += next === undefined ? '\\' : (LITERAL_ESCAPES[next] ?? `\\${next}`)
      i += 2
    } else if (character !== '%') {
      literal += character
      i += 1
    } else if (format[i + 1] === '%') {
      literal += '%'
      i += 2
    } else {
      const found = parseDirective(format, i)
      if (found.item === NOTHING) literal += '-'
      else {
        if (literal !== '') parts.push(literal)
        literal = ''
        parts.push(found.item)
      }
      for (const use of found.uses) uses.add(use)
      if (found.variable !== undefined) variables.add(found.variable)
      i = found.next
    }
  }
  if (literal !== '') parts.push(literal)
  const has = (use: Use): boolean => uses.has(use)
  return {
    parts,
    uses: {
      bytes: has('bytes'),
      end: has('end'),
      duration: has('duration'),
      firstByte: has('firstByte'),
      microseconds: has('microseconds'),
      connection: has('connection'),
      variables: [...variables],
    },
  }
}

const LITERAL_ESCAPES: Readonly<Record<string, string>> = { n: '\n', r: '\r', t: '\t', '\\': '\\', '"': '"' }

interface ParsedDirective {
  readonly item: Item
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
      const directive = Object.hasOwn(DIRECTIVES, name) ? DIRECTIVES[name] : undefined
      if (directive === undefined) throw new LogFormatError(format, start, `unknown directive "%${name}"`)
      return {
        item: conditional(compileDirective(), statuses, negated),
        uses: [...(directive.uses ?? []), ...(directive.usesOf?.(argument) ?? [])],
        variable: name === 'g' || name === 'e' ? argument.toUpperCase() : undefined,
        next: i + name.length,
      }
      function compileDirective(): Item {
        try {
          return directive!.compile(argument, original ?? directive!.original ?? false)
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
function conditional(item: Item, statuses: readonly number[], negated: boolean): Item {
  if (statuses.length === 0 || item === NOTHING) return item
  return (record) => (statuses.includes(record.status) === negated ? undefined : item(record))
}
