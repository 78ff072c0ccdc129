/**
 * What a labeller says of a SYN.
 * @module
 */

import { escapeControls } from '../base/text.ts'

/** Characters of a name that are kept. */
const LONGEST = 256

/** What a labeller says. */
export interface RuleLabel {
  /** System and version, or tool. */
  readonly name: string
  /** Family, by the names of a label's `family`. */
  readonly family?: string | undefined
  /** Default `'os'`. */
  readonly kind?: 'os' | 'app' | undefined
}

/**
 * A labeller's answer, checked: a function of the application may return anything. Names get into logs, variables and pages: their
 * control characters are escaped, and 256 characters are kept.
 *
 * @throws {TypeError} saying what is wrong with it; of a promise too, whose rejection is taken so that it ends no process
 */
export function checkRuleLabel(answer: unknown): RuleLabel | undefined {
  if (answer === undefined || answer === null) return undefined
  const { then } = answer as { readonly then?: unknown }
  if (typeof then === 'function') {
    Promise.resolve(answer).catch(() => {})
    throw new TypeError("Cannot take the labeller's answer: it is a promise, and a label is asked for at once")
  }
  const { name, family, kind } = answer as { readonly [Key in keyof RuleLabel]?: unknown }
  if (typeof name !== 'string' || name === '')
    throw new TypeError('Cannot take the labeller\'s answer: "name" is no text')
  if (family !== undefined && typeof family !== 'string') {
    throw new TypeError('Cannot take the labeller\'s answer: "family" is no text')
  }
  if (kind !== undefined && kind !== 'os' && kind !== 'app') {
    throw new TypeError('Cannot take the labeller\'s answer: "kind" is neither "os" nor "app"')
  }
  return { name: plain(name), family: family && plain(family), kind }
}

const plain = (text: string): string => escapeControls(text.slice(0, LONGEST))
