import { afterAll, beforeAll, expect, test } from 'bun:test'
import type { ConnectOptions } from '../lab/connect-options.ts'
import { between, type Moment, outside } from '../lab/moments.ts'
import { createNetns, type Netns } from '../lab/netns.ts'
import { NODES, startNode } from '../lab/nodes.ts'
import type { PeerConnection } from '../lab/peer-connection.ts'
import { needs } from '../lab/privilege.ts'
import type { TestServer } from '../lab/server.ts'
import { startTls } from '../lab/tls-peer.ts'
import { createTunPeer, type TunPeer } from '../lab/tun-peer.ts'
import { TEST_CERTIFICATE } from '../support/certificate.ts'

// As timing.test.ts: the product is compared with what passed on the wire. Node names the socket as it is accepted, so that the handshake
// and the first data are known over TLS as well.

const REQUEST = 'GET /json HTTP/1.1\r\nHost: timing\r\n\r\n'
/** Within 2 ms or 5 % of the delay. */
const rttTolerance = (ms: number): number => Math.max(2, ms * 0.05)
/** Milliseconds: of the first data's delay over TLS, and of the time of accept. */
const EXACT = 3
/** The time between two things that the kernel dates, HZ=250. */
const TWO_JIFFIES = 8
/** Servers over TLS, with a young generation so large that little is collected. */
const OF_TLS = {
  CERT: TEST_CERTIFICATE.cert,
  KEY: TEST_CERTIFICATE.key,
  NODE_OPTIONS: '--max-semi-space-size=64',
}

interface Answer {
  readonly timing: {
    readonly handshakeRtt?: { readonly microseconds: number; readonly provenance: string }
    readonly firstDataDelayMilliseconds?: number
    readonly acceptTime?: string
  }
}

const handshakeOf = (connection: PeerConnection): Moment => between(connection.times.synAck, connection.times.ack)
const firstDataOf = (connection: PeerConnection): Moment => between(connection.times.ack, connection.times.firstData)

/** On the clock of the peer's times. Date counts whole milliseconds: its zero is told by when it goes on. */
function acceptTimeOf({ timing }: Answer): number {
  const last = Date.now()
  while (Date.now() === last);
  return Date.parse(timing.acceptTime!) - Date.now() + performance.now()
}

function expectHandshake({ timing }: Answer, connection: PeerConnection, setMs: number): void {
  const wire = handshakeOf(connection)
  expect(timing.handshakeRtt?.provenance).toBe('handshake')
  expect(wire.to).toBeGreaterThanOrEqual(setMs)
  expect(outside(timing.handshakeRtt!.microseconds / 1000, wire)).toBeLessThan(rttTolerance(setMs))
}

