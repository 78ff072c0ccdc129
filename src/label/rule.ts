/**
 * Labels from elsewhere than a signature database: functions that look at a SYN and name what sent it.
 * @module
 */
import type { Fingerprints } from '../fingerprint/index.ts'
import type { Syn } from '../wire/syn.ts'
import type { Label } from './match.ts'

/** What a labeller says. */
export interface RuleLabel {
  /** System and version, or tool. */
  readonly name: string
  /** Family, by the names of a label's `family`. */
  readonly family?: string | undefined
  /** Default `'os'`. */
  readonly kind?: 'os' | 'app' | undefined
}

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

/**
 * A labeller's answer, checked: a function of the application may return anything.
 * @throws {TypeError} saying what is wrong with it
 */
export function checkRuleLabel(answer: unknown): RuleLabel | undefined {
  if (answer === undefined || answer === null) return undefined
  const { name, family, kind } = answer as { readonly [Key in keyof RuleLabel]?: unknown }
  if (typeof name !== 'string' || name === '')
    throw new TypeError('Cannot take the labeller\'s answer: "name" is no text')
  if (family !== undefined && typeof family !== 'string') {
    throw new TypeError('Cannot take the labeller\'s answer: "family" is no text')
  }
  if (kind !== undefined && kind !== 'os' && kind !== 'app') {
    throw new TypeError('Cannot take the labeller\'s answer: "kind" is neither "os" nor "app"')
  }
  return { name, family, kind }
}
