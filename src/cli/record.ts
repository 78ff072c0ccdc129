/**
 * What is written for one SYN or one failure, whatever the form.
 * @module
 */
import type { Fingerprints } from '../fingerprint/index.ts'
import type { Label } from '../label/match.ts'
import type { Syn } from '../wire/syn.ts'

/** Everything `parse` and `pcap` say of one SYN. Reused from one SYN to the next. */
export interface Report {
  syn: Syn
  fingerprints: Fingerprints & { readonly ja4t?: string }
  /** What the database says; `undefined` without one. */
  label: Label | undefined
  /** Capture file as it was named on the command line; `undefined` outside captures. */
  file: string | undefined
  /** Number of the packet in that file, from 1. */
  frame: number
  /** Tunnels around the SYN, outermost first. */
  tunnel: readonly string[] | undefined
}

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

/** Writes records and errors in one form. */
export interface RecordWriter {
  record(report: Report): void
  /** @param file and `frame`: only for capture files. */
  error(error: RecordError, file?: string, frame?: number): void
}
