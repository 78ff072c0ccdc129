/**
 * What is said of a SYN beside its fields: fingerprints and label, as the options ask for.
 * @module
 */

import { toError } from '../base/report-once.ts'
import { printable } from '../base/text.ts'
import { ShapeMemo } from '../fingerprint/shape-memo.ts'
import { makeFingerprints } from '../fingerprint/strings.ts'
import { type Label, labelByRule, match } from '../label/match.ts'
import { type NearSignature, nearest } from '../label/nearest.ts'
import { checkRuleLabel } from '../label/rule.ts'
import type { Syn } from '../wire/syn.ts'
import type { Arguments } from './args.ts'
import { loadDatabase } from './database.ts'
import type { Io } from './io.ts'
import type { Findings, Report } from './render/record.ts'
import { loadYara } from './yara.ts'

/** Makes reports. */
export interface Analyzer {
  /** The report on a SYN: always the same object. */
  analyze(syn: Syn): Report
  /** Where the labels come from, for people. */
  readonly databaseName: string
  /** Signatures close to a SYN; none without a database. */
  nearest(syn: Syn): readonly NearSignature[]
  /** 1 when a database could not be read: labels are missing. */
  readonly code: 0 | 1
}

/** Loads what the options ask for. */
export async function createAnalyzer(args: Arguments, io: Io): Promise<Analyzer> {
  const databases = await loadDatabase(args, io)
  const database =
    databases === 'broken' ? undefined : (databases ?? (await import('../label/default.ts')).defaultDatabase())
  const labeller = await loadYara(args)
  let failed = false
  /** The label of the first rule that matches; rules see more of a SYN than its shape. */
  const ruled = (syn: Syn, { fingerprints, label }: Findings): Label | undefined => {
    try {
      const answer = checkRuleLabel(labeller!(syn, { fingerprints, label, userAgent: undefined }))
      return answer === undefined ? undefined : labelByRule(answer, database, syn)
    } catch (error) {
      if (!failed) io.warn(printable(toError(error).message))
      failed = true
      return undefined
    }
  }
  const ja4t = args.has('ja4t') ? (await import('../ja4t/index.ts')).ja4t : undefined
  const memo = new ShapeMemo<Findings>((syn) => ({
    fingerprints: ja4t === undefined ? makeFingerprints(syn) : { ...makeFingerprints(syn), ja4t: ja4t(syn) },
    label: database === undefined ? undefined : match(database, syn),
    json: undefined,
  }))
  let report: Report | undefined
  const paths = args.all('p0f-db')
  return {
    databaseName: paths.length === 0 ? 'the built-in database' : paths.map(printable).join(', then '),
    nearest: (syn) => (database === undefined ? [] : nearest(database, syn)),
    code: database === undefined ? 1 : 0,
    analyze(syn) {
      let findings = memo.of(syn)
      if (labeller !== undefined) {
        const label = ruled(syn, findings)
        if (label !== undefined) findings = { ...findings, label, json: undefined }
      }
      if (report === undefined) report = { syn, findings, file: undefined, frame: 0, tunnel: undefined }
      else {
        report.syn = syn
        report.findings = findings
      }
      return report
    },
  }
}
