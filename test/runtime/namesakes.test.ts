/**
 * Connections that are easily mistaken for one another, or overlooked: same peer on two servers or two local addresses,
 * numbers far above those in use, servers that have stopped.
 */
import { afterEach, expect, test } from 'bun:test'
import { closeSync, openSync } from 'node:fs'
import { createFingerprinter } from '../../src/bun.ts'
import { needs } from '../lab/privilege.ts'
import { connectKernel, type KernelConnection } from '../lab/raw-client.ts'
import { startServer } from '../lab/server.ts'
import { seeded } from '../support/seeded.ts'

type Server = Bun.Server<undefined>

interface Answer {
  readonly mss: number | undefined
  readonly reason: string | undefined
}

const open: { stop(force?: boolean): unknown }[] = []
const clients: KernelConnection[] = []
afterEach(async () => {
  for (const client of clients.splice(0)) client.close()
  for (const server of open.splice(0)) await server.stop(true)
})

function serve(options: Record<string, unknown>, fp = createFingerprinter()): Server {
  const server = Bun.serve({
    port: 0,
    ...options,
    fetch: (request: Request, server: Server) => {
      const { syn, reason } = fp.fromBun(request, server)
      return Response.json({ mss: syn?.tcp.mss, reason })
    },
  } as never) as Server
  if (options.arm !== false) fp.arm(server)
  open.push(server)
  return server
}

async function connect(address: string, port: number, mss: number, from = 0): Promise<KernelConnection> {
  const source = { address: '127.0.0.1', port: from }
  const client = await connectKernel({ destination: { address, port }, source, mss })
  clients.push(client)
  return client
}

/** Ports to come from: below those that the kernel gives out, where other tests' may be in TIME-WAIT. */
const PORTS = 23_000

const REQUEST = 'GET / HTTP/1.1\r\nHost: x\r\n\r\n'
const ask = async (client: KernelConnection): Promise<Answer> => (await client.request(REQUEST)).json<Answer>()
const finish = async (client: KernelConnection): Promise<Answer> => {
  client.send('Host: x\r\n\r\n')
  return (await client.response()).json<Answer>()
}

/** The MSS that a server in a process of its own tells. */
const mssOf = async (client: KernelConnection): Promise<number | undefined> =>
  (await client.request('GET /json HTTP/1.1\r\nHost: x\r\n\r\n')).json<{ syn?: { tcp: { mss: number } } }>().syn?.tcp
    .mss

