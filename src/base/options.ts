/**
 * Options against their schema: what several of them are, and the words in which a mistake is told.
 * @module
 */
import { array, check, custom, type Mistake, number, type Schema, string } from './schema.ts'

/** What can be called; with what, is the option's type. */
export const aFunction = <T = (...args: never[]) => unknown>(): Schema<T> =>
  custom<T>('a function', (value) => typeof value === 'function')

/** An instance of a class; `expected` says of what. */
export const anInstance = <T>(of: abstract new (...args: never[]) => T, expected: string): Schema<T> =>
  custom<T>(expected, (value) => value instanceof of)

/** `false`, for what can be turned off. */
export const aFalse = (): Schema<false> => custom<false>('false', (value) => value === false)

/** A text in which `shape` is found; `expected` says what that is. */
export const aTextLike = (shape: RegExp, expected: string): Schema<string> =>
  check(string(), (text) => shape.test(text), `Expected ${expected}`)

/** A text that is not empty. */
export const aText = (): Schema<string> => aTextLike(/./s, 'a text that is not empty')

/** No text that ends earlier for the kernel than here. */
export const withoutNul = (text: Schema<string>): Schema<string> =>
  check(text, (value) => !value.includes('\0'), 'Expected no NUL')

/** An array that is not empty; `expected` says of what. */
export const anArray = <T>(of: Schema<T>, expected: string): Schema<T[]> =>
  check(array(of), ({ length }) => length > 0, `Expected ${expected}`)

/** A number, both ends included: a whole one, if nothing else is said. */
export const aNumber = (least: number, most: number = Number.MAX_SAFE_INTEGER, whole = true): Schema<number> =>
  check(
    number(),
    (value) => value >= least && value <= most && (!whole || Number.isInteger(value)),
    (value) => `Expected a ${whole ? 'whole ' : ''}number from ${least} to ${most} but received ${value}`,
  )

/**
 * Options as their schema has them, defaults filled in. `of` says whose they are: `'fingerprint'`. The schema is made here, because
 * making all of them took a tenth of the time of an import on Node.
 *
 * @throws {TypeError} naming the option, what was expected and what was seen
 */
export function checkOptions<T>(of: string, schema: () => Schema<T>, options: unknown): T {
  const mistakes: Mistake[] = []
  const checked = schema()(options, [], mistakes)
  // A name that does not exist before one that is missing because of it.
  const mistake = mistakes.find(({ kind }) => kind === 'name') ?? mistakes[0]
  if (mistake === undefined) return checked
  const path = mistake.path.join('.')
  throw new TypeError(`Invalid ${of} options${path === '' ? '' : `: "${path}"`}: ${mistake.message}`)
}
