/**
 * Errors told to a listener, each kind once.
 * @module
 */

/** What a function of the application threw, as an error. */
function toError(thrown: unknown): Error {
  if (thrown instanceof Error) return thrown
  try {
    return new Error(String(thrown))
  } catch {
    return new Error('Something was thrown that is no error and has no text')
  }
}

/** Tells what was thrown, unless its kind was told before. Never throws. */
export type Report = (thrown: unknown, kind?: string) => void

/** Kinds told at most: an error with a number or a name of its own in its message must not be told for ever. */
const KINDS = 100

/** A reporter for one listener. Without a `kind`, an error's kind is its code and option, or its message. */
export function reportOnce(listener: ((error: Error) => void) | undefined): Report {
  const told = new Set<string>()
  return (thrown, kindOf) => {
    const error = toError(thrown)
    const kind = kindOf ?? ('code' in error ? `${error.code} ${'option' in error ? error.option : ''}` : error.message)
    if (told.has(kind) || told.size === KINDS) return
    told.add(kind)
    try {
      listener?.(error)
    } catch {
      // A listener's mistake is not the request's.
    }
  }
}
