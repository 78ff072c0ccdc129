/**
 * Options against their schema: one place for the words in which a mistake is told.
 * @module
 */
import * as v from 'valibot'

type Issue = v.BaseIssue<unknown>

/** What can be called; with what, is the option's type. */
export const aFunction = <T = (...args: never[]) => unknown>(): v.GenericSchema<T> =>
  v.custom<T>((value) => typeof value === 'function', 'Expected a function')

/** A text that is not empty. */
export const aText = (): v.GenericSchema<string> => v.pipe(v.string(), v.nonEmpty())

/** A whole number, both ends included. */
export const aNumber = (least: number, most: number = Number.MAX_SAFE_INTEGER): v.GenericSchema<number> =>
  v.pipe(v.number(), v.integer(), v.minValue(least), v.maxValue(most))

/**
 * Options as their schema has them, defaults filled in. `of` says whose they are: `'fingerprint'`. The schema is made here, because
 * making all of them took a tenth of the time of an import on Node.
 *
 * @throws {TypeError} naming the option, what was expected and what was seen
 */
export function checkOptions<Schema extends v.GenericSchema>(
  of: string,
  schema: () => Schema,
  options: unknown,
): v.InferOutput<Schema> {
  const checked = v.safeParse(schema(), options)
  if (checked.success) return checked.output
  const { path, issue } = locate(checked.issues)
  throw new TypeError(`Invalid ${of} options${path === '' ? '' : `: "${path}"`}: ${describe(issue)}`)
}

/** A mistake and the way to it. */
interface Located {
  readonly path: string
  readonly issue: Issue
}

/**
 * The mistake to tell of several: a name that does not exist before one that is missing because of it. A value that none of
 * several schemas takes is told by the schema which went furthest into it.
 */
function locate(issues: readonly Issue[]): Located {
  const issue = issues.find(isUnknownName) ?? issues[0]!
  const path = v.getDotPath(issue) ?? ''
  const within = issue.type === 'union' ? locateDeepest(issue.issues ?? []) : undefined
  if (within === undefined) return { path, issue }
  return { path: [path, within.path].filter((part) => part !== '').join('.'), issue: within.issue }
}

function locateDeepest(issues: readonly Issue[]): Located | undefined {
  const depth = Math.max(0, ...issues.map(depthOf))
  return depth === 0 ? undefined : locate(issues.filter((issue) => depthOf(issue) === depth))
}

const depthOf = (issue: Issue): number => issue.path?.length ?? 0
const isUnknownName = (issue: Issue): boolean => issue.type === 'strict_object' && issue.expected === 'never'

function describe(issue: Issue): string {
  if (isUnknownName(issue)) return 'there is no such option'
  if (issue.type !== 'union' || issue.issues === undefined) return issue.message
  return `Expected ${issue.issues.map(expectation).join(' or ')} but received ${issue.received}`
}

/** In an enumeration of what is expected: as a schema of ours words it, or as valibot names the type. */
function expectation({ message, expected }: Issue): string {
  if (/^Expected (?:(?! but received ).)*$/.test(message)) return message.slice('Expected '.length)
  return (expected ?? message).replace(/^\(|\)$/g, '').replaceAll(' | ', ' or ')
}
