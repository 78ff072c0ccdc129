/**
 * What is said of a SYN beside its fields: fingerprints and label, as the options ask for.
 * @module
 */
import { fingerprints } from '../fingerprint/fingerprints.ts'
import type { Syn } from '../wire/syn.ts'
import type { Arguments } from './arguments.ts'
import type { Io } from './io.ts'
import type { Report } from './record.ts'

/** Makes reports. */
export interface Analyzer {
  /** The report on a SYN: always the same object. */
  analyze(syn: Syn): Report
  /** 1 when a database could not be used: its labels are missing. */
  readonly code: 0 | 1
}

/** Loads what the options ask for. */
export async function createAnalyzer(args: Arguments, _io: Io): Promise<Analyzer> {
  const ja4t = args.has('ja4t') ? (await import('../fingerprint/ja4t/index.ts')).ja4t : undefined
  let report: Report | undefined
  return {
    code: 0,
    analyze(syn) {
      const strings = fingerprints(syn)
      const all = ja4t === undefined ? strings : { ...strings, ja4t: ja4t(syn) }
      if (report === undefined) {
        report = { syn, fingerprints: all, label: undefined, file: undefined, frame: 0, tunnel: undefined }
      } else {
        report.syn = syn
        report.fingerprints = all
      }
      return report
    },
  }
}
