/**
 * What a check of the doctor says.
 * @module
 */

/** `degraded`: it works, with something missing. `failing`: nothing is captured. */
export type Verdict = 'ok' | 'degraded' | 'failing'

/** One line of the report. */
export interface Finding {
  /** A name that stays, for programs. */
  readonly name: string
  readonly status: Verdict
  /** What was seen. */
  readonly found: string
  /** What to change; absent where nothing need be. */
  readonly remedy?: string
}
