import { describe, expect, test } from 'bun:test'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import manifest from '../package.json' with { type: 'json' }
import { REASON } from '../src/explain/missing.ts'
import { PROVENANCE } from '../src/explain/timing.ts'
import { USAGE } from '../src/explain/usage.ts'
import { benchmarks } from './bench/run.ts'
import { NODES, nodeProject, startNode } from './lab/nodes.ts'
import { needs } from './lab/privilege.ts'
import { DENO_ARGUMENTS } from './lab/runtimes.ts'
import { runtimePath } from './lab/server.ts'
import { recognisedTable } from './label/recognised.ts'
import { SYN } from './support/samples.ts'
import { temporaryDirectory } from './support/temporary.ts'

const ROOT = join(import.meta.dir, '..')
const README = readFileSync(join(ROOT, 'README.md'), 'utf8')
const RECIPES = readFileSync(join(ROOT, 'test/examples/README.md'), 'utf8')

/** Code blocks of a language, with the line they begin on. */
function blocks(
  language: string,
  document: string = README,
): { code: string; line: number; file: string | undefined }[] {
  return [...document.matchAll(new RegExp(`^\`\`\`${language}\\n([\\s\\S]*?)^\`\`\`$`, 'gm'))].map((match) => ({
    code: match[1]!,
    line: document.slice(0, match.index).split('\n').length,
    // A block under a file's name is that file; test/examples runs it.
    file: /`(test\/examples\/[^`]+)`\n$/.exec(document.slice(0, match.index))?.[1],
  }))
}

/** Runs a block inside the package, so that its imports find the package by its name, as they do where it is installed. */
async function run(
  code: string,
  use: (process: Bun.Subprocess<'ignore', 'pipe', 'pipe'>) => Promise<void>,
): Promise<void> {
  const { path: directory, remove } = temporaryDirectory(join(ROOT, 'test/.readme-'))
  const file = join(directory, 'example.ts')
  writeFileSync(file, code)
  const argv = [process.execPath, file]
  if (code.includes('tcpfingerprint/deno')) {
    // Deno finds the package by the compiled files only, which the checkout need not have, and listens on 8000 always.
    const listen = "{ port: 0, onListen: ({ port }) => console.log('http://localhost:' + port) }"
    const adapted = code
      .replace('tcpfingerprint/deno', '../../src/deno.ts')
      .replace('Deno.serve(', `Deno.serve(${listen}, `)
    writeFileSync(file, adapted)
    argv.splice(0, 1, runtimePath('deno'), 'run', ...DENO_ARGUMENTS)
  }
  const child = Bun.spawn(argv, {
    env: { ...process.env, PORT: '0', BUN_PORT: '0' },
    stdin: 'ignore',
    stdout: 'pipe',
    stderr: 'pipe',
  })
  try {
    await use(child)
  } finally {
    child.kill()
    await child.exited
    remove()
  }
}

async function urlOf(stream: ReadableStream<Uint8Array>): Promise<string> {
  let text = ''
  for await (const chunk of stream) {
    text += new TextDecoder().decode(chunk)
    const found = /http:\/\/(?:localhost|0\.0\.0\.0):\d+/.exec(text)
    if (found) return found[0]
  }
  throw new Error(`no server started: ${text}`)
}

/** The app's answer, as soon as it matches: a connection that comes before the listener was armed has no SYN. Else the last of many. */
async function answerOf(url: string, pattern: RegExp): Promise<string> {
  for (let left = 50; ; left--) {
    const text = await (await fetch(url, { headers: { connection: 'close' } })).text()
    if (left === 0 || pattern.test(text)) return text
    await Bun.sleep(100)
  }
}

/** What an answer has where the connection's SYN was captured. */
const CAPTURED = /"mss":\d+|FINGERPRINT_TCP_MSS=\d+/

/** The documents of the package with code that is whole. */
const DOCUMENTS = ['README.md', 'src/GUIDE.md']

for (const document of DOCUMENTS)
  needs('linux').describe(document, () => {
    for (const { code, line } of blocks('ts', readFileSync(join(ROOT, document), 'utf8'))) {
      if (/export default app|Deno\.serve\(app\.fetch\)/.test(code)) {
        test(`the app on line ${line} answers with what it knows of the connection`, async () => {
          await run(code, async ({ stdout }) => {
            const url = await urlOf(stdout)
            expect(await answerOf(url, CAPTURED)).toMatch(CAPTURED)
          })
        }, 30_000)
      } else if (/Bun\.serve/.test(code)) {
        test(`the server on line ${line} answers with what it knows of the connection`, async () => {
          await run(`${code}\nconsole.log('http://localhost:' + server.port)`, async ({ stdout }) => {
            const found = (await (await fetch(await urlOf(stdout))).json()) as { available: boolean; syn?: object }
            expect(found.available).toBe(true)
            expect(found.syn).toBeDefined()
          })
        }, 30_000)
      } else {
        test(`the example on line ${line} runs`, async () => {
          await run(code, async (child) => {
            const [out, err] = await Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text()])
            expect(err).toBe('')
            expect(await child.exited).toBe(0)
            expect(out).not.toBe('')
          })
        }, 30_000)
      }
    }
  })

const [node] = NODES.filter(({ reason }) => reason === undefined)
needs('linux', { reason: node === undefined ? NODES[0]!.reason : undefined }).test(
  'README: the app for Node answers, and prints the label',
  async () => {
    const code = blocks('js')[0]!.code.replace(
      'app.listen(3000)',
      "const server = app.listen(0, () => console.log('listening on port', server.address().port))",
    )
    writeFileSync(join(await nodeProject(), 'readme.mjs'), code)
    const server = await startNode(node!, undefined, {}, { script: 'readme.mjs' })
    try {
      const answer = JSON.parse(await answerOf(`http://127.0.0.1:${server.port}/`, CAPTURED))
      expect(answer).toEqual({ label: expect.stringMatching(/^Linux/), hops: 0, mss: 65495, rtt: expect.anything() })
      expect(server.stdout()).toContain(answer.label)
    } finally {
      await server.stop()
    }
  },
  30_000,
)

