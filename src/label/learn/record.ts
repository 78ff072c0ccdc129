/**
 * One record of a log: the signature of its SYN and the label of its sender.
 * @module
 */

import type { Result } from '../../base/result.ts'
import { formatP0f } from '../../fingerprint/p0f.ts'
import { type Syn, safeParseSyn } from '../../wire/syn.ts'
import { NAME_CHARACTERS } from '../database-parser.ts'
import type { Family } from '../family.ts'
import { family } from '../family.ts'
import { toSignature } from '../to-signature.ts'
import type { HeaderValues, Platform } from '../user-agent.ts'
import { platformOf } from '../user-agent.ts'

/** What one record taught. */
export interface Learnt {
  /** As p0f writes it: `s:linux:Linux:5.x`. */
  readonly label: string
  /** p0f v3 signature with the initial TTL. */
  readonly signature: string
  /** The SYN, where the record holds one that can be read. */
  readonly syn?: Syn | undefined
}

/** Why a record was not learned from. */
export interface LearnProblem {
  readonly reason: 'bad-json' | 'no-fingerprint' | 'bad-fingerprint' | 'no-label' | 'bad-label' | 'too-many'
  /** For people: what was wrong, a value quoted at most in part. */
  readonly message: string
}

/** Characters of a label's name and flavour. */
const MAX_LABEL = 64

/** Where records hold the SYN: `parse --json`, `/json`, JSON access logs, environment names. */
const HEX_COLUMNS = ['hex', 'syn.hex', 'tcp.fingerprint.saved_syn', 'FINGERPRINT_SAVED_SYN', 'saved_syn']
/** Where records hold p0f's raw signature. */
const P0F_COLUMNS = ['fingerprints.p0f', 'tcp.fingerprint.p0f', 'FINGERPRINT_P0F', 'raw_sig', 'p0f']
/** Where records hold headers as an object, names in any case. */
const HEADER_COLUMNS = ['headers', 'request.headers', 'req.headers']
/** Names of single headers in flat records. */
const USER_AGENT_COLUMNS = [
  'user_agent.original',
  'http.request.header.user-agent',
  'user-agent',
  'User-Agent',
  'userAgent',
  'user_agent',
  'HTTP_USER_AGENT',
]
const PLATFORM_COLUMNS = [
  'http.request.header.sec-ch-ua-platform',
  'sec-ch-ua-platform',
  'Sec-CH-UA-Platform',
  'secChUaPlatform',
  'sec_ch_ua_platform',
  'HTTP_SEC_CH_UA_PLATFORM',
]

type Fields = Readonly<Record<string, unknown>>

function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** A member by its full name, else by the dots in it. OpenTelemetry's header attributes are arrays of one value. */
function column(record: Fields, name: string): unknown {
  if (Object.hasOwn(record, name)) return single(record[name])
  for (let dot = name.indexOf('.'); dot > 0; dot = name.indexOf('.', dot + 1)) {
    const outer = name.slice(0, dot)
    if (!Object.hasOwn(record, outer)) continue
    const inner = record[outer]
    if (!isFields(inner)) continue
    const found = column(inner, name.slice(dot + 1))
    if (found !== undefined) return found
  }
  return undefined
}

function single(value: unknown): unknown {
  return Array.isArray(value) && value.length === 1 ? value[0] : value
}

function textColumn(record: Fields, names: readonly string[]): string | undefined {
  for (const name of names) {
    const value = column(record, name)
    if (typeof value === 'string' && value !== '') return value
  }
  return undefined
}

/** A value for a message. */
function quote(text: string): string {
  return JSON.stringify(text.length > 40 ? `${text.slice(0, 40)}...` : text)
}

/** Spaces, and what p0f does not accept in names. */
const NO_WORD = new RegExp(`(?: |[^${NAME_CHARACTERS}])+`, 'g')
const WRITTEN_LABEL = /^([sg]):(!|[A-Za-z][A-Za-z0-9]*):([^:]+):([^:]*)$/

/** Class of a label that names only a system. */
function className(name: string): Family | 'other' {
  const found = family({ name })
  return found === undefined || found === 'tool' ? 'other' : found
}

