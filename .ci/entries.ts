/**
 * The entries of the package: package.json's `exports` and `bin` are the one table of them. A new entry is a row there.
 *
 * `./dist/NAME.js` is built of `src/NAME.ts`.
 * @module
 */
import manifest from '../package.json' with { type: 'json' }

/** One entry: what is imported, or the command. */
export interface Entry {
  /** As a user imports it after the package's name: `.`, `./bun`; `undefined` for the command. */
  readonly specifier: string | undefined
  /** Of its file in `dist/`, without the extension. */
  readonly name: string
  /** From the root of the checkout. */
  readonly source: string
}

const BUILT = /^(?:\.\/)?dist\/(.+)\.js$/

function entry(path: string, specifier?: string): Entry {
  const name = BUILT.exec(path)?.[1]
  if (name === undefined) throw new Error(`Cannot tell what "${path}" of package.json is built of: it is not in dist/`)
  return { specifier, name, source: `src/${name}.ts` }
}

/** What `import` finds. */
export const EXPORTS: readonly Entry[] = Object.entries(manifest.exports).flatMap(([specifier, target]) =>
  typeof target === 'string' ? [] : [entry(target.default, specifier)],
)

/** Those and the command. */
export const ENTRIES: readonly Entry[] = [...EXPORTS, ...Object.values(manifest.bin).map((path) => entry(path))]
