import { expect, test } from 'bun:test'
import { join } from 'node:path'
import { NODES, nodeProject, startNode } from '../lab/nodes.ts'
import { needs } from '../lab/privilege.ts'
import { connectKernel } from '../lab/raw-client.ts'
import { TEST_CERTIFICATE } from '../support/certificate.ts'

const first = { request: 1, rtt: 'handshake', firstData: 'number', isOwn: true }

const MUSL = process.arch === 'arm64' ? 'aarch64' : 'x86_64'

async function ask(port: number, mss: number): Promise<object> {
  const client = await connectKernel({ destination: { address: '127.0.0.1', port }, mss })
  const answer = await client.request('GET / HTTP/1.1\r\nHost: x\r\n\r\n')
  client.close()
  return answer.json<object>()
}

for (const node of NODES)
  needs(node, 'linux').describe(node.name, () => {
    test("servers made or asked in unusual ways: each SYN is its client's, or there is no connection", async () => {
      const child = Bun.spawn([node.path, 'node-unusual.mjs'], {
        cwd: await nodeProject(),
        env: { ...process.env, NODE_NO_WARNINGS: '1', CERT: TEST_CERTIFICATE.cert, KEY: TEST_CERTIFICATE.key },
        stderr: 'pipe',
      })
      const [text, complaints] = await Promise.all([
        new Response(child.stdout).text(),
        new Response(child.stderr).text(),
      ])
      expect(complaints).toBe('')
      const once = [first]
      expect(JSON.parse(text)).toEqual({
        plain: once,
        reopened: once,
        secure: once,
        application: once,
        listening: once,
        named: once,
        wrapped: once,
        paused: once,
        sent: once,
        // It was asked for at its beginning, which counts as well.
        greeting: [{ ...first, request: 2 }],
        duplex: { reason: 'no-connection', firstData: 'undefined' },
        secureDuplex: { reason: 'no-connection', firstData: 'undefined' },
        nested: once,
        late: once,
        again: { before: 'number', isSameNumber: true, after: 'undefined' },
        required: true,
        // Each other object counts as a request of its own, but for what leads to the same one.
        replaced: [1, 1, 1, 1, 2, 3].map((request) => ({ ...first, request })),
        kept: [1, 2, 3].map((request) => ({ ...first, request })),
        injected: [{ reason: 'no-connection', firstData: 'undefined' }],
        fastifyHttp1: once,
        streams: { own: 200, numbers: 200 },
        given: once,
        ephemeral: 30,
        listenersLeft: 0,
      })
    })

    test('a thousand connections without a question about the cookie, then one: what is read on demand, and what has gone', async () => {
      const child = Bun.spawn([node.path, 'node-on-demand.mjs'], {
        cwd: await nodeProject(),
        env: { ...process.env, NODE_NO_WARNINGS: '1' },
      })
      const facts = JSON.parse(await new Response(child.stdout).text())
      const whole = { cookie: 'string', request: 1, isSyn: true, rtt: 'handshake', timeToLive: 64 }
      expect(facts).toMatchObject({
        early: whole,
        first: whole,
        // It had an answer before: what its RTT is then taken from comes with it, and when it began is not known any more.
        kept: { ...whole, request: 2, rtt: expect.stringMatching(/^(handshake|recovered|minimum)$/) },
        gone: { cookie: 'undefined', isSyn: true },
        later: whole,
      })
      // Its client waited for 50 ms, and the kernel was asked when the first question came.
      expect(facts.first.delay).toBeGreaterThanOrEqual(40)
      expect(facts.first.waited).toBeGreaterThanOrEqual(48)
      for (const fact of ['delay', 'at']) expect(facts.kept[fact]).toBeUndefined()
      for (const fact of ['delay', 'at', 'rtt', 'timeToLive']) expect(facts.gone[fact]).toBeUndefined()
    })

    // node:ffi hands its functions out wrapped; on the way to the one inside the prototype of functions has a setter for a moment.
    for (const prototype of ['frozen', 'taken', 'watched'])
      test(`a prototype of functions that is ${prototype}: SYN and TCP_INFO are read, and it stays as it was`, async () => {
        const options = { runtimeArguments: ['--require', join(await nodeProject(), 'node-prototype.cjs')] }
        const server = await startNode(node, undefined, { PROTOTYPE: prototype }, options)
        try {
          for (const request of [1, 2]) {
            const mss = 1300 + request
            expect(await ask(server.port, mss)).toMatchObject({ available: true, syn: { tcp: { mss } }, told: [] })
          }
        } finally {
          await server.stop()
        }
        expect(server.stderr()).toBe('as before')
      })

    // node:ffi is a part of the program.
    if (node.libc === 'koffi')
      for (const [system, name, expected] of [
        ['with the names of musl alone', `libc.musl-${MUSL}.so.1`, { available: true, told: [] }],
        [
          'without a C library',
          'none',
          { available: false, reason: 'unsupported', told: [expect.stringContaining('libc cannot be opened')] },
        ],
      ] as const)
        test(`a system ${system}: requests are served, a reason is told once`, async () => {
          const options = { runtimeArguments: ['--require', join(await nodeProject(), 'node-libc.cjs')] }
          const server = await startNode(node, undefined, { LIBC_NAME: name }, options)
          try {
            for (const request of [1, 2]) expect(await ask(server.port, 1300 + request)).toMatchObject(expected)
            expect(server.stderr()).toBe('')
          } finally {
            await server.stop()
          }
        })

    if (node.libc === 'node:ffi')
      test('the permission model with the permission for koffi alone', async () => {
        const runtimeArguments = ['--permission', '--allow-fs-read=*', '--allow-net', '--allow-addons']
        const server = await startNode(node, undefined, {}, { runtimeArguments })
        try {
          expect(await ask(server.port, 1300)).toMatchObject({ available: true, syn: { tcp: { mss: 1300 } }, told: [] })
        } finally {
          await server.stop()
        }
      })

    test('the permission model without the permission: requests are served, the reason is told once', async () => {
      const flag = node.name.startsWith('Node 20') ? ['--experimental-permission'] : ['--permission']
      const net = node.libc === 'node:ffi' ? ['--allow-net'] : []
      const options = { runtimeArguments: [...flag, '--allow-fs-read=*', ...net] }
      const server = await startNode(node, undefined, {}, options)
      try {
        for (const request of [1, 2]) {
          expect(await ask(server.port, 1300 + request)).toMatchObject({
            available: false,
            reason: 'denied',
            told: [expect.stringContaining('--allow-')],
          })
        }
        expect(server.stderr()).toBe('')
      } finally {
        await server.stop()
      }
    })
  })
