/**
 * What every runtime that serves has to do: one suite, run by `NAME.test.ts` of each, which has besides what only that runtime does.
 * A difference between runtimes is a row of the table, with its reason.
 * @module
 */
import { afterAll, expect, test } from 'bun:test'
import { needs } from '../lab/privilege.ts'
import { connectKernel, runAttribution, runTwoAddresses } from '../lab/raw-client.ts'
import { startJsonServer } from '../lab/runtimes.ts'
import type { Runtime, TestServer } from '../lab/server.ts'

const GET = 'GET /json HTTP/1.1\r\nHost: x\r\n\r\n'
const get = async (url: string, init: object = {}): Promise<any> => (await fetch(url, init)).json()
const insecure = { tls: { rejectUnauthorized: false } }

const linux = needs('linux')

/** What a runtime does otherwise, by its own nature. */
interface Difference {
  /** Deno runs the handler also of a request whose client has gone, which then is counted. */
  readonly handlesAborted: boolean
}

const DIFFERENCES: Readonly<Record<Runtime, Difference>> = {
  bun: { handlesAborted: false },
  deno: { handlesAborted: true },
}

/** The tests that a runtime has to pass, against the same server on each. */
export function contract(runtime: Runtime): void {
  const { handlesAborted } = DIFFERENCES[runtime]
  linux.describe(`a server on ${runtime}`, () => {
    const started: TestServer[] = []
    const start = async (variables: Record<string, string> = {}): Promise<TestServer> => {
      const server = await startJsonServer(runtime, undefined, variables)
      started.push(server)
      return server
    }
    afterAll(() => Promise.all(started.map((server) => server.stop())))

    for (const face of ['plain', 'hono']) {
      test(`${face}: the SYN of the connection, counted requests, timing that does not change`, async () => {
        const server = await start({ FACE: face, HOSTNAME_TO_BIND: '127.0.0.1' })
        const destination = { address: '127.0.0.1', port: server.port }
        const client = await connectKernel({ destination, mss: 1234, ttl: 33 })
        const body = (await client.request(GET)).json()
        expect(body).toMatchObject({
          available: true,
          source: 'kernel',
          peer: client.local,
          local: { port: server.port },
          connection: { request: 1 },
          syn: { ip: { version: 4, timeToLive: 33 }, tcp: { mss: 1234 } },
          timing: { handshakeRtt: { provenance: 'handshake' }, handshakeTimeToLive: 33 },
          env: { FINGERPRINT_TCP_MSS: '1234', FINGERPRINT_SAVED_SYN: body.syn.hex },
        })
        expect(body.reason).toBeUndefined()
        const again = (await client.request(GET)).json()
        expect(again.connection).toEqual({ cookie: body.connection.cookie, request: 2 })
        expect(again.syn).toEqual(body.syn)
        expect(again.timing.handshakeRtt).toEqual(body.timing.handshakeRtt)
        expect(again.timing.acceptTime).toBe(body.timing.acceptTime)
        expect(again.tcpInfo.data_segs_in).toBe(body.tcpInfo.data_segs_in + 1)
        client.close()
      })
    }

    test('hono: a lone handler with the variables set around it', async () => {
      const server = await start({ HOSTNAME_TO_BIND: '127.0.0.1' })
      const client = await connectKernel({ destination: { address: '127.0.0.1', port: server.port }, mss: 1234 })
      const request = GET.replace('/json', '/alone')
      for (const count of [1, 2]) {
        expect((await client.request(request)).json()).toMatchObject({
          available: true,
          connection: { request: count },
          syn: { tcp: { mss: 1234 } },
        })
      }
      client.close()
    })

    test('the RTT is the handshake, however long the client waits', async () => {
      const server = await start({ HOSTNAME_TO_BIND: '127.0.0.1' })
      const client = await connectKernel({ destination: { address: '127.0.0.1', port: server.port } })
      await Bun.sleep(150)
      const { timing } = (await client.request(GET)).json()
      expect(timing.handshakeRtt.provenance).toBe('handshake')
      expect(timing.handshakeRtt.microseconds).toBeLessThan(100_000)
      expect(timing.firstDataDelayMilliseconds).toBeGreaterThan(100)
      client.close()
    })

    needs('ipv6').test('a dual-stack listener: IPv4 SYNs to IPv4 clients, IPv6 to IPv6 clients', async () => {
      const server = await start()
      const four = await get(`http://127.0.0.1:${server.port}/json`)
      expect(four).toMatchObject({ peer: { address: '127.0.0.1' }, syn: { ip: { version: 4 } } })
      const six = await get(`http://[::1]:${server.port}/json`)
      expect(six).toMatchObject({ peer: { address: '::1' }, syn: { ip: { version: 6, source: '::1', hopLimit: 64 } } })
    })

    test('TLS: the SYN, and the RTT with how it is known', async () => {
      const server = await start({ HOSTNAME_TO_BIND: '127.0.0.1', TLS: '1' })
      const body = await get(`https://127.0.0.1:${server.port}/json`, insecure)
      expect(body.syn.tcp.destinationPort).toBe(server.port)
      expect(['handshake', 'recovered', 'minimum']).toContain(body.timing.handshakeRtt.provenance)
      expect(body.timing.acceptTime).toBeUndefined()
      expect(body.timing.firstDataDelayMilliseconds).toBeUndefined()
    })

    for (const hostname of ['127.0.0.1', '0.0.0.0']) {
      test(`HTTP/2 streams on ${hostname} all have the SYN of the connection`, async () => {
        const server = await start({ HOSTNAME_TO_BIND: hostname, TLS: '1', HTTP2: '1' })
        const url = `https://127.0.0.1:${server.port}/json`
        const init = { ...insecure, protocol: 'http2' }
        const first = await get(url, init)
        expect(first.syn.tcp.destinationPort).toBe(server.port)
        const bodies = await Promise.all(Array.from({ length: 20 }, () => get(url, init)))
        for (const body of bodies) expect(body.syn).toEqual(first.syn)
        expect(new Set(bodies.map((body) => body.connection.cookie))).toEqual(new Set([first.connection.cookie]))
        expect(new Set(bodies.map((body) => body.connection.request)).size).toBe(20)
      })
    }

    test("resolve 'read' and tcpInfo 'connection'", async () => {
      const server = await start({ RESOLVE: 'read', TCP_INFO: 'connection', HOSTNAME_TO_BIND: '127.0.0.1' })
      const client = await connectKernel({ destination: { address: '127.0.0.1', port: server.port }, mss: 801 })
      const first = (await client.request(GET)).json()
      const second = (await client.request(GET)).json()
      expect(first.syn.tcp.mss).toBe(801)
      expect(second.tcpInfo).toEqual(first.tcpInfo)
      expect(second.connection.request).toBe(2)
      client.close()
    })

    for (const hostname of ['127.0.0.1', '::']) {
      for (const face of ['plain', 'hono']) {
        test(`attribution, ${face} on ${hostname}: churn with forced reuse of 4-tuples, none wrong, none missing`, async () => {
          const server = await start({ FACE: face, HOSTNAME_TO_BIND: hostname })
          const result = await runAttribution({
            host: '127.0.0.1',
            port: server.port,
            connections: 2000,
            concurrency: 200,
            seed: 11,
          })
          expect(result).toMatchObject({ wrong: 0, missing: 0, failed: 0, connections: 2000 })
          expect(result.reused).toBeGreaterThan(500)
          expect(result.ambiguous).toBeLessThan(result.responses / 100)
          // Deno also runs the handler of a request whose client has gone, and its namesake may be there by then.
          expect(result.miscounted).toBe(handlesAborted ? result.countedGone : 0)
        }, 120_000)
      }
    }

    test('one client port on two addresses of one listener: told apart or ambiguous, never mixed up', async () => {
      const server = await start({ HOSTNAME_TO_BIND: '0.0.0.0' })
      const result = await runTwoAddresses({
        hosts: ['127.0.0.1', '127.0.0.2'],
        port: server.port,
        path: '/json',
        source: { address: '127.0.0.1', port: 22_000 },
        pairs: 80,
      })
      expect(result).toMatchObject({ wrong: 0, missing: 0, pairs: 80 })
    })

    test('the same where the first of the two has been alone and busy for long', async () => {
      const server = await start({ HOSTNAME_TO_BIND: '0.0.0.0' })
      const result = await runTwoAddresses({
        hosts: ['127.0.0.1', '127.0.0.2'],
        port: server.port,
        path: '/json',
        source: { address: '127.0.0.1', port: 22_500 },
        pairs: 30,
        warm: 60,
      })
      expect(result).toMatchObject({ wrong: 0, missing: 0, pairs: 30 })
      expect(result.ok).toBeGreaterThanOrEqual(30 * 60)
    })
  })
}
