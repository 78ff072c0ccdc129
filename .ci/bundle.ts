/**
 * The second half of `.ci/build`: from what tsc wrote into the directory given, to `dist/`.
 * @module
 */
import { cpSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'

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

/** Declarations that an entry leads to. */
const reached = new Map<string, string>()
function visit(file: string): void {
  if (reached.has(file)) return
  const text = readFileSync(file, 'utf8')
  reached.set(file, text)
  for (const [, specifier] of text.matchAll(/(?:from|import\()\s*['"](\.[^'"]+)['"]/g)) {
    visit(join(dirname(file), specifier!.replace(/\.tsx?$/, '.d.ts')))
  }
}
const types = join(work, 'types')
const entries = ENTRIES.filter((entry) => entry !== 'cli').map((entry) => join(types, 'src', `${entry}.d.ts`))
entries.forEach(visit)

/**
 * Modules whose declarations users see: the entries, which keep their comments, and what these give on by name, of which the
 * first sentences stay. The others lose theirs, and so do fields but for those of options and of the fingerprint itself: the
 * package has a size to keep, and the checkout has everything.
 */
const seen = new Set(entries)
for (const entry of entries) {
  for (const [, specifier] of reached.get(entry)!.matchAll(/^export .*?from\s*['"](\.[^'"]+)['"]/gms)) {
    seen.add(join(dirname(entry), specifier!.replace(/\.tsx?$/, '.d.ts')))
  }
}
const FIELDS = /\/(options|access-log|fingerprint|trusted-header|headers|attributes|fingerprinter|timing)\.d\.ts$/
function shorten(comment: string, file: string): string {
  const indent = /^[ \t]*/.exec(comment)![0]
  if (!seen.has(file) || (indent !== '' && !FIELDS.test(file))) return ''
  const words = comment
    .replace(/^\s*\/\*\*|\*\/\s*$/g, '')
    .replace(/\n[ \t]*\*/g, '\n')
    .replace(/\s+/g, ' ')
    .trim()
  const sentence = /^.*?[.](?= [A-Z`'[(]|$)/.exec(words)?.[0] ?? words.replace(/ @.*$/, '')
  return `${indent}/** ${sentence} */\n`
}
for (const [file, text] of reached) {
  const to = join('dist/types', relative(types, file))
  mkdirSync(dirname(to), { recursive: true })
  const kept = entries.includes(file)
    ? text
    : text.replace(/^[ \t]*\/\*\*[\s\S]*?\*\/\n?/gm, (comment) => shorten(comment, file))
  const named = kept.replace(/(from\s*|import\()(['"])(\.[^'"]+)\.tsx?\2/g, '$1$2$3.js$2')
  writeFileSync(
    to,
    named.replace(/^( {4})+/gm, (indent) => '\t'.repeat(indent.length / 4)),
  )
}
for (const name of ['LICENSE', 'NOTICE']) {
  if (existsSync(`src/fingerprint/ja4t/${name}`)) cpSync(`src/fingerprint/ja4t/${name}`, `dist/fingerprint/ja4t/${name}`)
}
