/**
 * Schemas of options: what a value must be, and what stands in its place where it is left out.
 * @module
 */

/** A way to a value, from the options down. */
export type Path = readonly (string | number)[]

/** One thing that is wrong. */
export interface Mistake {
  readonly path: Path
  readonly message: string
  /** What would have been right, in the words of an enumeration. */
  readonly expected: string
  /** `name`: there is no such option. `value`: the type is right. */
  readonly kind: 'name' | 'type' | 'value'
}

/** Reads a value: gives it with its defaults, and adds what is wrong with it to `mistakes`. */
export type Schema<T> = (value: unknown, path: Path, mistakes: Mistake[]) => T

/** What a schema gives. */
export type Output<Of> = Of extends Schema<infer T> ? T : never

/** A value as a message shows it: text in quotes, of an object its class. */
export function received(value: unknown): string {
  if (typeof value === 'string') return `"${value}"`
  if (typeof value !== 'object' && typeof value !== 'function') return value === undefined ? 'undefined' : String(value)
  return (value && Object.getPrototypeOf(value)?.constructor?.name) ?? 'null'
}

const isWrong = (path: Path, expected: string, value: unknown, message?: string): Mistake => ({
  path,
  message: message ?? `Invalid type: Expected ${expected} but received ${received(value)}`,
  expected: expected.replace(/^\(|\)$/g, '').replaceAll(' | ', ' or '),
  kind: 'type',
})

const ofType =
  <T>(expected: string, is: (value: unknown) => boolean, message?: string): Schema<T> =>
  (value, path, mistakes) => {
    if (!is(value)) mistakes.push(isWrong(path, expected, value, message))
    return value as T
  }

export const string = (): Schema<string> => ofType('string', (value) => typeof value === 'string')
export const boolean = (): Schema<boolean> => ofType('boolean', (value) => typeof value === 'boolean')
export const number = (): Schema<number> =>
  ofType('number', (value) => typeof value === 'number' && !Number.isNaN(value))

/** What passes a test; `expected` says what that is. */
export const custom = <T>(expected: string, is: (value: unknown) => boolean): Schema<T> =>
  ofType(expected, is, `Expected ${expected}`)

/** One of some texts. */
export const picklist = <const T extends string>(words: readonly T[]): Schema<T> =>
  ofType(`(${words.map(received).join(' | ')})`, (value) => words.includes(value as T))

/** May be left out, and is `fallback` then, whose own defaults are filled in. */
export function optional<T>(of: Schema<T>): Schema<T | undefined>
export function optional<T>(of: Schema<T>, fallback: unknown): Schema<T>
export function optional<T>(of: Schema<T>, fallback?: unknown): Schema<T | undefined> {
  return (value = fallback, path, mistakes) => (value === undefined ? undefined : of(value, path, mistakes))
}

/** A further condition, asked of a value that is right so far; the message may depend on the value. */
export const check =
  <T>(of: Schema<T>, holds: (value: T) => boolean, message: string | ((value: T) => string)): Schema<T> =>
  (value, path, mistakes) => {
    const before = mistakes.length
    const given = of(value, path, mistakes)
    if (mistakes.length > before || holds(given)) return given
    const told = typeof message === 'string' ? message : message(given)
    mistakes.push({ path, message: told, expected: told, kind: 'value' })
    return given
  }

export const array =
  <T>(of: Schema<T>): Schema<T[]> =>
  (value, path, mistakes) => {
    if (Array.isArray(value)) return value.map((item, i) => of(item, [...path, i], mistakes))
    mistakes.push(isWrong(path, 'Array', value))
    return []
  }

/** An object with names of one kind, and values of one kind. */
export const record =
  <T>(name: Schema<string>, of: Schema<T>): Schema<Record<string, T>> =>
  (value, path, mistakes) => {
    if (!isObject(value, path, mistakes)) return {}
    const entries = Object.entries(value)
    return Object.fromEntries(
      entries.map(([key, one]) => [name(key, [...path, key], mistakes), of(one, [...path, key], mistakes)]),
    )
  }

/** An object with these names and no other. */
export const strictObject =
  <const Entries extends Readonly<Record<string, Schema<unknown>>>>(
    entries: Entries,
  ): Schema<{ readonly [Name in keyof Entries]: Output<Entries[Name]> }> =>
  (value, path, mistakes) => {
    const read: Record<string, unknown> = {}
    if (!isObject(value, path, mistakes)) return read as never
    for (const name in entries) read[name] = entries[name]!(value[name], [...path, name], mistakes)
    const stranger = Object.keys(value).find((name) => !Object.hasOwn(entries, name))
    if (stranger !== undefined)
      mistakes.push({ path: [...path, stranger], message: 'there is no such option', expected: '', kind: 'name' })
    return read as never
  }

function isObject(value: unknown, path: Path, mistakes: Mistake[]): value is Readonly<Record<string, unknown>> {
  if (typeof value === 'object' && value !== null) return true
  mistakes.push(isWrong(path, 'Object', value))
  return false
}

/** The first of several that takes the value. Of those that do not, the one tells that went furthest into it. */
export const union =
  <const All extends readonly Schema<unknown>[]>(all: All): Schema<Output<All[number]>> =>
  (value, path, mistakes) => {
    const tried = all.map((of) => {
      const own: Mistake[] = []
      return { given: of(value, path, own), own }
    })
    const right = tried.find(({ own }) => own.length === 0)
    if (right !== undefined) return right.given as never
    const nearly = tried.find(({ own }) => own.every(({ kind }) => kind === 'value'))?.own
    const every = tried.flatMap(({ own }) => own)
    const depth = Math.max(...every.map((one) => one.path.length))
    const deepest = depth > path.length ? every.filter((one) => one.path.length === depth) : undefined
    const expected = every.map((one) => one.expected).join(' or ')
    const told = nearly ?? deepest
    mistakes.push(...(told ?? [isWrong(path, expected, value, `Expected ${expected} but received ${received(value)}`)]))
    return value as never
  }
