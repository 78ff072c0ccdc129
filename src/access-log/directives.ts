/**
 * Every directive of an Apache 2.4 `LogFormat` and what it prints, apart from the syntax around it.
 *
 * A directive is a function from its argument to a function from the record to its text. `undefined` prints as `-`.
 * @module
 */

import { lazy } from '../base/lazy.ts'
import { FIELD_READERS } from '../connection/facts.ts'
import { requestTarget, targetPath, targetQuery } from '../http/request-target.ts'
import { escapeHeader, escapePath, escapeText, remembering } from './escape.ts'
import { type AccessRecord, type HeaderReader, hostName, protocolOf } from './record.ts'
import { createTimeFormatter } from './time.ts'

/** What a format reads of a record that costs something to know. */
export interface LogFormatUses {
  /** Octets of the body. */
  readonly bytes: boolean
  /** Anything only known when the body has ended: duration, abort, octets, end time. */
  readonly end: boolean
  readonly duration: boolean
  readonly firstByte: boolean
  /** Fractions of a millisecond of `time`. */
  readonly microseconds: boolean
  /** True if the answer was cut off. */
  readonly aborted: boolean
  /** Addresses or ports of the connection. */
  readonly connection: boolean
  /** Names of variables that `%{...}g` and `%{...}e` ask for, in upper case. */
  readonly variables: readonly string[]
}

/** Which of {@link LogFormatUses} a directive switches on. */
export type Use = Exclude<keyof LogFormatUses, 'variables'>

/** Text of one directive for one record. */
export type Item = (record: AccessRecord) => string | undefined

/** A piece of a line: literal text, or what a record says. */
export type Part = string | Item

/**
 * A directive: `compile` gets the text between the braces, empty without braces, and throws an {@link ArgumentError} for a bad
 * one. Several parts are printed one after the other.
 */
export interface Directive {
  readonly compile: (argument: string, original: boolean) => Item | readonly Part[]
  readonly uses?: readonly Use[]
  /** Prints the request before internal redirects unless told otherwise. */
  readonly original?: boolean
  readonly usesOf?: (argument: string) => readonly Use[]
}

/** Why a directive's argument is refused; the parser adds where. */
export class ArgumentError extends Error {}

function simple(item: Item, uses: readonly Use[] = []): Directive {
  return { compile: () => item, uses }
}

function named(what: string, compile: (name: string) => Item): Directive {
  return {
    compile(name) {
      if (name === '') throw new ArgumentError(`needs the name of ${what} in braces`)
      return compile(name)
    },
  }
}

/** A directive whose argument must be among a few words, without regard to case. */
function choice(items: Readonly<Record<string, Item>>, uses: readonly Use[] = []): Directive {
  return {
    compile(argument) {
      const word = argument.toLowerCase()
      if (Object.hasOwn(items, word)) return items[word]!
      const words = Object.keys(items).filter((one) => one !== '')
      throw new ArgumentError(`has the unknown argument "${argument}"; it takes ${words.join(', ')}`)
    },
    uses,
  }
}

function text(value: string | undefined): string | undefined {
  return value === undefined ? undefined : escapeText(value)
}
function number(value: number | undefined): string | undefined {
  return value === undefined ? undefined : `${value}`
}

