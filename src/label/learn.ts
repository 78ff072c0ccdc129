/**
 * Logged fingerprints with a known sender turned into a p0f v3 database.
 * @module
 */

import type { Result } from '../errors.ts'
import { formatP0f } from '../fingerprint/p0f.ts'
import { guessInitialTtl } from '../fingerprint/ttl.ts'
import { safeParseSyn } from '../wire/syn.ts'
import type { Family } from './family.ts'
import { family } from './family.ts'
import { loadP0f } from './p0f-database.ts'
import { platformOf } from './user-agent.ts'

/** How records are read and what is left out. */
export interface LearnOptions {
  /**
   * Name of the column that holds the label, dots for nested objects (`device.model`). Default `label`, where a text is a
   * label and an object (that of `parse --json`) is not. Records without it are labelled by their headers.
   */
  readonly labelColumn?: string
  /** Whether records without a label take the platform told by `Sec-CH-UA-Platform` and `User-Agent`. Default `true`. */
  readonly fromHeaders?: boolean
  /** SYNs that a signature needs under a label. 1 to 2^31, default 1. */
  readonly minimumCount?: number
  /**
   * A signature seen under several labels: `omit` leaves it out, `generic` gives it the commonest label as a generic
   * signature (`g`), which any specific one of another database overrules. Default `omit`.
   */
  readonly conflicts?: 'omit' | 'generic'
  /**
   * Share of a signature's SYNs that settles a conflict for one label, over 0.5 to 1. Default 1: any disagreement is a
   * conflict. User-Agents lie: 0.95 keeps one liar in a hundred from spoiling a signature.
   */
  readonly majority?: number
  /** `any` writes `*` for the MSS, which routers lower; `exact` keeps it, for devices known by it. Default `any`. */
  readonly mss?: 'any' | 'exact'
  /** Signatures kept in memory, counted per label; what comes after is rejected. 1 to 2^24, default 100,000. */
  readonly maxSignatures?: number
}

/** Why a record was not learned from. */
export interface LearnError {
  /** Line of the input, from 1; of records added as objects, their number. */
  readonly line: number
  readonly reason: 'bad-json' | 'no-fingerprint' | 'bad-fingerprint' | 'no-label' | 'bad-label' | 'too-many'
  /** For people: what was wrong, a value quoted at most in part. */
  readonly message: string
}

/** What one record taught. */
export interface Learnt {
  /** As p0f writes it: `s:linux:Linux:5.x`. */
  readonly label: string
  /** p0f v3 signature with the initial TTL. */
  readonly signature: string
}

/** A signature with the number of SYNs that had it under one label. */
export interface LearnCount extends Learnt {
  readonly count: number
}

/** A signature seen under several labels. */
export interface LearnConflict {
  readonly signature: string
  /** Commonest first. */
  readonly labels: readonly { readonly label: string; readonly count: number }[]
  /** The label it was written under, `undefined` where it was left out. */
  readonly kept: string | undefined
}

/** The database and what went into it. */
export interface Learned {
  /** p0f v3 database text; loads with `loadP0f` and with p0f. */
  readonly text: string
  /** Every signature in the text, in its order. */
  readonly counts: readonly LearnCount[]
  readonly conflicts: readonly LearnConflict[]
  /** The first 1,000 records not learned from. */
  readonly rejected: readonly LearnError[]
  readonly rejectedCount: number
  /** Signatures left out for want of SYNs. */
  readonly belowMinimum: number
  /** SYNs learned from, those of left out signatures included. */
  readonly learned: number
}

/** Takes records one at a time; memory grows with distinct signatures, never with records. */
export interface Learner {
  /**
   * One record: a line of JSON or the object itself. Empty lines count as lines and teach nothing (`undefined`).
   * Never throws.
   */
  add(record: string | object): Result<Learnt, LearnError> | undefined
  /** The database of all records so far. Adding more and finishing again is fine. */
  finish(): Learned
}

