/**
 * Publishes the sources on JSR with Deno: `bun .ci/jsr.ts`, or `bun .ci/jsr.ts --dry-run` for every check and no upload.
 *
 * JSR wants `deno.json` beside the sources, where the checkout has none: a copy of the sources gets one made of package.json,
 * in a directory of its own. Not every tool that reads JSR imports
 * text: modules take its place. Dependencies are read from node_modules, so that the checks need no network.
 * @module
 */
import { cpSync, globSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import manifest from '../package.json' with { type: 'json' }
import { EXPORTS } from './entries.ts'

const root: string = join(import.meta.dir, '..')
const copy: string = mkdtempSync(join(tmpdir(), 'tcpfingerprint-jsr-'))
const PUBLISHED = ['src', 'ffi', 'LICENSE', 'README.md', 'CHANGELOG.md']
/** The command comes from npm: `deno run npm:tcpfingerprint`. */
const COMMAND = [
  'src/cli.ts',
  'src/cli/commands',
  'src/cli/commands.ts',
  'src/cli/main.ts',
  'src/demo',
  'src/doctor',
  'src/capture-file',
]
const CONFIG = {
  name: '@tcpfingerprint/tcpfingerprint',
  version: manifest.version,
  license: manifest.license,
  exports: Object.fromEntries(EXPORTS.map(({ specifier, source }) => [specifier, `./${source}`])),
  imports: {
    // Deno takes no `>=` here.
    hono: `npm:hono@${manifest.peerDependencies.hono.replace('>=', '^')}`,
    valibot: `npm:valibot@^${manifest.devDependencies.valibot}`,
  },
  compilerOptions: { jsx: 'react-jsx', jsxImportSource: 'hono/jsx' },
  nodeModulesDir: 'manual',
  publish: { include: PUBLISHED, exclude: COMMAND },
}

/** Writes each file that is imported as text as a module that exports the text. */
function textToModules(directory: string): void {
  for (const name of globSync('src/**/*.{ts,tsx}', { cwd: directory })) {
    const file = join(directory, name)
    const source = readFileSync(file, 'utf8')
    const changed = source.replace(
      /(\bfrom '(\.[^']+))' with \{ type: 'text' \}/g,
      (_, start: string, path: string) => {
        const text = readFileSync(join(dirname(file), path), 'utf8')
        const module = `/** The text of a file. @module */\nconst text: string = ${JSON.stringify(text)}\nexport default text\n`
        writeFileSync(join(dirname(file), `${path}.ts`), module)
        return `${start}.ts'`
      },
    )
    if (changed !== source) writeFileSync(file, changed)
  }
}

try {
  for (const name of PUBLISHED) cpSync(join(root, name), join(copy, name), { recursive: true })
  textToModules(copy)
  symlinkSync(join(root, 'node_modules'), join(copy, 'node_modules'))
  writeFileSync(join(copy, 'deno.json'), JSON.stringify(CONFIG, null, 2))
  const deno = join(root, 'node_modules/.bin/deno')
  const argv = [deno, 'publish', '--no-lock', ...process.argv.slice(2)]
  process.exitCode = await Bun.spawn(argv, { cwd: copy, stdin: 'inherit', stdout: 'inherit', stderr: 'inherit' }).exited
} finally {
  rmSync(copy, { recursive: true, force: true })
}
