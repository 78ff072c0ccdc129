/**
 * What an exporter gives.
 * @module
 */

/** A text, and how much of the database is in it. */
export interface Exported {
  readonly text: string
  /** Lines of signatures. */
  readonly written: number
  /** Signatures that are not in it, by reason; counts may be 0. */
  readonly leftOut: readonly { readonly reason: string; readonly count: number }[]
}