const MAX_REJECTED = 1000
/** Characters of a label's name and flavour. */
const MAX_LABEL = 64
/** Characters of a signature: p0f reads 24 options, the longest word is `eol+40`. */
const MAX_SIGNATURE = 512

/** Where records hold the SYN: `parse --json`, `/json`, JSON access logs, environment names. */
const HEX_COLUMNS = ['hex', 'syn.hex', 'tcp.fingerprint.saved_syn', 'FINGERPRINT_SAVED_SYN', 'saved_syn']
/** Where records hold p0f's raw signature. */
const P0F_COLUMNS = ['fingerprints.p0f', 'tcp.fingerprint.p0f', 'FINGERPRINT_P0F', 'raw_sig', 'p0f']
const USER_AGENT_COLUMNS = [
  'user_agent.original',
  'headers.user-agent',
  'headers.User-Agent',
  'http.request.header.user-agent',
  'user-agent',
  'User-Agent',
  'userAgent',
  'user_agent',
  'HTTP_USER_AGENT',
]
const PLATFORM_COLUMNS = [
  'headers.sec-ch-ua-platform',
  'headers.Sec-CH-UA-Platform',
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

function quote(text: string): string {
  return JSON.stringify(text.length > 40 ? `${text.slice(0, 40)}...` : text)
}

const RAW_SIGNATURE =
  /^([46]):(\d{1,3})\+(?:\d{1,3}|\?):(\d{1,3}):(\d{1,5}):([^:,]{1,12}),(\d{1,3}):([^:]*):([^:]*):([0+])$/

/** Quirks of one IP version only. */
const ONE_VERSION: ReadonlySet<string> = new Set(['df', 'id+', 'id-', '0+', 'flow'])

/**
 * p0f's raw signature of one SYN as a database signature: the initial TTL in place of TTL and distance, any MSS where the
 * options have one (unless `exact`), and any IP version where no quirk tells it, since p0f does not compare versions.
 * `undefined` for text that is no raw signature.
 *
 * The initial TTL is p0f's guess. Where that is far off (`138+?`), the signature matches its own SYNs fuzzily.
 *
 * @example toSignature('4:57+7:0:1460:mss*44,7:mss,sok,ts,nop,ws:df,id+:0') // '4:64:0:*:mss*44,7:mss,sok,ts,nop,ws:df,id+:0'
 */
export function toSignature(raw: string, mss: 'any' | 'exact' = 'any'): string | undefined {
  if (raw.length > MAX_SIGNATURE) return undefined
  const parts = RAW_SIGNATURE.exec(raw)
  if (parts === null) return undefined
  const [, version, ttlText, optionsLength, mssText, window, scale, layout, quirks, payload] = parts
  const ttl = Number(ttlText)
  if (ttl > 255) return undefined
  const anyVersion = !quirks!.split(',').some((quirk) => ONE_VERSION.has(quirk))
  const anyMss = mss === 'any' && layout!.split(',').includes('mss')
  return [
    anyVersion ? '*' : version,
    guessInitialTtl(ttl),
    optionsLength,
    anyMss ? '*' : mssText,
    `${window},${scale}`,
    layout,
    quirks,
    payload,
  ].join(':')
}

/** Whether the loader takes this label, and this signature under it. */
function isLoadable(label: string, signature: string): boolean {
  try {
    loadP0f(write([{ label, count: 1, signatures: [{ label, signature, count: 1 }] }], [], NOTHING))
    return true
  } catch {
    return false
  }
}

/** p0f accepts letters, digits and these in names. */
const NAME = /^[A-Za-z0-9 ./\-_!?()]+$/
const WRITTEN_LABEL = /^([sg]):(!|[A-Za-z][A-Za-z0-9]*):([^:]+):([^:]*)$/

/** Class of a label that names only a system. */
function className(name: string): Family | 'other' {
  const found = family({ name })
  return found === undefined || found === 'scanner' ? 'other' : found
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
  const clean = NAME.test(text) ? text : text.replace(/[^A-Za-z0-9 ./\-_!?()]+/g, ' ')
  return clean.replace(/ +/g, ' ').trim().slice(0, MAX_LABEL).trim()
}

interface Settings {
  readonly labelColumn: string
  readonly fromHeaders: boolean
  readonly minimumCount: number
  readonly conflicts: 'omit' | 'generic'
  readonly majority: number
  readonly mss: 'any' | 'exact'
  readonly maxSignatures: number
}

const DEFAULTS: Settings = {
  labelColumn: 'label',
  fromHeaders: true,
  minimumCount: 1,
  conflicts: 'omit',
  majority: 1,
  mss: 'any',
  maxSignatures: 100_000,
}

function settings(options: LearnOptions): Settings {
  for (const name of Object.keys(options)) {
    if (!Object.hasOwn(DEFAULTS, name)) throw new TypeError(`Cannot learn: unknown option "${name}"`)
  }
  const given = Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined))
  const all: Settings = { ...DEFAULTS, ...given }
  const refuse = (name: keyof Settings, wanted: string): never => {
    throw new TypeError(`Cannot learn: "${name}" must be ${wanted}: ${String(all[name])}`)
  }
  if (typeof all.labelColumn !== 'string' || all.labelColumn === '') refuse('labelColumn', 'a name')
  if (typeof all.fromHeaders !== 'boolean') refuse('fromHeaders', 'true or false')
  if (!Number.isInteger(all.minimumCount) || all.minimumCount < 1 || all.minimumCount > 2 ** 31) {
    refuse('minimumCount', 'a whole number from 1')
  }
  if (all.conflicts !== 'omit' && all.conflicts !== 'generic') refuse('conflicts', '"omit" or "generic"')
  if (typeof all.majority !== 'number' || !(all.majority > 0.5 && all.majority <= 1)) {
    refuse('majority', 'a number above 0.5, at most 1')
  }
  if (all.mss !== 'any' && all.mss !== 'exact') refuse('mss', '"any" or "exact"')
  if (!Number.isInteger(all.maxSignatures) || all.maxSignatures < 1 || all.maxSignatures > 2 ** 24) {
    refuse('maxSignatures', 'a whole number from 1')
  }
  return all
}