needs('linux').test(
  'README: the first app answers on Deno too, with the other entry and the permissions that it names',
  async () => {
    using directory = temporaryDirectory(join(ROOT, 'test/.readme-'))
    const file = directory.file('app.ts')
    writeFileSync(file, blocks('ts')[0]!.code.replace('tcpfingerprint/bun', '../../src/deno.ts'))
    const words = /# then: deno (serve --port) 3000 (.*) app\.ts/.exec(blocks('sh')[0]!.code)!
    const argv = [...`${words[1]} 0 ${words[2]}`.split(' '), '--no-lock', '--no-prompt', file]
    const child = Bun.spawn([runtimePath('deno'), ...argv], { stdin: 'ignore', stdout: 'ignore', stderr: 'pipe' })
    try {
      expect(await answerOf(await urlOf(child.stderr), CAPTURED)).toMatch(CAPTURED)
    } finally {
      child.kill()
      await child.exited
    }
  },
  30_000,
)

describe('README', () => {
  test('its first screen has an install line for each runtime, and it has room on one page', () => {
    expect(README.split('\n').length).toBeLessThan(251)
    const installs = blocks('sh')[0]!.code.trim().split('\n')
    const installed = installs.map((line) => line.replace(/ +#.*$/, ''))
    expect(installed).toEqual([USAGE.bun.install, USAGE.deno.install, 'npm install tcpfingerprint express koffi'])
    for (const line of installs) expect(line).toContain('# then: ')
  })
  test('its table of what is recognised is that of the database', () => {
    expect(README).toContain(recognisedTable())
  })
  test('each reason and each way to know a round trip has its row', () => {
    for (const name of [...Object.keys(REASON), ...Object.keys(PROVENANCE)]) expect(README).toContain(`| \`${name}\` |`)
  })
  test('the answer that it prints has the keys of its first example', () => {
    const answer = JSON.parse(blocks('json')[0]!.code)
    const code = blocks('ts')[0]!.code
    for (const key of Object.keys(answer)) expect(code).toContain(`${key}:`)
    expect(PROVENANCE).toHaveProperty(answer.rtt.provenance)
  })
})

describe('the apps of the page', () => {
  for (const runtime of ['bun', 'deno'] as const) {
    needs('linux').test(
      `${runtime} runs its five lines`,
      async () => {
        await run(USAGE[runtime].code, async ({ stdout }) => {
          const url = await urlOf(stdout)
          expect(await answerOf(url, /Linux/)).toContain('Linux')
        })
      },
      30_000,
    )
  }
})

describe('documents of the checkout', () => {
  // Bun 1.4.5 finds nothing by braces within braces.
  const documents = ['*.md', '{src,test}/**/*.md'].flatMap((pattern) => [...new Bun.Glob(pattern).scanSync(ROOT)])
  const scripts = Object.keys(manifest.scripts)
  const names = new Set(benchmarks().map(({ name }) => name))
  /** As hosts of repositories make them of headings. */
  const anchorsOf = (text: string): string[] =>
    [...text.matchAll(/^#+ (.+)$/gm)].map(([, heading]) =>
      heading!
        .toLowerCase()
        .replace(/[^\w\- ]/g, '')
        .replaceAll(' ', '-'),
    )

  test('are found', () => expect(documents.length).toBeGreaterThan(5))

  for (const document of documents) {
    const text = readFileSync(join(ROOT, document), 'utf8')
    const prose = text.replace(/^```[\s\S]*?^```$/gm, '')

    test(`${document}: links and their anchors lead somewhere`, () => {
      for (const [, target, anchor] of prose.matchAll(/\]\((?!https?:)([^)#]*)(?:#([^)]*))?\)/g)) {
        const file = target === '' ? join(ROOT, document) : join(ROOT, dirname(document), target!)
        expect(existsSync(file), target).toBe(true)
        if (anchor !== undefined) expect(anchorsOf(readFileSync(file, 'utf8'))).toContain(anchor)
      }
    })

    test(`${document}: every script, benchmark and path that it names is there`, () => {
      for (const [, script, , name] of text.matchAll(/\bnpm run ([\w:]+)( -- ([\w-]+))?/g)) {
        expect(scripts).toContain(script!)
        if (script === 'bench' && name !== undefined && name !== 'NAME') expect([...names]).toContain(name)
      }
      for (const [, path] of text.matchAll(/\b(?:bun|bash|sh) ((?:test|src|\.ci)\/?[\w./-]+)/g)) {
        expect(existsSync(join(ROOT, path!)), path).toBe(true)
      }
      for (const [, path] of prose.matchAll(/`((?:src|ffi|test|\.ci)\/[\w./-]*\w)`/g)) {
        if (!/\bNAME\b/.test(path!)) expect(existsSync(join(ROOT, path!)), path).toBe(true)
      }
    })
  }
})

describe('the recipes', () => {
  for (const language of ['ts', 'ini', 'haproxy']) {
    for (const { code, line, file } of blocks(language, RECIPES)) {
      if (file === undefined) continue
      test(`line ${line} is ${file}`, () => expect(readFileSync(join(ROOT, file), 'utf8')).toContain(code.trim()))
    }
  }
})

needs('linux', {
  reason:
    Bun.which('systemd-analyze') === null ? '"systemd-analyze" is not installed (Debian package systemd)' : undefined,
}).test('systemd understands every line of the unit', () => {
  const unit = blocks('ini', RECIPES).find(({ code }) => code.startsWith('[Unit]'))!.code
  using directory = temporaryDirectory()
  // The programs of the recipe need not be here.
  writeFileSync(directory.file('app.service'), unit.replace(/^ExecStart=.*$/m, 'ExecStart=/bin/true'))
  const { exitCode, stderr } = Bun.spawnSync(['systemd-analyze', 'verify', '--man=no', directory.file('app.service')])
  const about = stderr
    .toString()
    .split('\n')
    .filter((line) => line.includes('app.service'))
  expect(about).toEqual([])
  expect(exitCode).toBe(0)
})

describe('README, the command line', () => {
  for (const { code, line } of blocks('sh')) {
    for (const command of code.split('\n').filter((text) => text.startsWith('tcpfingerprint '))) {
      const words = command
        .replace(/\s+#.*$/, '')
        .split(/\s+/)
        .slice(1)
      // These need a machine, or run until they are ended.
      if (['serve', 'doctor', 'connections', 'watch'].includes(words[0]!)) continue
      test(`line ${line}: ${words.slice(0, 2).join(' ')} is understood`, () => {
        const from = words.indexOf('<')
        const stdin = from < 0 ? '' : `${SYN}\n`
        const given = (from < 0 ? words : words.slice(0, from)).map((word) =>
          word === 'HEX' ? '00'.repeat(104) : word,
        )
        const files = given.some((word) => /\.(pcapng|ndjson)$/.test(word))
        const child = Bun.spawnSync([process.execPath, join(ROOT, 'src/cli.ts'), ...given], {
          stdin: new TextEncoder().encode(stdin),
        })
        // A file that the README only names is not there: bad input, and no mistake in the use of the command.
        if (files) expect(child.stderr.toString() + child.stdout.toString()).toContain(given.at(-1)!)
        expect(child.exitCode, child.stderr.toString()).toBe(files ? 1 : 0)
      })
    }
  }
})
