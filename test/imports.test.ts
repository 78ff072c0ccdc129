import { describe, expect, test } from 'bun:test'
import { existsSync, readFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { ENTRIES as PACKAGE } from '../.ci/entries.ts'
import manifest from '../package.json' with { type: 'json' }
import { benchmarks } from './bench/run.ts'
import { PACKAGES } from './lab/privilege.ts'

const ROOT = join(import.meta.dir, '..')

/** The table of `src/README.md`: rooms and what they may import, types included. */
const MAP = readFileSync(join(ROOT, 'src/README.md'), 'utf8')
const ROWS = [...MAP.matchAll(/^\| `([^`]+)` \| [^|]+ \|([^|]*)\|$/gm)].map(
  ([, room, allowed]) => [room!, allowed!.match(/[\w./-]+/g) ?? []] as const,
)
const ARROWS: ReadonlyMap<string, readonly string[]> = new Map(ROWS)
/** Files beside the rooms: they compose. */
const ENTRIES = ['src/shared.ts', ...PACKAGE.map(({ source }) => source).filter((file) => dirname(file) === 'src')]

const files = [...new Bun.Glob('{src,ffi}/**/*.{ts,tsx}').scanSync(ROOT)].sort()
const transpilers = { ts: new Bun.Transpiler({ loader: 'ts' }), tsx: new Bun.Transpiler({ loader: 'tsx' }) }
const scanned = new Map<string, { readonly path: string; readonly kind: string }[]>()

/** Paths and packages that a file loads, when it is evaluated or, with `late`, when it is run. */
function imports(file: string, late = true): string[] {
  let found = scanned.get(file)
  if (found === undefined) {
    const source = readFileSync(join(ROOT, file), 'utf8').replace(/^#!.*/, '')
    found = transpilers[file.endsWith('.tsx') ? 'tsx' : 'ts'].scanImports(source)
    scanned.set(file, found)
  }
  return found
    .filter(({ kind }) => late || kind !== 'dynamic-import')
    .map(({ path }) => (path.startsWith('.') ? relative(ROOT, join(ROOT, dirname(file), path)) : path))
}

/** Every file and package that comes with a file. */
function reach(file: string, seen: Set<string> = new Set()): Set<string> {
  for (const target of imports(file, false)) {
    if (seen.has(target)) continue
    seen.add(target)
    if (/^(?:src|ffi)\/.*\.tsx?$/.test(target)) reach(target, seen)
  }
  return seen
}

/** Files that a file imports from, types included. */
function sources(file: string): string[] {
  const text = readFileSync(join(ROOT, file), 'utf8')
  const specifiers = text.matchAll(/(?:\bfrom|\bimport)\s*\(?\s*'(\.[^']+)'/g)
  return [...specifiers].map(([, path]) => relative(ROOT, join(ROOT, dirname(file), path!)))
}

describe('imports', () => {
  test('every room is in the map, and every room of the map is there', () => {
    const rooms = new Set(files.map((file) => dirname(file)).filter((room) => room !== 'src'))
    expect([...ARROWS.keys()].sort()).toEqual([...rooms].sort())
  })

  for (const file of files) {
    test(`${file} follows the arrows of src/README.md`, () => {
      const room = dirname(file)
      const isEntry = ENTRIES.includes(file)
      expect(room !== 'src' || isEntry, 'a file beside the rooms is an entry').toBe(true)
      const allowed = ARROWS.get(room) ?? ['everything']
      for (const target of sources(file)) {
        expect(existsSync(join(ROOT, target)), `${file} imports ${target}`).toBe(true)
        if (allowed.includes('everything')) continue
        expect([room, ...allowed], `${file} imports ${target}`).toContain(dirname(target))
      }
    })
  }

  test('no file is longer than 400 lines', () => {
    const lines = (file: string): number => readFileSync(join(ROOT, file), 'utf8').split('\n').length - 1
    expect(files.filter((file) => lines(file) > 400)).toEqual([])
  })

  test('the map allows nothing that no file needs', () => {
    const used = new Map<string, Set<string>>()
    for (const file of files) {
      const room = used.get(dirname(file)) ?? new Set()
      used.set(dirname(file), room)
      for (const target of sources(file)) room.add(dirname(target))
    }
    const unused = ROWS.flatMap(([room, allowed]) =>
      allowed.filter((one) => one !== 'everything' && !used.get(room)!.has(one)).map((one) => `${room}: ${one}`),
    )
    expect(unused).toEqual([])
  })

  test('no file comes back to itself, by types and late imports either', () => {
    const done = new Set<string>()
    const walk = (file: string, path: readonly string[]): void => {
      expect(path, `${[...path, file].join(' → ')}`).not.toContain(file)
      if (done.has(file) || !/\.tsx?$/.test(file)) return
      for (const target of sources(file)) walk(target, [...path, file])
      done.add(file)
    }
    for (const file of files) walk(file, [])
  })

  test('every way of importing is seen', () => {
    const source = `import './a.ts'\nimport type { B } from './b.ts'\nimport { type C } from './c.ts'\nexport * from './d.ts'
      import { e, type F } from './e.ts'\nexport const late = () => import('./g.ts'); console.log(e)`
    expect(transpilers.ts.scanImports(source).map(({ path }) => path)).toEqual(['./a.ts', './d.ts', './e.ts', './g.ts'])
  })

  test('Hono is loaded by files called hono.ts, the page and the demonstration', () => {
    const users = files.filter((file) => imports(file).some((target) => /^hono\b/.test(target)))
    for (const file of users) expect(file).toMatch(/^src\/(demo|inspector)\/|\/hono\.ts$/)
  })

  test('valibot stays out of wire, fingerprint, label, connection and ffi', () => {
    for (const file of files.filter((one) => /^(ffi|src\/(wire|fingerprint|label|connection))\//.test(one))) {
      expect([...reach(file)], file).not.toContain('valibot')
    }
  })

  test('the pure core loads no FFI, no runtime and no framework', () => {
    const seen = [...reach('src/index.ts')]
    expect(seen.filter((target) => !/^src\//.test(target) && target !== 'valibot')).toEqual([])
    expect(seen.filter((target) => /^(ffi|src\/(runtime|capture|fingerprinter|cli|demo))\b/.test(target))).toEqual([])
  })

  test('nothing loads JA4T by itself', () => {
    for (const file of files) {
      if (file.startsWith('src/ja4t/')) continue
      expect(imports(file, false).filter((target) => target.includes('ja4t'))).toEqual([])
    }
  })

  test('the store loads no driver, no engine and no framework, and nothing loads the store, by itself', () => {
    const seen = [...reach('src/store/index.ts')]
    expect(seen.filter((target) => !/^src\/.*\.ts$/.test(target))).toEqual(['valibot'])
    expect(seen.filter((target) => /sqlite|postgres|clickhouse/.test(target))).toEqual([])
    for (const entry of [
      'src/index.ts',
      'src/bun.ts',
      'src/deno.ts',
      'src/cli.ts',
      'src/cli/commands/serve.ts',
      'src/demo/server.ts',
    ]) {
      expect(
        [...reach(entry)].filter((target) => target.includes('store/')),
        entry,
      ).toEqual([])
    }
  })

  test('importing an entry point has no effect: nothing is printed, opened or armed', () => {
    for (const entry of ['src/index.ts', 'src/bun.ts', 'src/store/index.ts']) {
      const script = `
        const before = require('node:fs').readdirSync('/proc/self/fd').length
        const names = Object.getOwnPropertyNames(globalThis).length + Object.getOwnPropertySymbols(globalThis).length
        await import(${JSON.stringify(join(ROOT, entry))})
        const after = require('node:fs').readdirSync('/proc/self/fd').length
        console.log(after - before, Object.getOwnPropertyNames(globalThis).length + Object.getOwnPropertySymbols(globalThis).length - names)`
      const { stdout, stderr } = Bun.spawnSync([process.execPath, '-e', script])
      expect(stdout.toString().trim(), stderr.toString()).toBe('0 0')
    }
  })
})

describe('package.json', () => {
  test('every entry has its source, and every declaration lies beside its code', () => {
    for (const { source } of PACKAGE) expect(existsSync(join(ROOT, source)), source).toBe(true)
    for (const target of Object.values(manifest.exports)) {
      if (typeof target !== 'string') expect(target.types).toBe(target.default.replace(/\.js$/, '.d.ts'))
    }
  })

  test('homepage, repository and bugs belong together: sh .ci/repository sets them', () => {
    const { homepage, repository, bugs } = manifest
    const url = homepage.replace('#readme', '')
    expect({ repository, bugs }).toEqual({
      repository: { type: 'git', url: `git+${url}.git` },
      bugs: { url: `${url}/issues`, email: expect.stringMatching(/^[^@\s]+@[^@\s]+$/) },
    })
    // The contact stands nowhere else.
    const readme = readFileSync(join(ROOT, 'README.md'), 'utf8')
    expect(readme).toContain('to `bugs.email` of [package.json](package.json)')
    expect(readme).not.toContain(bugs.email)
  })

  test('the lockfile names no registry host', () => {
    const lock = readFileSync(join(ROOT, 'package-lock.json'), 'utf8')
    expect(lock).not.toMatch(/"resolved"/)
  })

  test('the lockfile has the builds of every platform, without which npm ci refuses it', async () => {
    const lock = (await Bun.file(join(ROOT, 'package-lock.json')).json()) as {
      packages: Record<string, { optionalDependencies?: Record<string, string> }>
    }
    for (const [path, { optionalDependencies = {} }] of Object.entries(lock.packages)) {
      for (const name of Object.keys(optionalDependencies)) {
        const found = lock.packages[`node_modules/${name}`] ?? lock.packages[`${path}/node_modules/${name}`]
        expect(found, `${name} of ${path}`).toBeDefined()
      }
    }
  })
})

describe('.ci/run', () => {
  test('installs the packages of every program that tests ask for', () => {
    const listed = /programs=\(([^)]*)\)/
      .exec(readFileSync(join(ROOT, '.ci/run'), 'utf8'))![1]!
      .trim()
      .split(/\s+/)
    expect(listed).toEqual([...new Set(listed)].sort())
    for (const name of PACKAGES) expect(listed).toContain(name)
  })
})

describe('test/bench', () => {
  test('every row is a script, and every script that says how it is run has a row', () => {
    const scripts = benchmarks().map(({ script }) => script)
    expect(scripts.length).toBeGreaterThan(5)
    for (const script of scripts) expect(existsSync(join(ROOT, 'test/bench', script)), script).toBe(true)
    const parts = /-(server|client|server-deno|apps|file|protocols)\.ts$|^(load|measured|pairs|run|turns)\.ts$/
    const all = [...new Bun.Glob('*.ts').scanSync(join(ROOT, 'test/bench'))].filter((file) => !parts.test(file))
    expect(all.sort()).toEqual(scripts.sort())
  })
})
