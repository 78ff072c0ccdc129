import { describe, expect, test } from 'bun:test'
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import manifest from '../package.json' with { type: 'json' }
import { ENV_NAMES } from '../src/connection/env-names.ts'
import { dumpNames } from '../src/connection/facts.ts'
import { resolveOptions } from '../src/fingerprinter/options.ts'
import { needs, program } from './lab/privilege.ts'
import { temporaryDirectory } from './support/temporary.ts'

const ROOT = join(import.meta.dir, '..')
const read = (path: string): string => readFileSync(join(ROOT, path), 'utf8')
const README = read('README.md')

interface Block {
  readonly document: string
  readonly line: number
  readonly language: string
  readonly code: string
  /** The file that it shows. */
  readonly file: string | undefined
  /** The last lines of prose before it. */
  readonly before: string
}

/** Every block of code of the documents that people install by. */
const BLOCKS: readonly Block[] = ['README.md', 'src/GUIDE.md', 'src/LIMITS.md', 'test/examples/README.md'].flatMap(
  (document) => {
    const text = read(document)
    return [...text.matchAll(/^```(\w*)\n([\s\S]*?)^```$/gm)].map(({ index, 1: language, 2: code }) => {
      const before = text.slice(0, index)
      const line = before.split('\n').length
      const file = /`(test\/examples\/[^`]+)`\n+$/.exec(before)?.[1]
      return { document, line, language: language!, code: code!, file, before: before.slice(-900).split('```').at(-1)! }
    })
  },
)

/** The block that begins with a text. */
function block(start: string): Block {
  const found = BLOCKS.filter(({ code }) => code.startsWith(start))
  expect(found.length, start).toBe(1)
  return found[0]!
}

/** The text of every test, by its path. */
const TESTS = new Map(
  [...new Bun.Glob('**/*.ts').scanSync(import.meta.dir)].map((path) => [path, read(join('test', path))] as const),
)

