/**
 * What is written for one SYN or one failure, whatever the form.
 * @module
 */
import type { Fingerprints } from '../../fingerprint/strings.ts'
import type { Label } from '../../label/match.ts'
import type { PartialSynRecord } from '../../wire/partial-syn.ts'
import type { Syn } from '../../wire/syn.ts'

/** What is said of all SYNs of one shape: made once, and the same object for each of them. */
export interface Findings {
  readonly fingerprints: Fingerprints & { readonly ja4t?: string }
  /** What the database says; `undefined` without one. */
  readonly label: Label | undefined
  /** Filled by the JSON writer. */
  json: ShapeText | undefined
}

/** The parts of a JSON record that follow from the shape of its SYN. */
export interface ShapeText {
  /** Control bits and window. */
  readonly control: string
  /** Options but for the timestamps. */
  readonly options: string
  /** What follows the timestamps, up to the line's end. */
  readonly end: string
}

/** Everything `parse` and `pcap` say of one SYN. Reused from one SYN to the next. */
export interface Report {
  syn: Syn
  findings: Findings
  /** Capture file as it was named on the command line; `undefined` outside captures. */
  file: string | undefined
  /** Number of the packet in that file, from 1. */
  frame: number
  /** Tunnels around the SYN, outermost first. */
  tunnel: readonly string[] | undefined
}

/** Where a SYN was found in capture files; empty outside them. */
export type Place = Partial<Pick<Report, 'file' | 'frame' | 'tunnel'>>

/** A failure: what the `error` of its record holds. */
export interface RecordError {
  readonly reason: string
  readonly offset?: number
  readonly needed?: number
  readonly available?: number
  /** Packets it is about, where these were counted. */
  readonly packets?: number
  /** What was seen, in words. */
  readonly detail?: string
}

/** Where a writer puts its text. */
export interface TextOutput {
  text(text: string): void
}

/** Writes records and errors in one form. */
export interface RecordWriter {
  record(report: Report): void
  /** The beginning of a SYN, where a capture kept no more. */
  partial(syn: PartialSynRecord, place?: Place): void
  /** @param file and `frame`: only for capture files. */
  error(error: RecordError, file?: string, frame?: number): void
}
