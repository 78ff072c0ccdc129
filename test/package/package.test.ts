import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { existsSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import manifest from '../../package.json' with { type: 'json' }
import { needs } from '../lab/privilege.ts'
import { connectKernel } from '../lab/raw-client.ts'
import { RUNTIMES } from '../lab/runtimes.ts'
import { ROOT, runtimePath, startServer } from '../lab/server.ts'
import { openBrowser } from '../support/browser.ts'
import { SYN } from '../support/samples.ts'
import { temporaryDirectory } from '../support/temporary.ts'
import { until } from '../support/wait.ts'
import { type Packed, pack, run } from './packed.ts'

const MUONFP = '64240:2-4-8-1-3:1460:7'
const bin = (name: string): string => join(ROOT, 'node_modules/.bin', name)

/** Everything of the pure core once; prints one line. */
const CORE = `
import { compileLogFormat, defaultDatabase, fingerprints, match, parseSyn, safeParseSyn, toAttributes, toEnv, toHeaders } from 'tcpfingerprint'

const syn = parseSyn('${SYN}')
const strings = fingerprints(syn)
const label = match(defaultDatabase(), syn)
const found = { available: true, source: 'header', syn, fingerprints: strings, label, timing: {} } as never
const env = toEnv(found)
const line = [strings.muonfp, env.FINGERPRINT_TCP_MSS, toAttributes(found)['tcp.syn.ttl'], toHeaders(found)['x-tcp-syn'] === '${SYN}', safeParseSyn('00').ok, typeof compileLogFormat('%h %{FINGERPRINT_TCP_RTT}g')].join(' ')
console.log(line)
`
const CORE_SAYS = `${MUONFP} 1460 57 true false function`
/** Says 'apart' when the store's thread, which gets the text of two functions of the bundle, has the file open. */
const STORE = `
import process from 'node:process'
import { openStore } from 'tcpfingerprint/store'

const threads: any = process.getBuiltinModule('node:worker_threads')
const opened = new Promise((resolve) => {
  threads.Worker = class extends threads.Worker {
    constructor(...rest: any[]) {
      super(...rest)
      this.once('message', () => resolve('apart'))
      this.once('exit', () => resolve('ended'))
    }
  }
})
const store = openStore({ url: 'sqlite:seen.sqlite' })
await store.ready()
const where = await opened
console.log(JSON.stringify(await store.hosts('192.0.2.1')), store.status().queued, where)
await store.close()
`
/** Every entry, with types that must be right. */
const TYPES = `
import type { Context } from 'hono'
import { Hono } from 'hono'
import { parseSyn, type Syn } from 'tcpfingerprint'
import * as onBun from 'tcpfingerprint/bun'
import * as onDeno from 'tcpfingerprint/deno'
import { ja4t } from 'tcpfingerprint/ja4t'
import { openStore, type HostRow } from 'tcpfingerprint/store'

export const syn: Syn = parseSyn('${SYN}')
export const text: string = ja4t(syn)
export const mss: number | undefined = syn.tcp.mss
// @ts-expect-error there is no such field
syn.tcp.maximum
export const app = new Hono()
  .use(onBun.accessLog(), onBun.fingerprint({ tcpInfo: 'off' }))
  .get('/', (c) => c.json({ mss: c.var.fingerprint.syn?.tcp.mss, env: c.var.fingerprintEnv.FINGERPRINT_SOURCE }))
export const other = new Hono().use(onDeno.fingerprint({ skip: (c: Context) => c.req.path === '/' }))
// @ts-expect-error there is no such option
onDeno.createFingerprinter({ tcpinfo: 'off' })
const store = openStore({ url: 'sqlite::memory:', retention: { daily: '1 year' } })
export const hosts: Promise<HostRow[]> = store.hosts('192.0.2.1', { days: 7 })
app.use(store.record({ account: (c) => c.get('user')?.id }))
// @ts-expect-error there is no such option
openStore({ uri: 'sqlite::memory:' })
export const status: onBun.Status = onBun.createFingerprinter().status()
`
/** Of 8 kB, which the package does not have. */
const RECIPES = 'test/examples/README.md'
const TSCONFIG = JSON.stringify({
  compilerOptions: {
    module: 'NodeNext',
    target: 'ES2022',
    lib: ['ES2022', 'DOM', 'DOM.Iterable'],
    types: [],
    strict: true,
    exactOptionalPropertyTypes: true,
    skipLibCheck: false,
    noEmit: true,
  },
  files: ['types.ts'],
})
const server = (runtime: 'bun' | 'deno'): string => `
import { Hono } from 'hono'
import { fingerprint } from 'tcpfingerprint/${runtime}'

const middleware = fingerprint()
const app = new Hono().use(middleware).get('/json', (c) => c.json(c.var.fingerprint))
const server = ${
  runtime === 'bun'
    ? "Bun.serve({ hostname: '127.0.0.1', port: 0, fetch: app.fetch })"
    : "Deno.serve({ hostname: '127.0.0.1', port: 0, onListen: () => {} }, app.fetch)"
}
middleware.fingerprinter.arm(server)
console.log('listening on port ' + ${runtime === 'bun' ? 'server.port' : 'server.addr.port'})
`

describe('the packed package', () => {
  let packed: Packed
  let project: string
  beforeAll(async () => {
    packed = await pack()
    project = await packed.project('project', {
      'core.ts': CORE,
      'core.mjs': CORE.replace(' as never', ''),
      'types.ts': TYPES,
      'store.ts': STORE,
      'tsconfig.json': TSCONFIG,
      'server-bun.ts': server('bun'),
      'server-deno.ts': server('deno'),
    })
  }, 120_000)
  afterAll(() => packed?.remove())

  test('is at most 260 kB', () => {
    expect(statSync(packed.tarball).size).toBeLessThanOrEqual(260_000)
  })

  test('has what package.json names, the licences, and nothing else', () => {
    const paths = (value: unknown): string[] =>
      typeof value === 'string' ? [value] : Object.values(value as object).flatMap(paths)
    for (const path of [...paths(manifest.exports), ...paths(manifest.bin)]) {
      expect(packed.files).toContain(path.replace(/^\.\//, ''))
    }
    for (const file of ['LICENSE', 'README.md', 'CHANGELOG.md', 'dist/ja4t/LICENSE', 'dist/ja4t/NOTICE']) {
      expect(packed.files).toContain(file)
    }
    const known = /^(dist\/.+(\.js|\.d\.ts|\/LICENSE|\/NOTICE)|[\w.]+|src\/(GUIDE|LIMITS)\.md)$/
    expect(packed.files.filter((file) => !known.test(file))).toEqual([])
    expect(packed.files.filter((file) => /\.test\.ts$/.test(file))).toEqual([])
  })

  test('links of its documents lead to files that it has, or to the recipes of the repository', () => {
    const documents = packed.files.filter((file) => file.endsWith('.md'))
    expect(documents).toContain('src/GUIDE.md')
    expect(existsSync(join(ROOT, RECIPES))).toBe(true)
    for (const document of documents) {
      const text = readFileSync(join(project, 'node_modules/tcpfingerprint', document), 'utf8')
      // Pictures are too large for the package.
      for (const [, target] of text.matchAll(/(?<!!\[[^\]]*)\]\((?!https?:|#)([^)#]+)(?:#[^)]*)?\)/g)) {
        const file = join(dirname(document), target!)
        if (file !== RECIPES) expect(packed.files, `${document}: ${target}`).toContain(file)
      }
    }
  })

  test('declarations keep whole doc comments, of entries and of what they export', () => {
    const of = (file: string): string => readFileSync(join(project, 'node_modules/tcpfingerprint/dist', file), 'utf8')
    for (const entry of ['index', 'bun', 'deno', 'ja4t/index', 'store/index'])
      expect(of(`${entry}.d.ts`)).toMatch(/^\/\*\*[\s\S]*@module/)
    const all = packed.files.filter((file) => file.endsWith('.d.ts')).map((file) => of(file.replace('dist/', '')))
    for (const tag of ['@throws', '@example', '@param', '@see']) expect(all.join('')).toContain(tag)
  })

  test('publint finds nothing', async () => {
    const { code, stdout, stderr } = await run([bin('publint'), 'run', packed.tarball, '--strict'], ROOT)
    expect(code, stdout + stderr).toBe(0)
    expect(stdout).toContain('All good')
  }, 60_000)

  test('attw finds nothing: types for every entry', async () => {
    const argv = [bin('attw'), packed.tarball, '--profile', 'esm-only', '--format', 'json']
    const { code, stdout, stderr } = await run(argv, ROOT)
    expect(code, stdout.slice(0, 3000) + stderr).toBe(0)
    // Resolution of before exports, and require() of an ES module, are what "ESM only" means.
    const problems = Object.values(JSON.parse(stdout).problems as Record<string, { resolutionKind: string }[]>).flat()
    expect(problems.filter((one) => !['node10', 'node16-cjs'].includes(one.resolutionKind))).toEqual([])
  }, 60_000)

  test('type-checks in an empty project, declarations included', async () => {
    const { code, stdout, stderr } = await run([bin('tsc'), '-p', '.'], project)
    expect(code, stdout + stderr).toBe(0)
  }, 60_000)

  test('type-checks in an empty Deno project', async () => {
    const { code, stdout, stderr } = await run(
      [runtimePath('deno'), 'check', '--no-lock', 'types.ts', 'core.ts', 'server-deno.ts'],
      project,
    )
    expect(code, stdout + stderr).toBe(0)
  }, 120_000)

  for (const [name, argv] of [
    ['Node', ['node', 'core.mjs']],
    ['Bun', [process.execPath, 'core.ts']],
    ['Deno without any permission', [runtimePath('deno'), 'run', '--no-lock', '--no-prompt', 'core.ts']],
  ] as const) {
    test(`the pure core runs under ${name}`, async () => {
      const { code, stdout, stderr } = await run(argv, project)
      expect(stdout.trim(), stderr).toBe(CORE_SAYS)
      expect(code).toBe(0)
    }, 60_000)
  }

  for (const [name, argv] of [
    ['Node', ['node']],
    ['Bun', [process.execPath]],
    ['Deno', [runtimePath('deno'), 'run', '--no-lock', '--no-prompt', '--allow-read', '--allow-env']],
  ] as const) {
    test(`the command runs under ${name}`, async () => {
      const command = [...argv, join(project, 'node_modules/tcpfingerprint/dist/cli.js')]
      const { code, stdout, stderr } = await run([...command, 'parse', '--json', SYN], project)
      expect(JSON.parse(stdout || `"${stderr}"`).fingerprints.muonfp).toBe(MUONFP)
      expect(code).toBe(0)
      expect((await run([...command, '--version'], project)).stdout).toContain(manifest.version)
      expect((await run([...command, 'parse', '--json', 'zz'], project)).code).toBe(1)
    }, 60_000)
  }

  for (const [name, argv] of [
    ['Bun', [process.execPath]],
    ['Deno', [runtimePath('deno'), 'run', '--no-lock', '--no-prompt', '--allow-read', '--allow-write']],
  ] as const) {
    test(`the store opens under ${name}`, async () => {
      const { code, stdout, stderr } = await run([...argv, 'store.ts'], project)
      expect(stdout.trim(), stderr).toBe('[] 0 apart')
      expect(code).toBe(0)
      rmSync(join(project, 'seen.sqlite'))
    }, 60_000)
  }

  for (const runtime of RUNTIMES) {
    test(`the command serves every page under ${runtime}, with no name that is not there`, async () => {
      const script = join(project, 'node_modules/tcpfingerprint/dist/cli.js')
      const argv = ['serve', '--port', '0', '--live', '--store', 'sqlite::memory:']
      await using server = await startServer(undefined, script, {}, { runtime, arguments: argv })
      await until('the links', () => server.stdout().includes('a terminal:'))
      const url = `http://127.0.0.1:${server.port}/`
      const links = server.stdout().match(/http\S+&token=\w+/g) ?? []
      expect(links).toHaveLength(2)
      for (const [page, status] of [
        [url, 200],
        [`${url}?decode`, 200],
        [`${url}?decode=${SYN}`, 200],
        [`${url}?decode=zz`, 400],
        ...links.map((link) => [link, 200] as const),
      ] as const) {
        const answer = await fetch(page, { headers: { accept: 'text/html' } })
        expect([page, answer.status]).toEqual([page, status])
        expect(await answer.text()).toEndWith('</html>')
      }
      expect(await (await fetch(url, { headers: { accept: 'text/plain' } })).text()).toContain('SYN from 127.0.0.1')
      expect(server.stderr()).toBe('')
    }, 60_000)
  }

  test('serve without Hono says what installs it, for the runtime it runs on', async () => {
    const bare = await packed.project('bare', {})
    rmSync(join(bare, 'node_modules/hono'), { recursive: true })
    const script = join(bare, 'node_modules/tcpfingerprint/dist/cli.js')
    for (const [argv, installs] of [
      [[process.execPath], 'bun add tcpfingerprint hono'],
      [[runtimePath('deno'), 'run', '-A', '--no-lock'], 'deno add npm:tcpfingerprint npm:hono'],
      [[Bun.which('node')!], 'npm install tcpfingerprint @hono/node-server koffi'],
    ] as const) {
      // Without Bun and Deno on the PATH, which Node would hand over to.
      const { code, stderr } = await run([...argv, script, 'serve', '--port', '0'], bare, { PATH: '' })
      expect(stderr).toBe(
        `tcpfingerprint: Cannot serve without Hono: "${installs}" in this folder, then the same again\n`,
      )
      expect(code).toBe(1)
    }
  }, 60_000)

  test('the command is installed under its name', async () => {
    const command = join(project, 'node_modules/.bin/tcpfingerprint')
    const { stdout, code } = await run([command, 'parse', '--json', '-'], project, {}, `${SYN}\n`)
    expect(JSON.parse(stdout).fingerprints.muonfp).toBe(MUONFP)
    expect(code).toBe(0)
  })

  describe('doctor finds a runtime that can capture', () => {
    const path = { node: Bun.which('node')!, bun: process.execPath, deno: runtimePath('deno') }
    type Name = keyof typeof path
    const shim: readonly string[] = ['node_modules/.bin/tcpfingerprint']
    for (const [how, command, installed, found] of [
      ['npx', shim, ['node', 'bun'], 'Bun'],
      ['npx', shim, ['node', 'deno'], 'Deno'],
      ['npx', shim, ['node', 'bun', 'deno'], 'Bun'],
      ['npx', shim, ['node'], 'Node'],
      ['bunx', ['bun', 'x', 'tcpfingerprint'], ['bun'], 'Bun'],
      ['bunx', ['bun', 'x', 'tcpfingerprint'], ['bun', 'node'], 'Bun'],
    ] as [string, readonly string[], readonly Name[], string][]) {
      needs('linux').test(`${how} where PATH has ${installed.join(' and ')}: ${found}`, async () => {
        using directory = temporaryDirectory()
        for (const name of installed) symlinkSync(path[name], directory.file(name))
        const argv = command.map((word) => (word === 'bun' ? directory.file('bun') : word))
        // npm, which runs the tests, names its Node in the environment, and bunx believes it.
        const env = { PATH: directory.path, NODE: '', npm_node_execpath: '' }
        const { stdout, stderr } = await run([...argv, 'doctor', '--json'], project, env)
        expect(stdout, stderr).toStartWith('{')
        const { checks } = JSON.parse(stdout) as { checks: { name: string; found: string }[] }
        expect(checks.find(({ name }) => name === 'runtime')?.found).toStartWith(`${found} `)
      })
    }
  })

  for (const runtime of ['bun', 'deno'] as const) {
    needs('linux').test(
      `serves under ${runtime}`,
      async () => {
        const started = await startServer(
          undefined,
          join(project, `server-${runtime}.ts`),
          {},
          {
            runtime,
            runtimeArguments:
              runtime === 'deno' ? ['run', '--no-lock', '--no-prompt', '--allow-net', '--allow-ffi'] : [],
          },
        )
        try {
          const client = await connectKernel({ destination: { address: '127.0.0.1', port: started.port }, mss: 1077 })
          const body = (await client.request('GET /json HTTP/1.1\r\nHost: x\r\n\r\n')).json()
          client.close()
          expect(body).toMatchObject({ available: true, source: 'kernel', syn: { tcp: { mss: 1077 } } })
        } finally {
          await started.stop()
        }
      },
      60_000,
    )
  }

  test('importing opens no library: Deno needs no permission, Bun does not load bun:ffi', async () => {
    const script = `
      let loaded = 0
      const { getBuiltinModule } = process
      process.getBuiltinModule = (name) => { if (name === 'bun:ffi') loaded++; return getBuiltinModule(name) }
      for (const entry of ['', '/bun', '/deno', '/ja4t']) await import('tcpfingerprint' + entry)
      console.log(loaded)`
    const onBun = await run([process.execPath, '-e', script], project)
    expect(onBun.stdout.trim(), onBun.stderr).toBe('0')
    const denied = [
      runtimePath('deno'),
      'eval',
      '--no-lock',
      `
      const open = Deno.dlopen
      Deno.dlopen = (...all) => { console.log('opened'); return open(...all) }
      await import('tcpfingerprint'); await import('tcpfingerprint/deno'); await import('tcpfingerprint/bun'); console.log('imported')`,
    ]
    const onDeno = await run(denied, project)
    expect(onDeno.stdout.trim(), onDeno.stderr).toBe('imported')
  }, 60_000)

  test('needs nothing that package.json does not name', () => {
    const { dependencies = {}, peerDependencies } = manifest as typeof manifest & { readonly dependencies?: object }
    const named = [...Object.keys(dependencies), ...Object.keys(peerDependencies)]
    const needed = new Set<string>()
    const transpiler = new Bun.Transpiler({ loader: 'js' })
    for (const file of packed.files.filter((one) => one.endsWith('.js'))) {
      const text = readFileSync(join(project, 'node_modules/tcpfingerprint', file), 'utf8')
      for (const { path } of transpiler.scanImports(text.replace(/^#!.*/, ''))) {
        if (!/^(\.|node:|bun:)/.test(path)) needed.add(/^(?:@[^/]+\/)?[^/]+/.exec(path)![0])
      }
    }
    expect(named).toEqual(expect.arrayContaining([...needed]))
    expect(Object.keys(dependencies).filter((name) => !needed.has(name))).toEqual([])
  })

  test('the core loads neither Hono nor JA4T', () => {
    const seen = new Set<string>()
    const visit = (file: string): void => {
      if (seen.has(file)) return
      seen.add(file)
      const text = readFileSync(file, 'utf8')
      expect(text).not.toMatch(/FoxIO/)
      for (const [, specifier] of text.matchAll(/(?:from|import)\s*"([^"]+)"/g)) {
        if (specifier!.startsWith('.')) visit(join(file, '..', specifier!))
        else expect(specifier).not.toMatch(/^hono|^bun/)
      }
    }
    visit(join(project, 'node_modules/tcpfingerprint/dist/index.js'))
    expect(seen.size).toBeGreaterThan(1)
  })

  test('bundlers keep an import for its effect of the entry for Node, and of no other', async () => {
    for (const entry of ['', '/bun', '/deno', '/node', '/ja4t']) {
      writeFileSync(join(project, 'effect.js'), `import 'tcpfingerprint${entry}'\n`)
      const { code, stdout, stderr } = await run([process.execPath, 'build', '--target', 'node', 'effect.js'], project)
      expect(code, stderr).toBe(0)
      expect(stdout.includes('net.server.socket'), entry).toBe(entry === '/node')
      if (entry !== '/node') expect(stdout.replace(/^\/\/.*$/gm, '').trim(), entry).toBe('')
    }
  }, 60_000)

  needs('chromium').test(
    'the core runs in a browser, bundled with bun build --target browser',
    async () => {
      const bundled = await run(
        [process.execPath, 'build', '--target', 'browser', '--outdir', 'out', 'core.ts'],
        project,
      )
      expect(bundled.code, bundled.stderr).toBe(0)
      const text = readFileSync(join(project, 'out/core.js'), 'utf8')
      expect(text).not.toMatch(/node:|bun:ffi|Deno\.dlopen/)
      await using browser = await openBrowser()
      const { page, complaints } = await browser.open()
      const said: string[] = []
      page.on('console', (message) => said.push(message.text()))
      await page.addScriptTag({ content: text, type: 'module' })
      for (let i = 0; i < 100 && said.length === 0; i++) await Bun.sleep(20)
      expect(said).toEqual([CORE_SAYS])
      expect(complaints).toEqual([])
    },
    60_000,
  )

  test('dist is not in the checkout for good', () => {
    expect(readFileSync(join(ROOT, '.gitignore'), 'utf8')).toMatch(/^dist\/$/m)
    expect(existsSync(join(ROOT, `tcpfingerprint-${manifest.version}.tgz`))).toBe(false)
  })
})