/** What runs the blocks that show no file: where, and by which word of it. */
const RUN_BY: readonly (readonly [start: string | RegExp, test: string, word: string])[] = [
  [/^import [\s\S]*from 'tcpfingerprint/, 'readme.test.ts', 'DOCUMENTS'],
  ['bun add tcpfingerprint hono ', 'readme.test.ts', 'its first screen'],
  ['import express', 'readme.test.ts', 'the app for Node'],
  ['{"label":', 'readme.test.ts', 'the answer that it prints'],
  ['tcpfingerprint parse ', 'readme.test.ts', 'README, the command line'],
  ['npm install tcpfingerprint hono @hono', 'recipes.test.ts', 'what it installs'],
  ['[{"stack"', 'examples/examples.test.ts', 'The answer that the recipe prints'],
  ['openStore({ url', 'recipes.test.ts', 'several servers'],
  ['import { appendFile }', 'recipes.test.ts', 'appends lines of JSON'],
  ['/var/log/app/*.log', 'recipes.test.ts', 'logrotate'],
  ['fingerprint({\n  trustedHeader', 'recipes.test.ts', 'behind a proxy'],
  ['proxy_set_header X-Real-IP', 'proxy/edge-proxies.ts', "'nginx'"],
  ['http-request set-header X-Real-IP', 'proxy/edge-proxies.ts', "'haproxy'"],
  ['RequestHeader set X-Real-IP', 'proxy/edge-proxies.ts', "'apache'"],
  ['header_up X-Real-IP', 'proxy/edge-proxies.ts', "'caddyfile'"],
  ['[Unit]', 'readme.test.ts', 'systemd understands'],
  ['tcpfingerprint doctor', 'cli/doctor.test.ts', 'doctor'],
]

describe('every block of code', () => {
  for (const { document, line, language, code, file, before } of BLOCKS) {
    test(`${document}, line ${line}: is run by a test, or says why it is text`, () => {
      if (file !== undefined) {
        expect(read(file).trim()).toContain(code.trim())
        const name = file.replace('test/examples/', '')
        const start = `start('${name.replace('.ts', '')}'`
        const runsAll = name.endsWith('.mjs') ? 'examples/node-examples.test.ts' : undefined
        const users = [...TESTS].filter(
          ([path, text]) => path === runsAll || text.includes(start) || text.includes(name),
        )
        expect(users.map(([path]) => path).filter((path) => path.endsWith('.test.ts'))).not.toEqual([])
        return
      }
      if (/\(text: |\bText: /.test(before)) {
        if (language === 'yaml') expect(Bun.YAML.parse(code)).toBeObject()
        return
      }
      const runner = RUN_BY.find(([start]) => (typeof start === 'string' ? code.startsWith(start) : start.test(code)))
      expect(runner, 'nothing runs it').toBeDefined()
      expect(TESTS.get(runner![1])).toContain(runner![2])
    })
  }
})

/** Runs code that imports the package by its name. */
function run(code: string): string {
  using directory = temporaryDirectory(join(ROOT, 'test/.readme-'))
  const file = directory.file('recipe.ts')
  writeFileSync(file, code)
  const { stdout, stderr, exitCode } = Bun.spawnSync([process.execPath, file])
  expect(stderr.toString()).toBe('')
  expect(exitCode).toBe(0)
  return stdout.toString()
}

describe('recipes that are lines of an application', () => {
  test('one store for several servers: both lines are understood', () => {
    const { code } = block('openStore({ url')
    const lines = code
      .trim()
      .replace(/^openStore/gm, 'stores.push(openStore')
      .replace(/\)$/gm, '))')
    const out = run(
      `import { openStore } from 'tcpfingerprint/store'\nconst stores: { status(): { queued: number } }[] = []\n${lines}\nfor (const store of stores) console.log(store.status().queued)\nprocess.exit(0)\n`,
    )
    expect(out).toBe('0\n0\n')
  })

  test('a sink appends lines of JSON', () => {
    using directory = temporaryDirectory()
    const file = directory.file('connections.ndjson')
    const { code } = block('import { appendFile }')
    const batch = '{ observations: [{ cookie: "1" }, { cookie: "2" }] }'
    run(
      `const openStore = ({ sink }: { sink: (batch: { observations: object[] }) => Promise<void> }) => sink(${batch})\n${code.replace('/var/log/connections.ndjson', file)}`,
    )
    expect(readFileSync(file, 'utf8')).toBe('{"cookie":"1"}\n{"cookie":"2"}\n')
  })

  needs('linux').test('behind a proxy: the options are understood, with or without the capability', () => {
    const { code } = block('fingerprint({\n  trustedHeader')
    const out = run(
      `import { fingerprint } from 'tcpfingerprint/bun'\nconst middleware = ${code.trim().replace("'::1'] },", "'::1'] },\n  onError: () => {},")}\nconsole.log(typeof middleware.fingerprinter.status().packets)\nprocess.exit(0)\n`,
    )
    expect(out).toBe('object\n')
  })

  needs('logrotate').test('logrotate understands the lines for the logs', () => {
    using directory = temporaryDirectory()
    const { code } = block('/var/log/app/*.log')
    writeFileSync(directory.file('app.log'), 'a line\n')
    writeFileSync(directory.file('app.conf'), code.replace('/var/log/app/', `${directory.path}/`), { mode: 0o644 })
    const state = ['--state', directory.file('state')]
    const { exitCode, stderr } = Bun.spawnSync([program('logrotate'), '--debug', ...state, directory.file('app.conf')])
    expect(stderr.toString()).not.toMatch(/error/i)
    expect(stderr.toString()).toContain('(14 rotations)')
    expect(exitCode).toBe(0)
  })

  test('the guide names for Node what it installs', () => {
    const { code } = block('npm install tcpfingerprint hono @hono')
    const known = Object.keys({ ...manifest.peerDependencies, ...manifest.devDependencies, tcpfingerprint: '' })
    for (const [, names] of code.matchAll(/^npm install ([^#\n]+)/gm)) {
      for (const name of names!.trim().split(/\s+/)) expect(known).toContain(name)
    }
  })
})

describe('tables of the README', () => {
  const rows = (heading: string): string[] => {
    const start = README.indexOf(`\n${heading}\n`)
    const table = README.slice(start + heading.length + 2).split(/^#/m)[0]!
    return [...table.matchAll(/^\| (.+?) \|/gm)].flatMap(([, cell]) =>
      [...cell!.matchAll(/`(\w+)`/g)].map(([, name]) => name!),
    )
  }
  test('environment variables are those that are set', () => {
    const all = [...new Set([...ENV_NAMES, ...dumpNames()])]
    expect(rows('## Environment variables').sort()).toEqual(all.sort())
  })
  test('options are those of the middleware', () => {
    const source = read('src/fingerprinter/options.ts')
    const [, schema] = /fingerprintOptionsSchema = \(\) =>\n {2}v\.strictObject\(\{\n([\s\S]*?)\n {2}\}\)/.exec(source)!
    const names = [...schema!.matchAll(/^ {4}(\w+): v\./gm)].map(([, name]) => name!)
    expect(names).toContain('onError')
    expect(rows('### Options').sort()).toEqual(names.sort())
    const { syn, tcpInfo, resolve, deferAccept, maxConnections } = resolveOptions()
    for (const [name, value] of Object.entries({ syn, tcpInfo, resolve, deferAccept, maxConnections })) {
      const shown =
        typeof value === 'string' ? `\`'${value}'\`` : typeof value === 'boolean' ? `\`${value}\`` : `${value}`
      expect(README).toContain(`\n| \`${name}\` | ${shown} |`)
    }
  })
  test('context variables are those of a fingerprint', () => {
    const source = read('src/connection/fingerprint.ts')
    for (const name of rows('## Context variables')) expect(source, name).toMatch(new RegExp(`\\b${name}\\b`))
  })
})

test('no file of the examples is without a recipe or a place in the guide', () => {
  const documents = `${read('test/examples/README.md')}${read('src/GUIDE.md')}`
  for (const name of readdirSync(join(ROOT, 'test/examples'))) {
    if (/\.test\.ts$|^README/.test(name)) continue
    expect(existsSync(join(ROOT, 'test/examples', name))).toBe(true)
    if (name !== 'hello.ts') expect(documents).toContain(`\`test/examples/${name}\``)
  }
})
