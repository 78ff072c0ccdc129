/**
 * Options against their schema: what several of them are, and the words in which a mistake is told.
 * @module
 */
import * as v from 'valibot'

/** What can be called; with what, is the option's type. */
export const aFunction = <T = (...args: never[]) => unknown>(): v.GenericSchema<T> =>
  v.custom<T>((value) => typeof value === 'function', 'Expected a function')

/** A value for which `is` holds; `expected` says what that is. */
export const aValueThat = <T>(is: (value: unknown) => boolean, expected: string): v.GenericSchema<T> =>
  v.custom<T>(is, ({ received }) => `Expected ${expected} but received ${received}`)

/** `false`, or an instance of a class; `expected` says of what. */
export const falseOr = <T>(of: abstract new (...args: never[]) => T, expected: string): v.GenericSchema<false | T> =>
  aValueThat((value) => value === false || value instanceof of, `false or ${expected}`)

/** An object that `object` takes, or another value for which `is` holds; `expected` names both, for values that are neither. */
export const anObjectOr = <T, O>(
  object: v.GenericSchema<O>,
  is: (value: unknown) => boolean,
  expected: string,
): v.GenericSchema<T | O> => {
  const other = aValueThat<T>(is, expected)
  return v.lazy<v.GenericSchema<T | O>>((value) => (typeof value === 'object' && value !== null ? object : other))
}

/** A text in which `shape` is found; `expected` says what that is. */
export const aTextLike = (shape: RegExp, expected: string): v.GenericSchema<string> =>
  v.pipe(
    v.string(),
    v.check((text) => shape.test(text), `Expected ${expected}`),
  )

/** A text that is not empty. */
export const aText = (): v.GenericSchema<string> => aTextLike(/./s, 'a text that is not empty')

/** A text without NUL, at which it would end for the kernel. */
export const withoutNul = (text: v.GenericSchema<string>): v.GenericSchema<string> =>
  v.pipe(
    text,
    v.check((value) => !value.includes('\0'), 'Expected no NUL'),
  )

/** An array that is not empty; `expected` says of what. */
export const anArray = <T>(of: v.GenericSchema<T>, expected: string): v.GenericSchema<T[]> =>
  v.pipe(
    v.array(of),
    v.check(({ length }) => length > 0, `Expected ${expected}`),
  )

/** A number, both ends included: a whole one, if nothing else is said. */
export const aNumber = (least: number, most: number = Number.MAX_SAFE_INTEGER, whole = true): v.GenericSchema<number> =>
  v.pipe(
    v.number(),
    v.check(
      (value) => value >= least && value <= most && (!whole || Number.isInteger(value)),
      ({ input }) => `Expected a ${whole ? 'whole ' : ''}number from ${least} to ${most} but received ${input}`,
    ),
  )

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
  // A name that does not exist before one that is missing because of it.
  const stranger = checked.issues.find(({ type, expected }) => type === 'strict_object' && expected === 'never')
  const { path = [], message } = stranger ?? checked.issues[0]
  const name = path.map(({ key }) => key).join('.')
  const told = stranger === undefined ? message : 'there is no such option'
  throw new TypeError(`Invalid ${of} options${name === '' ? '' : `: "${name}"`}: ${told}`)
}
