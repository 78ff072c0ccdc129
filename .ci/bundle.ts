/**
 * JavaScript for `.ci/build`: from what tsc wrote into the directory given, to `dist/`.
 *
 * It is for Bun too; sources are on JSR (`jsr.ts`).
 * @module
 */
import { cpSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

const work: string = process.argv[2]!
const ENTRIES = ['index', 'bun', 'deno', 'ja4t/index', 'cli']

// Comments of the database are for who edits it; without them its lines keep their numbers.
const signatures = 'label/signatures.fp'
writeFileSync(join(work, 'js/src', signatures), readFileSync(join('src', signatures), 'utf8').replace(/^;.*$/gm, ''))

// Text that sources import, which tsc leaves behind.
for (const file of new Bun.Glob('src/**/{*.css,page.js}').scanSync()) cpSync(file, join(work, 'js', file))

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
  cpSync(`src/ja4t/${name}`, `dist/ja4t/${name}`)
}
