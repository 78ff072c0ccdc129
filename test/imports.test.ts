import { describe, expect, test } from 'bun:test'
import { existsSync, readFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import manifest from '../package.json' with { type: 'json' }

const ROOT = join(import.meta.dir, '..')

/** What the files of a folder may load at run time, beside their own folder. Types may come from anywhere. */
const ARROWS: Readonly<Record<string, readonly string[]>> = {
  'src/wire': ['src/bytes.ts', 'src/errors.ts'],
  'src/fingerprint': ['src/bytes.ts', 'src/wire'],
  'src/fingerprint/ja4t': ['src/wire'],
  'src/label': ['src/bytes.ts', 'src/errors.ts', 'src/wire', 'src/fingerprint'],
  'src/capture-file': ['src/bytes.ts', 'src/errors.ts', 'src/wire'],
  'src/connection': ['src/bytes.ts', 'src/wire', 'src/fingerprint'],
  'src/output': ['src/bytes.ts', 'src/check-options.ts', 'src/errors.ts', 'src/wire', 'src/fingerprint', 'src/label'],
  'src/trusted-header': ['src/bytes.ts', 'src/check-options.ts', 'src/connection', 'src/wire', 'src/fingerprint'],
  'src/explain': ['src/bytes.ts', 'src/errors.ts', 'src/wire', 'src/fingerprint', 'src/label'],
  'src/cgi': ['src/check-options.ts', 'src/output'],
  'src/hono': ['src/bytes.ts', 'src/check-options.ts', 'src/connection', 'src/output', 'src/cgi'],
  ffi: ['src/errors.ts', 'src/wire'],
}
/** What the files beside the folders may load. */
const BESIDE: Readonly<Record<string, readonly string[]>> = {
  'src/bytes.ts': [],
  'src/errors.ts': [],
  'src/check-options.ts': [],
  'src/options.ts': ['src/check-options.ts', 'src/label', 'src/trusted-header'],
  'src/index.ts': ['src/bytes.ts', 'src/errors.ts', 'src/wire', 'src/fingerprint', 'src/label', 'src/output'],
  'src/cli.ts': ['src/cli'],
}
/** Folders that know everything below them, and load it on demand or compose it. */
const TOP = ['src/adapter', 'src/cli', 'src/demo', 'src/inspector', 'src/doctor']

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
    if (/^(src|ffi)\//.test(target)) reach(target, seen)
  }
  return seen
}

describe('imports', () => {
  for (const file of files) {
    const folder = dirname(file)
    const allowed = BESIDE[file] ?? ARROWS[folder]
    if (allowed === undefined) {
      test(`${file} is in a folder that has its arrows`, () => {
        expect(TOP.some((top) => folder === top || folder.startsWith(`${top}/`))).toBe(true)
      })
      continue
    }
    test(`${file} follows the arrows`, () => {
      for (const target of imports(file)) {
        if (!/^(src|ffi)\//.test(target)) continue
        const isAllowed = [folder, ...allowed].some(
          (one) => one === target || (one !== 'src' && one === dirname(target)),
        )
        expect(isAllowed, `${file} imports ${target}`).toBe(true)
        expect(existsSync(join(ROOT, target)), `${file} imports ${target}`).toBe(true)
      }
    })
  }

  test('every way of importing is seen', () => {
    const source = `import './a.ts'\nimport type { B } from './b.ts'\nimport { type C } from './c.ts'\nexport * from './d.ts'
      import { e, type F } from './e.ts'\nexport const late = () => import('./g.ts'); console.log(e)`
    expect(transpilers.ts.scanImports(source).map(({ path }) => path)).toEqual(['./a.ts', './d.ts', './e.ts', './g.ts'])
  })

  test('Hono is loaded by the folders that are there for it only', () => {
    const users = files.filter((file) => imports(file).some((target) => /^hono\b/.test(target)))
    for (const file of users) expect(file).toMatch(/^src\/(hono|demo|inspector)\//)
  })

  test('valibot stays out of wire, fingerprint, label, connection and ffi', () => {
    for (const file of files.filter((one) => /^(ffi|src\/(wire|fingerprint|label|connection))\//.test(one))) {
      expect([...reach(file)], file).not.toContain('valibot')
    }
  })

  test('the pure core loads no FFI, no adapter and no framework', () => {
    const seen = [...reach('src/index.ts')]
    expect(seen.filter((target) => !/^src\//.test(target) && target !== 'valibot')).toEqual([])
    expect(seen.filter((target) => /^(ffi|src\/(adapter|hono|cli|demo))\b/.test(target))).toEqual([])
  })

  test('nothing loads JA4T by itself', () => {
    for (const file of files) {
      if (file.startsWith('src/fingerprint/ja4t/')) continue
      expect(imports(file, false).filter((target) => target.includes('ja4t'))).toEqual([])
    }
  })

  test('importing an entry point has no effect: nothing is printed, opened or armed', () => {
    for (const entry of ['src/index.ts', 'src/adapter/bun.ts']) {
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
  test('every export is there', async () => {
    const paths = (value: unknown): string[] =>
      typeof value === 'string' ? [value] : Object.values(value as Record<string, unknown>).flatMap(paths)
    for (const path of paths(manifest.exports).filter((one) => !one.startsWith('./dist/')))
      expect(existsSync(join(ROOT, path)), path).toBe(true)
  })

  test('the lockfile names no registry host', () => {
    const lock = readFileSync(join(ROOT, 'package-lock.json'), 'utf8')
    expect(lock).not.toMatch(/"resolved"/)
  })
})