/** A header of the request or of the answer. No header has a name that is no token, and `Headers` throw when they are asked for it. */
function header(name: string, side: (record: AccessRecord) => HeaderReader): Item {
  if (!/^[\w!#$%&'*+.^`|~-]+$/.test(name)) return NOTHING
  const lower = name.toLowerCase()
  const escaped = remembering(escapeHeader)
  return (record) => {
    const value = side(record).get(lower)
    return value === null ? undefined : escaped(value)
  }
}

/** A media type without its parameters. */
function withoutParameters(type: string | undefined): string | undefined {
  const end = type?.indexOf(';') ?? -1
  return end < 0 ? type : type!.slice(0, end).trimEnd()
}

/** The client, or with `c` the other end of the connection. */
function address(argument: string): Item {
  if (argument !== '' && argument.toLowerCase() !== 'c') {
    throw new ArgumentError(`has the unknown argument "${argument}"; it takes c`)
  }
  const escaped = remembering(escapeText)
  const print = (value: string | undefined): string | undefined => (value === undefined ? undefined : escaped(value))
  return argument === ''
    ? (record) => print(record.remoteAddress)
    : (record) => print(record.peerAddress ?? record.remoteAddress)
}

function requestLine(): readonly Part[] {
  const method = remembering(escapeText)
  return [
    (record) => method(record.method),
    ' ',
    (record) => escapeText(requestTarget(record.url)),
    ' ',
    (record) => escapeText(protocolOf(record)),
  ]
}

/** Whole units of a duration, cut off as Apache does. */
function duration(divisor: number): Item {
  return (record) => (record.duration === undefined ? undefined : `${Math.floor(record.duration / divisor)}`)
}

function localPort(record: AccessRecord): number | undefined {
  return record.localPort ?? record.serverPort
}
function canonicalPort(record: AccessRecord): string | undefined {
  return number(record.serverPort ?? record.localPort)
}

/**
 * The cookie `wanted`, as Apache looks for it: names without regard to case, no quoted strings, blanks around names and
 * values dropped, a cookie without a value passed over.
 */
function cookie(header: string | null, wanted: string): string | undefined {
  if (header === null) return undefined
  for (const part of header.split(';')) {
    const equals = part.indexOf('=')
    if (equals < 0 || equals === part.length - 1) continue
    if (part.slice(0, equals).trim().toLowerCase() === wanted) return escapeHeader(part.slice(equals + 1).trim())
  }
  return undefined
}

/** A variable by its name in upper case; other spellings are looked through only where that one is missing. */
function variable(env: AccessRecord['env'], name: string): string | undefined {
  if (env === undefined) return undefined
  const value = env[name]
  if (value !== undefined) return escapeText(value)
  for (const key in env) if (key.toUpperCase() === name) return text(env[key])
  return undefined
}

/** One field of a group: `%{FINGERPRINT_TCP_INFO.rttvar}g`, `%{FINGERPRINT_DELIVERY.bytesSent}g`. */
function fieldOf(read: ((record: AccessRecord) => number | undefined) | undefined, name: string): Item {
  if (read === undefined) throw new ArgumentError(`has the unknown field "${name}"`)
  return (record) => number(read(record))
}

function noteText(value: unknown): string | undefined {
  switch (typeof value) {
    case 'string':
      return escapeText(value)
    case 'number':
    case 'bigint':
    case 'boolean':
      return `${value}`
    default:
      return undefined
  }
}

const SLASHES = /\/{2,}/g
const TIME_PREFIX = /^(begin:|end:)?(.*)$/s

function time(argument: string): Item {
  const [, prefix, format] = TIME_PREFIX.exec(argument)!
  const formatter = createTimeFormatter(format!)
  if (prefix !== 'end:') return (record) => formatter(record.time)
  return (record) => formatter(record.endTime ?? record.time + (record.duration ?? 0) / 1000)
}
function status(original: boolean): Item {
  return original ? (record) => `${record.originalStatus ?? record.status}` : (record) => `${record.status}`
}

/** A value that no runtime tells: `-` is put into the line when the format is compiled. */
export const NOTHING: Item = () => undefined
const UNKNOWN: Directive = simple(NOTHING)

/** `%^FB` and the trailers have three characters; every other directive has one. */
export const directives: () => Readonly<Record<string, Directive>> = /* @__PURE__ */ lazy(() => ({
  a: { compile: address, uses: ['connection'] },
  A: simple((record) => text(record.localAddress), ['connection']),
  b: simple(
    (record) => (record.bytes === undefined || record.bytes === 0 ? undefined : `${record.bytes}`),
    ['bytes', 'end'],
  ),
  B: simple((record) => number(record.bytes), ['bytes', 'end']),
  C: named('a cookie', (name) => {
    const wanted = name.toLowerCase()
    return (record) => cookie(record.requestHeaders.get('cookie'), wanted)
  }),
  D: simple(duration(1), ['end', 'duration']),
  e: named('a variable', (name) => {
    const upper = name.toUpperCase()
    return (record) => variable(record.env, upper)
  }),
  f: simple((record) => text(record.filename)),
  g: named('a variable', (name) => {
    const upper = name.toUpperCase()
    const dot = upper.indexOf('.')
    const fields = FIELD_READERS[upper.slice(0, dot)]
    if (dot > 0 && fields !== undefined) return fieldOf(fields(name.slice(dot + 1)), name)
    return (record) => text(record.env?.[upper])
  }),
  // The runtimes resolve no names (HostnameLookups off).
  h: { compile: address, uses: ['connection'] },
  H: simple((record) => escapeText(protocolOf(record))),
  i: named('a header', (name) => header(name, (record) => record.requestHeaders)),
  I: simple((record) => number(record.bytesReceived), ['end']),
  k: simple((record) => number(record.keepAliveRequests)),
  l: UNKNOWN,
  L: simple((record) => text(record.logId)),
  m: simple((record) => text(record.method)),
  n: named('a note', (name) => (record) => noteText(record.note?.(name))),
  o: {
    ...named('a header', (name) => {
      const item = header(name, (record) => record.responseHeaders)
      return name.toLowerCase() === 'content-type' ? (record) => withoutParameters(item(record)) : item
    }),
    // Two fields that the runtime may add, by what it finds of the body.
    usesOf: (name) => (/^content-(?:length|type)$/i.test(name) ? ['end'] : []),
  },
  O: simple((record) => number(record.bytesSent), ['end']),
  p: choice(
    {
      '': canonicalPort,
      canonical: canonicalPort,
      local: (record) => number(localPort(record)),
      remote: (record) => number(record.remotePort),
    },
    ['connection'],
  ),
  P: choice({
    '': (record) => number(record.processId),
    pid: (record) => number(record.processId),
    tid: (record) => number(record.threadId),
    hextid: (record) => record.threadId?.toString(16),
  }),
  q: simple((record) => escapeText(targetQuery(requestTarget(record.url)))),
  r: { compile: requestLine, original: true },
  R: simple((record) => text(record.handler)),
  s: { compile: (_argument, original) => status(original), original: true },
  S: simple(
    (record) =>
      record.bytesReceived === undefined || record.bytesSent === undefined
        ? undefined
        : `${record.bytesReceived + record.bytesSent}`,
    ['end'],
  ),
  t: {
    compile: time,
    usesOf(argument) {
      const [, prefix, format] = TIME_PREFIX.exec(argument)!
      const uses: Use[] = prefix === 'end:' ? ['end', 'duration'] : []
      return format === 'usec' || format === 'usec_frac' ? [...uses, 'microseconds'] : uses
    },
  },
  T: choice({ '': duration(1_000_000), s: duration(1_000_000), ms: duration(1_000), us: duration(1) }, [
    'end',
    'duration',
  ]),
  u: simple((record) => (record.user === '' ? '""' : text(record.user))),
  // Apache merges slashes in a row (MergeSlashes).
  U: simple((record) => escapePath(targetPath(requestTarget(record.url)).replace(SLASHES, '/'))),
  v: simple((record) => text(record.serverName ?? hostName(record))),
  V: simple((record) => text(hostName(record) ?? record.serverName)),
  x: named('a variable of mod_ssl', (name) =>
    name.toUpperCase() === 'HTTPS' ? (record) => (record.url.startsWith('https:') ? 'on' : 'off') : NOTHING,
  ),
  X: simple((record) => (record.aborted ? 'X' : record.closing ? '-' : '+'), ['end', 'aborted']),
  '^FB': simple((record) => number(record.firstByte), ['end', 'firstByte']),
  '^ti': named('a trailer', () => NOTHING),
  '^to': named('a trailer', () => NOTHING),
}))