needs('linux').describe('connections that are easily mistaken or overlooked', () => {
  test('one above a hundred numbers that were closed before anybody asked is found', async () => {
    const server = serve({ hostname: '127.0.0.1' })
    await ask(await connect('127.0.0.1', server.port!, 999))
    const idle: KernelConnection[] = []
    for (let i = 0; i < 100; i++) idle.push(await connect('127.0.0.1', server.port!, 1400))
    const client = await connect('127.0.0.1', server.port!, 1001)
    await Bun.sleep(30)
    for (const one of idle) one.close()
    await Bun.sleep(50)
    expect((await ask(client)).mss).toBe(1001)
  })

  test('a server for all addresses and one for a single address of the same port', async () => {
    const fp = createFingerprinter()
    const all = serve({ hostname: '0.0.0.0', reusePort: true }, fp)
    const { port } = all
    serve({ hostname: '127.0.0.2', port, reusePort: true }, fp)
    fp.arm(all)
    const second = await connect('127.0.0.2', port!, 1002)
    expect((await ask(second)).mss).toBe(1002)
    const first = await connect('127.0.0.1', port!, 1001, second.local.port)
    expect((await ask(first)).mss).toBe(1001)
    expect((await ask(second)).mss).toBe(1002)
  })

  test('connections to an address that a server of its own gets or had are still found', async () => {
    const fp = createFingerprinter()
    const all = serve({ hostname: '0.0.0.0', reusePort: true }, fp)
    const { port } = all
    const known = await connect('127.0.0.2', port!, 1001)
    expect((await ask(known)).mss).toBe(1001)
    const silent = await connect('127.0.0.2', port!, 1002)
    await Bun.sleep(20)
    const one = serve({ hostname: '127.0.0.2', port, reusePort: true }, fp)
    expect((await ask(known)).mss).toBe(1001)
    expect((await ask(silent)).mss).toBe(1002)
    expect((await ask(await connect('127.0.0.2', port!, 1003))).mss).toBe(1003)
    await one.stop(true)
    expect((await ask(await connect('127.0.0.2', port!, 1004))).mss).toBe(1004)
  })

  test('the last request of a server that nobody has met before it stopped takes no SYN of another server', async () => {
    const stopped = serve({ hostname: '127.0.0.1', arm: false })
    const other = serve({ hostname: '127.0.0.1' })
    const first = await connect('127.0.0.1', stopped.port!, 1001)
    first.send('GET / HTTP/1.1\r\n')
    const second = await connect('127.0.0.1', other.port!, 1002, first.local.port)
    second.send('GET / HTTP/1.1\r\n')
    await Bun.sleep(30)
    const end = stopped.stop()
    expect(await finish(first)).toMatchObject({ reason: 'not-found' })
    expect((await finish(second)).mss).toBe(1002)
    await end
  })

  for (const asked of [0, 1, 3]) {
    test(`half a request, of a connection that has asked ${asked} times, is not taken for the whole one of its namesake`, async () => {
      const server = serve({ hostname: '0.0.0.0' })
      for (let round = 0; round < 10; round++) {
        const port = PORTS + 100 + 10 * asked + round
        const first = await connect('127.0.0.1', server.port!, 1001, port)
        for (let i = 0; i < asked; i++) expect((await ask(first)).mss).toBe(1001)
        first.send('GET / HTTP/1.1\r\n')
        const second = await connect('127.0.0.2', server.port!, 1002, port)
        expect([undefined, 1002]).toContain((await ask(second)).mss)
        expect([undefined, 1001]).toContain((await finish(first)).mss)
        first.reset()
        second.reset()
      }
    })
  }

  test('half a request is not taken for that of a namesake where hundreds of files are open', async () => {
    const files = Array.from({ length: 700 }, () => openSync('/dev/null', 'r'))
    try {
      const server = serve({ hostname: '0.0.0.0' })
      for (let round = 0; round < 5; round++) {
        const first = await connect('127.0.0.1', server.port!, 1001, PORTS + 300 + round)
        for (let i = 0; i < 2; i++) expect((await ask(first)).mss).toBe(1001)
        first.send('GET / HTTP/1.1\r\n')
        const second = await connect('127.0.0.2', server.port!, 1002, PORTS + 300 + round)
        await Bun.sleep(30)
        expect([undefined, 1002]).toContain((await ask(second)).mss)
        first.reset()
        second.reset()
      }
    } finally {
      for (const fd of files) closeSync(fd)
    }
  })

  for (const asked of [0, 1]) {
    test(`the SYN of a stopping server's connection that has asked ${asked} times is not lost to another server`, async () => {
      const fp = createFingerprinter()
      const first = serve({ hostname: '127.0.0.1' }, fp)
      const { port } = first
      const one = await connect('127.0.0.1', port!, 1001)
      for (let i = 0; i < asked; i++) expect((await ask(one)).mss).toBe(1001)
      one.send('GET / HTTP/1.1\r\n')
      await Bun.sleep(30)
      const end = first.stop()
      serve({ hostname: '127.0.0.2', port }, fp)
      const two = await connect('127.0.0.2', port!, 1002, one.local.port)
      expect((await ask(two)).mss).toBe(1002)
      expect((await finish(one)).mss).toBe(1001)
      expect((await ask(two)).mss).toBe(1002)
      one.close()
      await end
    })
  }

  test('half a request is not taken for that of a namesake above numbers that were closed a moment ago', async () => {
    // A process of its own: here the numbers of other tests are known as closed.
    const server = await startServer(undefined, 'test/lab/json-server.ts')
    try {
      const first = await connect('127.0.0.1', server.port, 1001, PORTS + 200)
      for (let i = 0; i < 2; i++) expect(await mssOf(first)).toBe(1001)
      const idle: KernelConnection[] = []
      for (let i = 0; i < 40; i++) idle.push(await connect('127.0.0.1', server.port, 1400))
      const second = await connect('127.0.0.2', server.port, 1002, PORTS + 200)
      await Bun.sleep(30)
      first.send('GET /json HTTP/1.1\r\n')
      for (const one of idle) one.close()
      await Bun.sleep(30)
      expect([undefined, 1002]).toContain(await mssOf(second))
    } finally {
      await server.stop()
    }
  })

  test('requests that were ambiguous are no evidence for those that follow', async () => {
    const server = await startServer(undefined, 'test/lab/json-server.ts')
    try {
      await mssOf(await connect('127.0.0.1', server.port, 999))
      // Few ports, each with up to three connections to different local addresses, which ask, are reset and come again.
      const ports = Array.from({ length: 6 }, (_, i) => PORTS + i)
      const live = new Map<string, { client: KernelConnection; mss: number }>()
      const random = seeded(11)
      const below = (limit: number): number => Math.floor(random() * limit)
      let told = 0
      for (let step = 0; step < 4000; step++) {
        const address = `127.0.0.${1 + below(3)}`
        const port = ports[below(ports.length)]!
        const key = `${address} ${port}`
        const one = live.get(key)
        if (one === undefined) {
          const mss = 1000 + step
          const client = await connect(address, server.port, mss, port)
          live.set(key, { client, mss })
        } else if (below(4) === 0) {
          one.client.reset()
          live.delete(key)
        } else {
          const mss = await mssOf(one.client)
          if (mss !== undefined) told++
          expect([undefined, one.mss]).toContain(mss)
        }
      }
      expect(told).toBeGreaterThan(20)
    } finally {
      await server.stop()
    }
  })

  test('a UDP socket with the port of a server without TLS is none of HTTP/3', async () => {
    const server = serve({ hostname: '127.0.0.1' })
    const udp = await Bun.udpSocket({ hostname: '127.0.0.1', port: server.port! })
    try {
      createFingerprinter().arm(server)
      expect((await ask(await connect('127.0.0.1', server.port!, 1001))).mss).toBe(1001)
    } finally {
      udp.close()
    }
  })
})