/** Numbers down, texts up. */
function byCount(a: { count: number; label: string }, b: { count: number; label: string }): number {
  return b.count - a.count || (a.label < b.label ? -1 : a.label > b.label ? 1 : 0)
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}

const plural = (count: number, word: string): string => `${count} ${word}${count === 1 ? '' : 's'}`

/**
 * A learner: takes records of NDJSON logs, gives a `.fp` file.
 *
 * A record needs a fingerprint and a sender. Fingerprint: the SYN in hex (`hex`, `syn.hex`, `FINGERPRINT_SAVED_SYN`,
 * `tcp.fingerprint.saved_syn`) or p0f's raw signature (`fingerprints.p0f`, `FINGERPRINT_P0F`, `tcp.fingerprint.p0f`), as
 * `parse --json`, `/json` and the JSON access log write them. Sender: the label column, or the headers `User-Agent` and
 * `Sec-CH-UA-Platform` (in `headers`, or flat under their own, OpenTelemetry's or CGI's names).
 *
 * Equal signatures are counted together: TTLs become the initial TTL, windows multiples of MSS or MTU as in p0f, the MSS
 * is left open. What is written loads with `loadP0f` and with p0f itself.
 *
 * @throws {TypeError} for an unknown option or a value out of range
 * @example
 * const learner = createLearner({ minimumCount: 3 })
 * for (const line of lines) learner.add(line)
 * const { text, conflicts } = learner.finish()
 */