/**
 * A label in p0f's words: written ones (`s:unix:Linux:5.x`) as they are, plain text ("Acme Router 3000") as the name of a
 * specific label whose class is its family. Characters that p0f's names do not allow become spaces. `undefined` where
 * nothing is left.
 */
function toLabel(text: string): string | undefined {
  const plain = text
    .slice(0, 4 * MAX_LABEL)
    .replace(/[\u0000-\u001f\u007f]+/g, ' ')
    .trim()
  const written = WRITTEN_LABEL.exec(plain)
  if (written !== null) {
    const [, kind, group, name, flavour] = written
    const cleanName = cleanText(name!)
    if (cleanName === '') return undefined
    return `${kind}:${group}:${cleanName}:${cleanText(flavour!)}`
  }
  const name = cleanText(plain)
  return name === '' ? undefined : `s:${className(name)}:${name}:`
}

function cleanText(text: string): string {
  return text.replace(NO_WORD, ' ').trim().slice(0, MAX_LABEL).trim()
}

/** What {@link readRecord} goes by. */
export interface RecordRules {
  readonly labelColumn: string
  readonly fromHeaders: boolean
  readonly mss: 'any' | 'exact'
}

function problem(reason: LearnProblem['reason'], message: string): Result<never, LearnProblem> {
  return { ok: false, error: { reason, message } }
}

/** Signature and label of a record: a line of JSON, or the object itself. Never throws. */
export function readRecord(record: string | object, rules: RecordRules): Result<Learnt, LearnProblem> {
  let fields: unknown = record
  if (typeof record === 'string') {
    try {
      fields = JSON.parse(record)
    } catch {
      return problem('bad-json', `not a line of JSON: ${quote(record)}`)
    }
  }
  if (!isFields(fields)) return problem('bad-json', 'not a JSON object')
  const signature = signatureOf(fields, rules)
  if (!signature.ok) return signature
  const label = labelOf(fields, rules)
  if (!label.ok) return label
  return { ok: true, value: { label: label.value, ...signature.value } }
}

function signatureOf(fields: Fields, { mss }: RecordRules): Result<Omit<Learnt, 'label'>, LearnProblem> {
  const hex = textColumn(fields, HEX_COLUMNS)
  let decoded: Syn | undefined
  let raw = textColumn(fields, P0F_COLUMNS)
  if (hex !== undefined) {
    const syn = safeParseSyn(hex)
    // a record may carry both: the octets say more
    if (syn.ok) {
      decoded = syn.value
      raw = formatP0f(decoded)
    } else if (raw === undefined) {
      const { reason, offset } = syn.error
      return problem('bad-fingerprint', `SYN not readable: ${reason} at offset ${offset}`)
    }
  }
  if (raw === undefined) return problem('no-fingerprint', 'neither a SYN in hex nor a p0f signature')
  const signature = toSignature(raw, mss)
  return signature === undefined
    ? problem('bad-fingerprint', `not a p0f signature: ${quote(raw)}`)
    : { ok: true, value: { signature, syn: decoded } }
}

function labelOf(fields: Fields, { labelColumn, fromHeaders }: RecordRules): Result<string, LearnProblem> {
  const given = column(fields, labelColumn)
  if (typeof given === 'string' && given !== '') {
    const label = toLabel(given)
    return label === undefined
      ? problem('bad-label', `no name in the label: ${quote(given)}`)
      : { ok: true, value: label }
  }
  const platform = fromHeaders ? platformIn(fields) : undefined
  const label = platform === undefined ? undefined : toLabel(platform.name)
  if (label !== undefined) return { ok: true, value: label }
  return problem('no-label', `no "${labelColumn}"${fromHeaders ? ' and no headers that name a system' : ''}`)
}

/** The system that the headers of a record name. */
function platformIn(fields: Fields): Platform | undefined {
  for (const name of HEADER_COLUMNS) {
    const headers = column(fields, name)
    if (isFields(headers)) return platformOf(headers as HeaderValues)
  }
  return platformOf({
    'user-agent': textColumn(fields, USER_AGENT_COLUMNS),
    'sec-ch-ua-platform': textColumn(fields, PLATFORM_COLUMNS),
  })
}
