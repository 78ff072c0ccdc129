import { describe, expect, test } from 'bun:test'
import { existsSync, readFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import manifest from '../package.json' with { type: 'json' }

const ROOT = join(import.meta.dir, '..')

/** What the files of a folder may load at run time, beside their own folder. Types may come from anywhere. */
const ARROWS: Readonly<Record<string, readonly string[]>> = {
  'src/wire': ['src'],
  'src/fingerprint': ['src', 'src/wire'],
  'src/fingerprint/ja4t': ['src/wire'],
  'src/label': ['src', 'src/wire', 'src/fingerprint'],
  'src/capture-file': ['src', 'src/wire'],
  'src/connection': ['src', 'src/wire', 'src/fingerprint'],
  'src/output': ['src', 'src/wire', 'src/fingerprint', 'src/label'],
  'src/explain': ['src', 'src/wire', 'src/fingerprint', 'src/label'],
  'src/cgi': ['src', 'src/output'],
  'src/hono': ['src', 'src/connection', 'src/output', 'src/cgi'],
  ffi: ['src', 'src/wire'],
}
/** Folders that know everything below them, and load it on demand or compose it. */
const TOP = ['src/adapter', 'src/cli', 'src/demo', 'src/inspector', 'src/doctor', 'src/trusted-header']

const files = [...new Bun.Glob('{src,ffi}/**/*.{ts,tsx}').scanSync(ROOT)].sort()

/** Paths and packages that a file loads when it is evaluated. */
function imports(file: string): string[] {
  const text = readFileSync(join(ROOT, file), 'utf8')
  const found = text.matchAll(/^(?:import|export)\s+(?!type\b)([\s\S]*?)\s*from\s+'([^']+)'/gm)
  return [...found]
    .filter(([, names]) => !/^\{(\s*type\s[^,}]+,?)+\s*\}$/.test(names!))
    .map(([, , specifier]) =>
      specifier!.startsWith('.') ? relative(ROOT, join(ROOT, dirname(file), specifier!)) : specifier!,
    )
}

describe('imports', () => {
  for (const file of files) {
    const folder = dirname(file)
    const allowed = ARROWS[folder]
    if (allowed === undefined) {
      test(`${file} is in a folder that has its arrows`, () => {
        expect(['src', ...TOP].some((top) => folder === top || (top !== 'src' && folder.startsWith(`${top}/`)))).toBe(
          true,
        )
      })
      continue
    }
    test(`${file} follows the arrows`, () => {
      for (const target of imports(file)) {
        if (!/^(src|ffi)\b/.test(target)) continue
        expect([folder, ...allowed], `${file} imports ${target}`).toContain(dirname(target))
        expect(existsSync(join(ROOT, target)), `${file} imports ${target}`).toBe(true)
      }
    })
  }

  test('Hono is loaded by the folders that are there for it only', () => {
    const users = files.filter((file) => imports(file).some((target) => /^hono\b/.test(target)))
    for (const file of users) expect(file).toMatch(/^src\/(hono|demo|inspector)\//)
  })

  test('valibot stays out of wire, fingerprint and label', () => {
    const users = files.filter((file) => imports(file).includes('valibot'))
    for (const file of users) expect(file).not.toMatch(/^(ffi|src\/(wire|fingerprint|label|connection))\//)
  })

  test('the pure core loads no FFI, no adapter and no framework', () => {
    const seen = new Set<string>()
    const visit = (file: string): void => {
      if (seen.has(file)) return
      seen.add(file)
      for (const target of imports(file)) {
        if (/^(src|ffi)\b/.test(target)) visit(target)
        else expect(target, `${file} imports ${target}`).toBe('valibot')
      }
    }
    visit('src/index.ts')
    expect([...seen].filter((file) => /^(ffi|src\/(adapter|hono|cli|demo))\b/.test(file))).toEqual([])
  })

  test('nothing loads JA4T by itself', () => {
    for (const file of files) {
      if (file.startsWith('src/fingerprint/ja4t/')) continue
      expect(imports(file).filter((target) => target.includes('ja4t'))).toEqual([])
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
