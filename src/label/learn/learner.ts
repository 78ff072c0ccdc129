/**
 * Logged fingerprints with a known sender turned into a p0f v3 database.
 * @module
 */

import type { Result } from '../../base/result.ts'
import type { LearnProblem, Learnt } from './record.ts'
import { readRecord } from './record.ts'
import type { LearnConflict, LearnCount } from './writer.ts'
import { byCount, compareText, groupByLabel, isLoadable, writeDatabase } from './writer.ts'

/** How records are read and what is left out. */
export interface LearnOptions {
  /**
   * Column of the label, dots for nested objects (`device.model`). Default `label`, where a text is a label and an object (that of
   * `parse --json`) is not. Records without it are labelled by their headers.
   */
  readonly labelColumn?: string
  /** Records without a label take the platform that headers name. Default `true`. */
  readonly fromHeaders?: boolean
  /** SYNs that a signature needs under a label. 1 to 2^31, default 1. */
  readonly minimumCount?: number
  /**
   * A signature seen under several labels: `omit` leaves it out, `generic` gives it the commonest as a generic signature (`g`), which
   * any specific one overrules. Default `omit`.
   */
  readonly conflicts?: 'omit' | 'generic'
  /**
   * Share of a signature's SYNs that settles a conflict for one label, over 0.5 to 1. Default 1.
   */
  readonly majority?: number
  /** `any` writes `*` for the MSS, which routers lower; `exact` keeps it. Default `any`. */
  readonly mss?: 'any' | 'exact'
  /** Signatures kept, counted per label; what comes after is rejected. 1 to 2^24, default 100,000. */
  readonly maxSignatures?: number
}

/** Why a record was not learned from. */
export interface LearnError extends LearnProblem {
  /** Line of the input, from 1; of records added as objects, their number. */
  readonly line: number
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

/** Errors kept; the rest are only counted. */
const MAX_REJECTED = 1000

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

/**
 * A learner: takes records of NDJSON logs, gives a `.fp` file.
 *
 * A record needs the SYN in hex or p0f's raw signature, as `parse --json`, `/json` and the JSON access log write them, and its
 * sender: the label column, or the headers `User-Agent` and `Sec-CH-UA-Platform` (in `headers`, or flat under their own,
 * OpenTelemetry's or CGI's names).
 *
 * @throws {TypeError} for an unknown option or a value out of range
 * @example createLearner({ minimumCount: 3 }).add(line)
 */
export function createLearner(options: LearnOptions = {}): Learner {
  // Equal signatures are counted together: TTLs become the initial TTL, windows multiples of MSS or MTU as in p0f, the MSS is left open.
  const rules = settings(options)
  const { minimumCount, conflicts, majority, maxSignatures } = rules
  /** Signature to label to SYNs. */
  const seen = new Map<string, Map<string, number>>()
  const rejected: LearnError[] = []
  let rejectedCount = 0
  let line = 0
  let pairs = 0
  let learned = 0

  function reject({ reason, message }: LearnProblem): Result<Learnt, LearnError> {
    const error: LearnError = { line, reason, message }
    rejectedCount += 1
    if (rejected.length < MAX_REJECTED) rejected.push(error)
    return { ok: false, error }
  }

  function add(record: string | object): Result<Learnt, LearnError> | undefined {
    line += 1
    if (typeof record === 'string' && record.trim() === '') return undefined
    const read = readRecord(record, rules)
    if (!read.ok) return reject(read.error)
    const { label, signature } = read.value
    let labels = seen.get(signature)
    const count = labels?.get(label)
    if (count === undefined) {
      if (pairs >= maxSignatures) {
        return reject({ reason: 'too-many', message: `more than ${maxSignatures} different signatures` })
      }
      if (!isLoadable(label, signature)) {
        return reject({ reason: 'bad-fingerprint', message: `not a signature: ${signature}` })
      }
      pairs += 1
      if (labels === undefined) {
        labels = new Map()
        seen.set(signature, labels)
      }
    }
    labels!.set(label, (count ?? 0) + 1)
    learned += 1
    return read
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
    const groups = groupByLabel(kept)
    const head = { learned, rejected: rejectedCount, belowMinimum, conflicts: found.length }
    return {
      text: writeDatabase(groups, found, head),
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
