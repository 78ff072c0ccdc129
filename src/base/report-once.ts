/**
 * Errors told to a listener, each kind once.
 * @module
 */

/** What a function of the application threw, as an error. Never throws. */
export function toError(thrown: unknown): Error {
  try {
    return thrown instanceof Error && typeof thrown.message === 'string' ? thrown : new Error(String(thrown))
  } catch {
    return new Error('Something was thrown that is no error and has no text')
  }
}

/** For the answer of a function of the application that is asked for none, and is a promise all the same: one that rejects ends Node. */
export function ignoreRejection(answer: unknown): void {
  if (answer instanceof Promise) answer.catch(() => {})
}

/**
 * The answer of a function of the application that has to answer at once.
 *
 * @throws {TypeError} where it is a promise: its value would come too late, and a rejection would end Node
 */
export function answeredAtOnce<T>(name: string, answer: T): T {
  if (!(answer instanceof Promise)) return answer
  ignoreRejection(answer)
  throw new TypeError(`${name} must answer at once, not with a promise`)
}

/** Tells what was thrown, unless its kind was told before. Never throws. */
export interface Report {
  (thrown: unknown, kind?: string): void
  /** False if an error of this kind would not be told: what requests meet again and again need not be made into an error. */
  wants(kind: string): boolean
}

/** Kinds told at most: an error with a number or a name of its own in its message must not be told for ever. */
const KINDS = 100

/** A reporter for one listener. Without a `kind`, an error's kind is its code and option, or its message. */
export function reportOnce(listener: ((error: Error) => void) | undefined): Report {
  const told = new Set<string>()
  const wants = (kind: string): boolean => !told.has(kind) && told.size < KINDS
  const report = (thrown: unknown, kindOf?: string): void => {
    if (kindOf !== undefined && !wants(kindOf)) return
    try {
      const error = toError(thrown)
      const kind =
        kindOf ?? ('code' in error ? `${error.code} ${'option' in error ? error.option : ''}` : error.message)
      if (!wants(kind)) return
      told.add(kind)
      // A listener's mistake is not the request's, be it one that comes later.
      ignoreRejection(listener?.(error))
    } catch {
      // Nor one that comes at once, nor an error whose members cannot be read.
    }
  }
  return Object.assign(report, { wants })
}
