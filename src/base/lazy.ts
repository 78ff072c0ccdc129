/**
 * What is made when it is first asked for, because making it would slow down every import.
 * @module
 */

/** Gives what `make` makes, which is asked once. */
export function lazy<Made extends object>(make: () => Made): () => Made {
  let made: Made | undefined
  return () => (made ??= make())
}

/** Characters of these general categories or properties, one by one. A literal would be looked through as soon as its file is loaded. */
export function charactersOf(...names: readonly string[]): () => RegExp {
  return lazy(() => new RegExp(`[${names.map((name) => `\\p{${name}}`).join('')}]`, 'gu'))
}
