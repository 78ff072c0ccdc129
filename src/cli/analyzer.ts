/**
 * What is said of a SYN beside its fields: fingerprints and label, as the options ask for.
 * @module
 */
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
export async function createAnalyzer(_args: Arguments, _io: Io): Promise<Analyzer> {
  return { code: 0, analyze: (syn) => ({ syn, file: undefined, frame: 0, tunnel: undefined }) }
}
