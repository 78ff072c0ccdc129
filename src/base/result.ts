/**
 * The result of a function that does not throw.
 * @module
 */

/** A value, or why there is none. Packet bytes never throw from the `safe` functions: they give one of these. */
export type Result<T, E> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly error: E }