export function createLearner(options: LearnOptions = {}): Learner {
  const { labelColumn, fromHeaders, minimumCount, conflicts, majority, mss, maxSignatures } = settings(options)
  /** Signature to label to SYNs. */
  const seen = new Map<string, Map<string, number>>()
  const rejected: LearnError[] = []
  let rejectedCount = 0
  let line = 0
  let pairs = 0
  let learned = 0

  function reject(reason: LearnError['reason'], message: string): Result<Learnt, LearnError> {
    const error: LearnError = { line, reason, message }
    rejectedCount += 1
    if (rejected.length < MAX_REJECTED) rejected.push(error)
    return { ok: false, error }
  }

  function add(record: string | object): Result<Learnt, LearnError> | undefined {
    line += 1
    let fields: unknown = record
    if (typeof record === 'string') {
      if (record.trim() === '') return undefined
      try {
        fields = JSON.parse(record)
      } catch {
        return reject('bad-json', `not a line of JSON: ${quote(record)}`)
      }
    }
    if (!isFields(fields)) return reject('bad-json', 'not a JSON object')

    const hex = textColumn(fields, HEX_COLUMNS)
    let raw = textColumn(fields, P0F_COLUMNS)
    if (hex !== undefined) {
      const syn = safeParseSyn(hex)
      // an access log may carry both; the octets say more
      if (syn.ok) raw = formatP0f(syn.value)
      else if (raw === undefined) {
        const { reason, offset } = syn.error
        return reject('bad-fingerprint', `SYN not readable: ${reason} at offset ${offset}`)
      }
    }
    if (raw === undefined) return reject('no-fingerprint', 'neither a SYN in hex nor a p0f signature')
    const signature = toSignature(raw, mss)
    if (signature === undefined) return reject('bad-fingerprint', `not a p0f signature: ${quote(raw)}`)

    const given = column(fields, labelColumn)
    let label: string | undefined
    if (typeof given === 'string' && given !== '') {
      label = toLabel(given)
      if (label === undefined) return reject('bad-label', `no name in the label: ${quote(given)}`)
    } else if (fromHeaders) {
      const platform = platformOf({
        'user-agent': textColumn(fields, USER_AGENT_COLUMNS),
        'sec-ch-ua-platform': textColumn(fields, PLATFORM_COLUMNS),
      })
      if (platform !== undefined) label = toLabel(platform.name)
    }
    if (label === undefined) {
      return reject('no-label', `no "${labelColumn}"${fromHeaders ? ' and no headers that name a system' : ''}`)
    }

    let labels = seen.get(signature)
    const count = labels?.get(label)
    if (count === undefined) {
      if (pairs >= maxSignatures) return reject('too-many', `more than ${maxSignatures} different signatures`)
      if (!isLoadable(label, signature)) return reject('bad-fingerprint', `not a p0f signature: ${quote(raw)}`)
      pairs += 1
      if (labels === undefined) seen.set(signature, (labels = new Map()))
    }
    labels!.set(label, (count ?? 0) + 1)
    learned += 1
    return { ok: true, value: { label, signature } }
  }

  function finish(): Learned {
    const kept: LearnCount[] = []
    const found: LearnConflict[] = []
    let belowMinimum = 0
    for (const [signature, labels] of merged(seen)) {
      const ranked = [...labels].map(([label, count]) => ({ label, count })).sort(byCount)
      const best = ranked[0]!
      const total = ranked.reduce((sum, { count }) => sum + count, 0)
      let label: string | undefined = best.label
      if (ranked.length > 1) {
        if (best.count / total < majority) label = conflicts === 'generic' ? `g${best.label.slice(1)}` : undefined
        found.push({ signature, labels: ranked, kept: best.count < minimumCount ? undefined : label })
      }
      if (label === undefined) continue
      if (best.count < minimumCount) belowMinimum += 1
      else kept.push({ label, signature, count: best.count })
    }
    found.sort((a, b) => compareText(a.signature, b.signature))
    const groups = group(kept)
    const head = { learned, rejected: rejectedCount, belowMinimum, conflicts: found.length }
    return {
      text: write(groups, found, head),
      counts: groups.flatMap(({ signatures }) => signatures),
      conflicts: found,
      rejected: [...rejected],
      rejectedCount,
      belowMinimum,
      learned,
    }
  }

  return { add, finish }
}

