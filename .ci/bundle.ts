/**
 * JavaScript for `.ci/build`: from what tsc wrote into the directory given, to `dist/`.
 *
 * It is for Bun too: the sources that a `bun` condition would lead to are 178 kB packed, 111 without comments and indentation,
 * beside 106 of JavaScript, which Node and Deno need. Both do not fit into 150 kB. Sources are on JSR (`jsr.ts`).
 * @module
 */
import { cpSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

const work: string = process.argv[2]!
const ENTRIES = ['index', 'adapter/bun', 'adapter/deno', 'fingerprint/ja4t/index', 'cli']

// Comments of the database are for who edits it; without them its lines keep their numbers.
const signatures = join(work, 'js/src/label/signatures.js')
writeFileSync(signatures, readFileSync(signatures, 'utf8').replace(/^;.*$/gm, '').replace('`;', '`\n;'))

const built = await Bun.build({
  entrypoints: ENTRIES.map((entry) => join(work, 'js/src', `${entry}.js`)),
  root: join(work, 'js/src'),
  outdir: 'dist',
  naming: { entry: '[dir]/[name].[ext]', chunk: 'chunks/[hash].[ext]' },
  target: 'node',
  format: 'esm',
  splitting: true,
  minify: true,
  packages: 'external',
})
if (!built.success) throw new AggregateError(built.logs, 'Cannot bundle')

for (const name of ['LICENSE', 'NOTICE']) {
  cpSync(`src/fingerprint/ja4t/${name}`, `dist/fingerprint/ja4t/${name}`)
}
