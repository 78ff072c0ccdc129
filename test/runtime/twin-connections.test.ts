/**
 * A client with two connections from one port to two local addresses, half a request sent on one of them. At full size:
 * `npm run bench -- twin-connections`.
 */
import { afterAll, expect, test } from 'bun:test'
import { once } from 'node:events'
import { connect } from 'node:net'
import { runTwins, type TwinOptions } from '../bench/twin-connections.ts'
import { createNetns } from '../lab/netns.ts'
import { needs } from '../lab/privilege.ts'
import { connectKernel, type KernelConnection } from '../lab/raw-client.ts'
import { RUNTIMES, startJsonServer } from '../lab/runtimes.ts'
import type { TestServer } from '../lab/server.ts'

const SCENES: readonly Pick<TwinOptions, 'scene' | 'rate' | 'open'>[] = [
  { scene: 'idle', rate: 0, open: 0 },
  { scene: 'churn', rate: 600, open: 0 },
  { scene: 'opened', rate: 0, open: 1500 },
]

async function ask(client: KernelConnection): Promise<object> {
  return (await client.request('GET /json HTTP/1.1\r\nHost: x\r\n\r\n')).json<object>()
}

for (const runtime of RUNTIMES) {
  needs('linux').describe(`twin connections on ${runtime}`, () => {
    const started: TestServer[] = []
    afterAll(() => Promise.all(started.map((server) => server.stop())))

    for (const { scene, rate, open } of SCENES) {
      test(`${scene}: none is told the other's SYN, and ordinary clients are told their own`, async () => {
        const server = await startJsonServer(runtime, undefined, { HOSTNAME_TO_BIND: '0.0.0.0', FACE: 'plain' })
        started.push(server)
        const result = await runTwins({ port: server.port, tries: 60, scene, rate, open })
        expect(result).toMatchObject({ wrong: 0, ordinaryWrong: 0 })
        expect(result.tries).toBeGreaterThan(40)
        expect(result.ordinaryAmbiguous).toBeLessThanOrEqual(result.ordinary / 100)
      }, 60_000)
    }

    test('a client that comes back to the number of its own connection, which was asked often', async () => {
      const server = await startJsonServer(runtime, undefined, { HOSTNAME_TO_BIND: '0.0.0.0', FACE: 'plain' })
      started.push(server)
      const open = (address: string, mss: number, port: number): Promise<KernelConnection> =>
        connectKernel({ destination: { address, port: server.port }, source: { address: '127.0.0.1', port }, mss })
      for (let i = 0; i < 6; i++) {
        const hasTwin = i % 2 === 0
        // Below those that the kernel gives out.
        const port = 19_100 + i
        const before = await open('127.0.0.2', 1001, port)
        for (let asked = 0; asked < 25; asked++)
          expect(await ask(before)).toMatchObject({ syn: { tcp: { mss: 1001 } } })
        const twin = hasTwin ? await open('127.0.0.1', 1002, port) : undefined
        twin?.send('GET / HTTP/1.1\r\n')
        await Bun.sleep(20)
        before.reset()
        await Bun.sleep(20)
        const client = await open(hasTwin ? '127.0.0.3' : '127.0.0.2', 1003, port)
        const known = hasTwin ? { reason: 'ambiguous' } : { syn: { tcp: { mss: 1003 } } }
        for (let asked = 0; asked < 2; asked++) expect(await ask(client)).toMatchObject(known)
        twin?.reset()
        client.reset()
      }
    }, 60_000)

    needs('netns').test(
      'which connections ask, where sock_diag tells of duplicates',
      async () => {
        await using ns = createNetns()
        for (const address of ['fd00::1', 'fd00::2', 'fd00::9'])
          ns.ip('-6', 'address', 'add', `${address}/128`, 'dev', 'lo')
        const server = await startJsonServer(runtime, ns, { HOSTNAME_TO_BIND: '::', FACE: 'plain' })
        try {
          const open = (address: string, mss: number, port = 0): Promise<KernelConnection> => {
            const source = { address: 'fd00::9', port }
            return connectKernel({ netns: ns, destination: { address, port: server.port }, source, mss })
          }
          // So many that a census is the dearer way.
          const others = await Promise.all(Array.from({ length: 200 }, () => open('fd00::1', 1300)))
          for (const other of others) expect(await ask(other)).toMatchObject({ syn: { tcp: { mss: 1300 } } })
          for (let i = 0; i < 20; i++) {
            const first = await open('fd00::1', 1001, 19_200 + i)
            expect(await ask(first)).toMatchObject({ syn: { tcp: { mss: 1001 } } })
            await Bun.sleep(5)
            const second = await open('fd00::2', 1002, 19_200 + i)
            await Bun.sleep(5)
            // The other is silent.
            if (i % 2 === 0) expect(await ask(first)).toMatchObject({ syn: { tcp: { mss: 1001 } } })
            else first.reset()
            const known = i % 2 === 0 ? { reason: 'ambiguous' } : { syn: { tcp: { mss: 1002 } } }
            for (let asked = 0; asked < 2; asked++) expect(await ask(second)).toMatchObject(known)
            if (i % 2 === 0) first.reset()
            second.reset()
          }
          // An older connection that is silent is in the way of none.
          for (const addresses of [
            ['fd00::1', 'fd00::2'],
            ['127.0.0.2', '127.0.0.3'],
          ] as const) {
            const open = (address: string, mss: number): Promise<KernelConnection> => {
              const source = { address: address.includes(':') ? 'fd00::9' : '127.0.0.1', port: 19_300 }
              return connectKernel({ netns: ns, destination: { address, port: server.port }, source, mss })
            }
            const silent = await open(addresses[0], 1001)
            await Bun.sleep(20)
            const asking = await open(addresses[1], 1002)
            for (let asked = 0; asked < 3; asked++) {
              const answer = await ask(asking)
              expect(answer).toMatchObject({ syn: { tcp: { mss: 1002 } }, tcpInfo: { snd_mss: 1002 - 12 } })
            }
            silent.reset()
            asking.reset()
          }
          for (const other of others) other.reset()
        } finally {
          await server.stop()
        }
      },
      60_000,
    )

    test('clients that send much and end with a reset are found', async () => {
      const server = await startJsonServer(runtime, undefined, { HOSTNAME_TO_BIND: '0.0.0.0', FACE: 'plain' })
      started.push(server)
      const body = 'x'.repeat(400_000)
      const text = `POST /json HTTP/1.1\r\nHost: x\r\nContent-Length: ${body.length}\r\n\r\n${body}`
      const run = async (): Promise<void> => {
        for (let i = 0; i < 100; i++) {
          const client = connect(server.port, '127.0.0.1')
          client.setEncoding('utf8').write(text)
          let answer = ''
          while (!answer.endsWith('}')) answer += (await once(client, 'data')) as unknown as string
          expect(answer).toContain(`"sourcePort":${client.localPort}`)
          client.resetAndDestroy()
        }
      }
      await Promise.all(Array.from({ length: 6 }, run))
    }, 60_000)
  })
}
