import { expect, test } from 'bun:test'
import { cpSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import type { Finding } from '../../src/doctor/finding.ts'
import { NODES, nodeProject, startNode } from '../lab/nodes.ts'
import { needs } from '../lab/privilege.ts'
import { connectKernel } from '../lab/raw-client.ts'
import { ROOT, startServer } from '../lab/server.ts'
import { temporaryDirectory } from '../support/temporary.ts'

interface Answer {
  readonly available: boolean
  readonly reason?: string
  readonly syn?: { readonly tcp: { readonly mss: number } }
  readonly told: readonly string[]
}

const COMMAND = 'node_modules/tcpfingerprint/dist/cli.js'

/** A request of a connection with this MSS: the status line and fields, and the body. */
async function get(port: number, path: string, mss: number, fields = ''): Promise<{ head: string; body: string }> {
  const client = await connectKernel({ destination: { address: '127.0.0.1', port }, mss })
  const answer = await client.request(`GET ${path} HTTP/1.1\r\nHost: node\r\n${fields}\r\n`)
  client.close()
  return { head: `${answer.status}`, body: answer.text() }
}

/** What the doctor says of its test connections. */
const connectionChecks = (text: string): Finding[] =>
  (JSON.parse(text.split('\n')[0]!).checks as Finding[]).filter(({ name }) => /^ipv[46]$/.test(name))
const WITHOUT_LIBC = (reason: string): Finding[] =>
  ['ipv4', 'ipv6'].map((name) => ({
    name,
    status: 'failing',
    found: `the test connection has no SYN (${reason}). Libc was not opened`,
    remedy: 'See "libc"',
  }))

/** A project with nothing but the package. */
async function bareProject(): Promise<ReturnType<typeof temporaryDirectory>> {
  const directory = temporaryDirectory()
  mkdirSync(directory.file('node_modules'))
  cpSync(join(await nodeProject(), 'node_modules/tcpfingerprint'), directory.file('node_modules/tcpfingerprint'), {
    recursive: true,
  })
  cpSync(join(ROOT, 'test/runtime/servers/node-app.mjs'), directory.file('node-app.mjs'))
  return directory
}

for (const node of NODES)
  needs(node, 'linux').describe(node.name, () => {
    test('serve: JSON, variables, a script, the page, the log; SIGTERM ends it', async () => {
      const command = ['serve', '--port', '0', '--trace']
      const server = await startNode(node, undefined, {}, { script: COMMAND, arguments: command })
      try {
        const { port } = server
        expect(JSON.parse((await get(port, '/json', 1111)).body).syn.tcp.mss).toBe(1111)
        expect((await get(port, '/env', 1112)).body).toContain('FINGERPRINT_TCP_MSS=1112\n')
        const script = await get(port, '/cgi-bin/env/more?x=1', 1113, 'User-Agent: node\r\n')
        for (const line of ['FINGERPRINT_TCP_MSS=1113', 'PATH_INFO=/more', 'QUERY_STRING=x=1', 'REMOTE_ADDR=127.0.0.1'])
          expect(script.body).toContain(`${line}\n`)
        expect((await get(port, '/', 1114, 'Accept: text/html\r\n')).body).toContain('1114')
        expect((await get(port, '/healthz', 1115)).body).toBe('ok')
      } finally {
        expect(await server.stop()).toBe(0)
      }
      const lines = server.stdout().trim().split('\n')
      expect(lines.filter((line) => /^127\.0\.0\.1 - - \[.*\] "GET \S+ HTTP\/1\.1" 200 \d+/.test(line)).length).toBe(5)
      expect(server.stderr()).toBe('tcpfingerprint: Nothing to trace: Node names the socket of each request\n')
    })

    test('a trusted header and a labeller, under Hono and without', async () => {
      for (const FRAMEWORK of ['http', 'express', 'fastify', 'hono', 'hono-1']) {
        const server = await startNode(node, undefined, { FRAMEWORK, TRUST: '1' })
        try {
          const { body } = await get(server.port, '/', 1200, 'X-Client: 192.0.2.77\r\nUser-Agent: probe\r\n')
          expect(JSON.parse(body), FRAMEWORK).toMatchObject({
            peer: { address: '192.0.2.77' },
            hop: { peer: { address: '127.0.0.1' }, syn: { tcp: { mss: 1200 } } },
            seen: null,
            told: [],
          })
        } finally {
          await server.stop()
        }
        const labelling = await startNode(node, undefined, { FRAMEWORK, LABEL: '1' })
        try {
          const { body } = await get(labelling.port, '/', 1201, 'User-Agent: probe\r\n')
          expect(JSON.parse(body), FRAMEWORK).toMatchObject({ label: { name: 'probe 1201', match: 'rule' }, told: [] })
        } finally {
          await labelling.stop()
        }
      }
    })

    test('without a way to libc: requests are served, the reason is told once', async () => {
      using bare = await bareProject()
      const forbidden = node.libc === 'node:ffi'
      // The newest Node needs no package: there its permissions are what is in the way.
      const server = await startServer(
        undefined,
        bare.file('node-app.mjs'),
        { NODE_NO_WARNINGS: '1' },
        {
          program: node.path,
          runtimeArguments: forbidden ? ['--permission', '--allow-fs-read=*', '--allow-net'] : [],
        },
      )
      try {
        for (const request of [1, 2]) {
          const answer = JSON.parse((await get(server.port, '/', 1300 + request)).body) as Answer
          expect(answer).toMatchObject({ available: false, reason: forbidden ? 'denied' : 'unsupported' })
          expect(answer.told.length).toBe(1)
          expect(answer.told[0]).toContain(forbidden ? '--allow-ffi' : 'koffi')
        }
      } finally {
        await server.stop()
      }
      const run = (...argv: string[]): { exitCode: number; text: string } => {
        const { exitCode, stdout, stderr } = Bun.spawnSync([node.path, bare.file(COMMAND), ...argv], {
          env: { NODE_NO_WARNINGS: '1', PATH: '/nowhere' },
          cwd: bare.path,
        })
        return { exitCode, text: stdout.toString() + stderr.toString() }
      }
      const serve = run('serve', '--port', '0')
      expect(serve.exitCode).toBe(1)
      expect(serve.text).toContain('npm install tcpfingerprint @hono/node-server koffi')
      const doctor = run('doctor')
      expect(doctor.text).toContain(forbidden ? 'a SYN of 60 octets was captured' : 'npm install koffi')
      if (forbidden) expect(doctor.text).toMatch(/^ok +packets +SYNs can(?:not)? be read from the/m)
      expect(doctor.exitCode).toBe(forbidden ? 0 : 1)
      if (!forbidden) expect(connectionChecks(run('doctor', '--json').text)).toEqual(WITHOUT_LIBC('unsupported'))
    })

    test('the permission model: doctor and serve say what it forbids', async () => {
      const command = join(await nodeProject(), COMMAND)
      const run = (
        permissions: readonly string[],
        ...argv: string[]
      ): { exitCode: number; out: string; err: string } => {
        const flag = node.name.startsWith('Node 20') ? '--experimental-permission' : '--permission'
        const { exitCode, stdout, stderr } = Bun.spawnSync(
          [node.path, flag, '--allow-fs-read=*', ...permissions, command, ...argv],
          // Bun is there, and must not be started.
          { env: { NODE_NO_WARNINGS: '1', PATH: join(ROOT, 'node_modules/.bin') } },
        )
        return { exitCode, out: stdout.toString(), err: stderr.toString() }
      }
      const hasFlags = node.libc === 'node:ffi'
      const { exitCode, out } = run(hasFlags ? ['--allow-net'] : [], 'doctor', '--json')
      expect(exitCode).toBe(1)
      expect(connectionChecks(out)).toEqual(WITHOUT_LIBC('denied'))
      if (!hasFlags) return
      for (const permissions of [['--allow-ffi'], []]) {
        const doctor = run(permissions, 'doctor', '--json')
        expect(doctor).toMatchObject({ exitCode: 1, err: '' })
        expect(JSON.parse(doctor.out).checks).toContainEqual({
          name: 'runtime',
          status: 'failing',
          found: expect.stringMatching(/^Node 26\S+ runs without --allow-net$/),
          remedy: 'Start Node with --allow-net',
        })
        expect(run(permissions, 'doctor').out).toContain('Remedy: Start Node with --allow-net\n')
        const serve = run(permissions, 'serve', '--port', '0')
        expect(serve.exitCode).toBe(1)
        expect(serve.err).toEndWith('Cannot listen on "127.0.0.1", port 0: start Node with --allow-net\n')
        expect(serve.err).not.toMatch(/^\s+at /m)
      }
    })
  })