type Seen = ReadonlyMap<string, ReadonlyMap<string, number>>

/**
 * Signatures with initial TTL 32 counted with those of 64 that are otherwise the same: these fit TTLs down to 29, the rest
 * had a long way, and p0f refuses a signature that another one covers.
 */
function merged(seen: Seen): Seen {
  const all = new Map(seen)
  for (const [signature, labels] of seen) {
    const twin = signature.replace(/^(.):32:/, '$1:64:')
    const others = twin === signature ? undefined : all.get(twin)
    if (others === undefined) continue
    const sum = new Map(others)
    for (const [label, count] of labels) sum.set(label, (sum.get(label) ?? 0) + count)
    all.set(twin, sum)
    all.delete(signature)
  }
  return all
}

interface Group {
  readonly label: string
  readonly count: number
  readonly signatures: readonly LearnCount[]
}

/** Signatures under their labels; commonest label first, specific before generic as p0f's files have them. */
function group(kept: readonly LearnCount[]): readonly Group[] {
  const labels = new Map<string, LearnCount[]>()
  for (const one of kept) {
    const others = labels.get(one.label)
    if (others === undefined) labels.set(one.label, [one])
    else others.push(one)
  }
  return [...labels]
    .map(([label, signatures]) => ({
      label,
      count: signatures.reduce((sum, { count }) => sum + count, 0),
      signatures: signatures.sort((a, b) => b.count - a.count || compareText(a.signature, b.signature)),
    }))
    .sort((a, b) => Number(a.label.startsWith('g')) - Number(b.label.startsWith('g')) || byCount(a, b))
}

interface Head {
  readonly learned: number
  readonly rejected: number
  readonly belowMinimum: number
  readonly conflicts: number
}

const NOTHING: Head = { learned: 0, rejected: 0, belowMinimum: 0, conflicts: 0 }

function write(groups: readonly Group[], conflicts: readonly LearnConflict[], head: Head): string {
  const classes = new Set<string>()
  for (const { label } of groups) {
    const name = label.split(':')[1]!
    classes.add(name === '!' ? 'other' : name)
  }
  const lines = [
    '; p0f v3 signatures, learned by tcpfingerprint',
    `; from ${plural(head.learned, 'SYN')} with a known sender; ${plural(head.rejected, 'record')} rejected, ${plural(head.belowMinimum, 'signature')} below the minimum, ${plural(head.conflicts, 'signature')} under several labels`,
    '',
    `classes = ${classes.size === 0 ? 'other' : [...classes].sort().join(',')}`,
    '',
    '[tcp:request]',
  ]
  for (const { label, count, signatures } of groups) {
    lines.push('', `; ${plural(count, 'SYN')}, ${plural(signatures.length, 'signature')}`, `label = ${label}`)
    if (label.split(':')[1] === '!') lines.push('sys   = @other')
    for (const one of signatures) lines.push(`; ${plural(one.count, 'SYN')}`, `sig   = ${one.signature}`)
  }
  if (conflicts.length > 0) {
    lines.push('', '; Under several labels:')
    for (const { signature, labels, kept } of conflicts) {
      lines.push(`; ${signature}${kept === undefined ? ' (left out)' : ` (kept as ${kept})`}`)
      for (const { label, count } of labels) lines.push(`;   ${plural(count, 'SYN')}: ${label}`)
    }
  }
  return `${lines.join('\n')}\n`
}

/**
 * A database from lines of NDJSON, as a file or stream gives them.
 *
 * @throws {TypeError} for an unknown option or a value out of range; what the lines' source throws
 */
export async function learnLines(
  lines: Iterable<string> | AsyncIterable<string>,
  options: LearnOptions = {},
): Promise<Learned> {
  const learner = createLearner(options)
  for await (const line of lines) learner.add(line)
  return learner.finish()
}
