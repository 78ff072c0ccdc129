/**
 * Makes `dist/`: JavaScript and declarations of every entry, in pieces that entries share.
 * @module
 */
import { readFileSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { defineConfig, type Plugin, type RolldownOptions } from 'rolldown'
import { dts } from 'rolldown-plugin-dts'
import { compactScript, compactStyle } from '../src/inspector/compact.ts'
import { ENTRIES } from './entries.ts'

/** `import text from './name.fp' with { type: 'text' }`. All sources are TypeScript: a file that is not is text. */
const text: Plugin = {
  name: 'text',
  resolveId: (source, importer) =>
    importer !== undefined && /^\..*\.(fp|css|js)$/.test(source) ? `${resolve(dirname(importer), source)}?text` : null,
  load: (id) => (id.endsWith('?text') ? `export default ${JSON.stringify(shipped(id.slice(0, -5)))}` : null),
}

/** Comments of a file are for its editor. A signature file keeps the numbers of its lines. */
function shipped(file: string): string {
  const content = readFileSync(file, 'utf8')
  if (file.endsWith('.css')) return compactStyle(content)
  if (file.endsWith('.js')) return compactScript(content)
  return content.replace(/^;.*$/gm, '')
}

/** What an entry says of itself, which belongs to no declaration and would be lost. */
const head = (source: string): string => /^\/\*\*[\s\S]*?@module\s*\*\/\n/.exec(readFileSync(source, 'utf8'))?.[0] ?? ''

/** The sources that importing these loads at once, themselves included. */
function loadedBy(...sources: readonly string[]): Set<string> {
  const found = new Set<string>()
  const visit = (file: string): void => {
    if (found.has(file)) return
    found.add(file)
    for (const [, name] of readFileSync(file, 'utf8').matchAll(
      /^(?:import|export)\s(?!type\b)[^;'"]*?from '(\.[^']+\.tsx?)'/gm,
    ))
      visit(resolve(dirname(file), name!))
  }
  for (const source of sources) visit(resolve(source))
  return found
}

/** Loading a file takes Node about half a millisecond: what is loaded together is one. */
const core = loadedBy('src/index.ts')
const server = loadedBy('src/bun.ts', 'src/deno.ts', 'src/node.ts')
const groupOf = (id: string): string | null =>
  !server.has(id) || ENTRIES.some(({ source }) => resolve(source) === id) ? null : core.has(id) ? 'core' : 'server'

const options: RolldownOptions = defineConfig({
  input: Object.fromEntries(ENTRIES.map(({ name, source }) => [name, source])),
  external: /^(node|bun):|^(hono|valibot)\b/,
  platform: 'neutral',
  tsconfig: 'tsconfig.json',
  checks: { invalidAnnotation: false },
  plugins: [text, dts({ tsconfig: 'tsconfig.json' })],
  output: {
    dir: 'dist',
    format: 'esm',
    minify: true,
    codeSplitting: { groups: [{ name: groupOf }] },
    chunkFileNames: 'chunks/[name]-[hash].js',
    banner: ({ isEntry, fileName }) =>
      isEntry && fileName.endsWith('.d.ts') ? head(`src/${fileName.replace('.d.ts', '.ts')}`) : '',
  },
})
export default options