for (const node of NODES)
  needs(node, 'netns', 'tun').describe(`timing on ${node.name}`, () => {
    let ns: Netns
    let peer: TunPeer
    let clear: TestServer
    const tls = new Map<string, TestServer>()
    let busy: TestServer

    beforeAll(async () => {
      ns = createNetns()
      peer = createTunPeer(ns)
      clear = await startNode(node, ns, { HOST: '::' })
      for (const TLS of ['1.2', '1.3']) tls.set(TLS, await startNode(node, ns, { HOST: '::', TLS, ...OF_TLS }))
      busy = await startNode(node, ns, { HOST: '::', TLS: '1.3', BUSY: '1', ...OF_TLS })
      // Before other work of the machine and the peer's: a server that is late to accept dates the handshake late. The thread that serves
      // comes first, but waits for those that collect garbage with it.
      for (const { pid } of [clear, ...tls.values()]) {
        Bun.spawnSync(['chrt', '--all-tasks', '--fifo', '--pid', '1', String(pid)])
        Bun.spawnSync(['chrt', '--fifo', '--pid', '2', String(pid)])
      }
      // Every code path often enough that no compilation falls into a measurement.
      for (const address of [peer.ipv4, peer.ipv6]) {
        const { connection } = await peer.exchange({ destination: { address, port: clear.port } }, REQUEST)
        connection.rst()
        for (const { port } of [...tls.values(), busy])
          for (let n = 0; n < 8; n++) await askOverTls({ address, port }, 0)
      }
    }, 60_000)
    afterAll(async () => {
      await Promise.all([clear, busy, ...tls.values()].map((server) => server?.stop()))
      await ns?.close()
    })

    async function ask(options: Partial<ConnectOptions>): Promise<{ answer: Answer; connection: PeerConnection }> {
      const destination = { address: peer.ipv4, port: clear.port }
      const { connection, response } = await peer.exchange({ destination, ...options }, REQUEST)
      return { answer: response.json<Answer>(), connection }
    }

    /** A client that waits so long between its ACK and its ClientHello. */
    async function askOverTls(
      { address, port, ackDelayMs = 0 }: { address: string; port: number; ackDelayMs?: number },
      waitMs: number,
    ): Promise<{ answer: Answer; connection: PeerConnection }> {
      const connection = await peer.connect({ destination: { address, port }, ackDelayMs })
      if (waitMs > 0) await Bun.sleep(waitMs)
      const client = await startTls(connection)
      const answer = (await client.request(REQUEST)).json<Answer>()
      client.close()
      return { answer, connection }
    }

    for (const family of ['ipv4', 'ipv6'] as const) {
      for (const ackDelayMs of [0, 10, 50, 200]) {
        test(`handshake RTT of ${ackDelayMs} ms over ${family}, however long the client waits`, async () => {
          const destination = { address: peer[family], port: clear.port }
          const waits = [0, 30, 120].map((dataDelayMs) => ask({ destination, ackDelayMs, dataDelayMs }))
          for (const { answer, connection } of await Promise.all(waits)) {
            expectHandshake(answer, connection, ackDelayMs)
            connection.rst()
          }
        })
      }
    }

    test('handshake RTTs of forty connections at once, each with its own delay and wait', async () => {
      const all = await Promise.all(
        Array.from({ length: 40 }, (_, n) => ask({ ackDelayMs: 10 + n * 4, dataDelayMs: (n * 37) % 150 })),
      )
      for (const [n, { answer, connection }] of all.entries()) {
        expectHandshake(answer, connection, 10 + n * 4)
        connection.rst()
      }
    })

    for (const dataDelayMs of [0, 12, 40, 100, 350]) {
      test(`first data ${dataDelayMs} ms after the handshake`, async () => {
        const { answer, connection } = await ask({ ackDelayMs: 20, dataDelayMs })
        expect(answer.timing.firstDataDelayMilliseconds).toBeNumber()
        expect(outside(answer.timing.firstDataDelayMilliseconds!, firstDataOf(connection))).toBeLessThanOrEqual(
          TWO_JIFFIES,
        )
        connection.rst()
      })
    }

    for (const version of ['1.2', '1.3']) {
      for (const family of ['ipv4', 'ipv6'] as const) {
        test(`TLS ${version} over ${family}: handshake RTT, ClientHello and time of accept, for waits of 0 to 300 ms`, async () => {
          for (const waitMs of [0, 3, 10, 30, 100, 300]) {
            const ackDelayMs = waitMs % 40
            const { port } = tls.get(version)!
            const { answer, connection } = await askOverTls({ address: peer[family], port, ackDelayMs }, waitMs)
            expectHandshake(answer, connection, ackDelayMs)
            const wire = firstDataOf(connection)
            expect(wire.to).toBeGreaterThanOrEqual(waitMs)
            expect(answer.timing.firstDataDelayMilliseconds).toBeNumber()
            expect(outside(answer.timing.firstDataDelayMilliseconds!, wire), `${waitMs} ms`).toBeLessThanOrEqual(EXACT)
            expect(outside(acceptTimeOf(answer), connection.times.ack!), `after ${waitMs} ms`).toBeLessThanOrEqual(
              EXACT,
            )
          }
        })
      }
    }

    test('a thread that is seldom free: time of accept and ClientHello all the same', async () => {
      let far = 0
      for (let n = 0; n < 30; n++) {
        const { answer, connection } = await askOverTls({ address: peer.ipv4, port: busy.port, ackDelayMs: n % 9 }, 20)
        const { firstDataDelayMilliseconds: delay } = answer.timing
        const isFar = outside(acceptTimeOf(answer), connection.times.ack!) > EXACT
        if (isFar || outside(delay!, firstDataOf(connection)) > 2 * EXACT) far++
      }
      // A jiffy that begins while TCP_INFO is read is counted or not.
      expect(far).toBeLessThan(4)
    })
  })
