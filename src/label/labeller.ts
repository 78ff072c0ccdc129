/**
 * Labels from elsewhere than a signature database: functions that look at a SYN and name what sent it.
 * @module
 */
import type { Fingerprints } from '../fingerprint/strings.ts'
import type { Syn } from '../wire/syn.ts'
import type { Label } from './match.ts'
import type { RuleLabel } from './rule.ts'

/** What a labeller may look at beside the SYN. */
export interface LabellerFacts {
  /** The default fingerprint strings. */
  readonly fingerprints: Fingerprints
  /** What the signature database says; `undefined` where there is none. */
  readonly label: Label | undefined
  /** `User-Agent` of the request that reads the label first. */
  readonly userAgent: string | undefined
}

/** Names what sent a SYN, or says nothing: then the database speaks. Asked once per connection, when the label is first read. */
export type Labeller = (syn: Syn, facts: LabellerFacts) => RuleLabel | undefined
