/**
 * What a labeller says of a SYN.
 * @module
 */

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
