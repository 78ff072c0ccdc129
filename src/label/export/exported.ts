/**
 * What an exporter gives, and what several write.
 * @module
 */

/** The N of `mss*N` that `mss*max` is for an MSS from 1200 to 1488, and of 536: for formats that have no word for the largest multiple. */
export const MULTIPLES = [44, 45, 46, 47, 48, 49, 50, 51, 52, 53, 54, 122] as const

/** A text, and how much of the database is in it. */
export interface Exported {
  readonly text: string
  /** Lines of signatures. */
  readonly written: number
  /** Signatures that are not in it, by reason; counts may be 0. */
  readonly leftOut: readonly { readonly reason: string; readonly count: number }[]
}
