import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { existsSync, symlinkSync } from 'node:fs'
import { connect as connectHttp2 } from 'node:http2'
import { connect as connectTcp } from 'node:net'
import { join } from 'node:path'
import { connect as connectTls, type SecureVersion, type TLSSocket } from 'node:tls'
import { type RelayFacts, signsOfRelay } from '../../src/connection/relay.ts'
import { type Exchange, type Relay, relayedRoundTrip, startRelay } from '../lab/relay.ts'
import { RUNTIMES, startJsonServer } from '../lab/runtimes.ts'
import { ROOT, startServer, type TestServer } from '../lab/server.ts'
import { type HttpResponse, ResponseReader } from '../support/http.ts'
import { temporaryDirectory } from '../support/temporary.ts'

// The product is compared with what the relay saw pass at the server's side.

/** At 250 a second, milliseconds; and what is rounded to whole ones. */
const TWO_JIFFIES = 8 + 0.5
/** Clients of either kind that signsOfRelay has to tell apart. */
const RUNS = Number(process.env.RUNS ?? 8)
/** A client that took longer from its connect to its request was held up by a busy machine, milliseconds: signsOfRelay allows 15. */
const AT_ONCE = 15 - TWO_JIFFIES
const REQUEST = 'GET /json HTTP/1.1\r\nHost: localhost\r\nConnection: keep-alive\r\n\r\n'

interface Answer {
  readonly connection: { readonly request: number }
  readonly peer: { readonly port: number }
  readonly timing: {
    readonly tlsRoundTripMilliseconds?: number
    readonly firstDataDelayMilliseconds?: number
    readonly handshakeRtt?: { readonly microseconds: number }
  }
  readonly tcpInfo: Readonly<Record<string, number>>
  readonly env: Readonly<Record<string, string>>
}

interface Wish {
  readonly port: number
  readonly version?: SecureVersion
  /** Before the ClientHello, milliseconds. */
  readonly helloAfter?: number
  /** Before the request, milliseconds. */
  readonly requestAfter?: number
  readonly requests?: number
  /** Before each later request, milliseconds. */
  readonly between?: number
  readonly text?: (index: number) => string
  readonly session?: Buffer
  /** Called with the milliseconds from the TCP handshake to the first request. */
  readonly onAsked?: (milliseconds: number) => void
}

/** One connection over TLS: its answers, in order. */
async function ask(wish: Wish): Promise<Answer[]> {
  const {
    port,
    version = 'TLSv1.3',
    helloAfter = 0,
    requestAfter = 0,
    requests = 1,
    text = () => REQUEST,
    session,
  } = wish
  const socket = connectTcp({ host: '127.0.0.1', port, noDelay: true })
  await new Promise((resolve, reject) => socket.once('connect', resolve).once('error', reject))
  const connected = performance.now()
  if (helloAfter > 0) await Bun.sleep(helloAfter)
  const tls = connectTls({
    socket,
    rejectUnauthorized: false,
    minVersion: version,
    maxVersion: version,
    ...(session && { session }),
  })
  await new Promise((resolve, reject) => tls.once('secureConnect', resolve).once('error', reject))
  if (requestAfter > 0) await Bun.sleep(requestAfter)
  const answers: Answer[] = []
  const reader = new ResponseReader()
  for (let i = 0; i < requests; i++) {
    if (i > 0 && wish.between !== undefined) await Bun.sleep(wish.between)
    tls.write(text(i))
    if (i === 0) wish.onAsked?.(performance.now() - connected)
    const response = await answerOf(tls, reader)
    answers.push(response.text() === 'ok' ? (undefined as never) : response.json<Answer>())
  }
  tls.destroy()
  socket.destroy()
  return answers
}

/** A session that the server lets the client resume. */
async function sessionOf(port: number, version: SecureVersion): Promise<Buffer> {
  const tls = connectTls({ port, rejectUnauthorized: false, minVersion: version, maxVersion: version })
  const session = new Promise<Buffer>((resolve, reject) => tls.once('session', resolve).once('error', reject))
  await new Promise((resolve) => tls.once('secureConnect', resolve))
  tls.write(REQUEST)
  await answerOf(tls, new ResponseReader())
  tls.destroy()
  return session
}

async function askHttp2(port: number): Promise<Answer> {
  const session = connectHttp2(`https://127.0.0.1:${port}`, { rejectUnauthorized: false })
  const answer = await new Promise<Answer>((resolve, reject) => {
    let text = ''
    const stream = session.request({ ':path': '/json' })
    stream.setEncoding('utf8').on('data', (chunk) => {
      text += chunk
    })
    stream.on('end', () => resolve(JSON.parse(text))).on('error', reject)
  })
  session.destroy()
  return answer
}

function answerOf(tls: TLSSocket, reader: ResponseReader): Promise<HttpResponse> {
  return new Promise((resolve, reject) => {
    const take = (chunk: Buffer): void => {
      reader.push(chunk)
      const response = reader.next()
      if (response === undefined) return
      tls.off('data', take)
      resolve(response)
    }
    tls.on('data', take)
    tls.once('error', reject)
    tls.once('close', () => reject(new Error('closed without an answer')))
  })
}

function expectRoundTrip(answer: Answer, { connections }: Relay, exchange: Exchange): void {
  const seen = connections.find(({ port }) => port === answer.peer.port)!
  const { from, to } = relayedRoundTrip(seen, exchange)
  const found = answer.timing.tlsRoundTripMilliseconds!
  expect(found).toBeGreaterThanOrEqual(from - TWO_JIFFIES)
  expect(found).toBeLessThanOrEqual(to + TWO_JIFFIES)
}

/** A server on Node, bundled as the package is; koffi comes from where `NODE_MODULES` says, by default the checkout. */
async function startOnNode(words: readonly string[]): Promise<TestServer> {
  const { path: directory } = temporaryDirectory()
  symlinkSync(NODE_MODULES, join(directory, 'node_modules'))
  const entry = join(ROOT, 'test/runtime/servers/node-json.ts')
  await Bun.build({ entrypoints: [entry], target: 'node', outdir: directory, naming: 'server.mjs' })
  return startServer(undefined, join(directory, 'server.mjs'), {}, { program: NODE!, arguments: words })
}

const NODE = Bun.which('node')
const NODE_MODULES = process.env.NODE_MODULES ?? join(ROOT, 'node_modules')

/** Why there is no test on Node; koffi is an optional peer, which no other test needs. */
function whyNotNode(): string | undefined {
  if (NODE === null) return 'no node'
  if (existsSync(join(NODE_MODULES, 'koffi'))) return undefined
  return Bun.spawnSync([NODE, '-e', 'require("node:ffi")']).exitCode === 0
    ? undefined
    : 'Node has no node:ffi, and koffi is not installed'
}

for (const runtime of [...RUNTIMES, 'node'] as const) {
  const reason = runtime === 'node' ? whyNotNode() : undefined
  describe.skipIf(reason !== undefined)(
    `TLS round trip on ${runtime}${reason === undefined ? '' : ` [skipped: ${reason}]`}`,
    () => {
      const start = (words: Readonly<Record<string, string>>): Promise<TestServer> =>
        runtime === 'node'
          ? startOnNode(Object.entries(words).map(([name, value]) => `${name}=${value}`))
          : startJsonServer(runtime, undefined, { ...words, HOSTNAME_TO_BIND: '127.0.0.1' })
      let server: TestServer
      let plain: TestServer
      beforeAll(async () => {
        ;[server, plain] = await Promise.all([start({ TLS: '1', HTTP2: '1' }), start({})])
        // So that no compilation falls into a measurement.
        for (const version of ['TLSv1.2', 'TLSv1.3'] as const) await ask({ port: server.port, version, requests: 2 })
      })
      afterAll(async () => {
        await Promise.all([server?.stop(), plain?.stop()])
      })

      for (const delay of [0, 10, 40, 100]) {
        for (const split of [false, true]) {
          test(`behind a relay of ${delay} ms each way, ClientHello of ${split ? 'two segments' : 'one segment'}`, async () => {
            await using relay = await startRelay({ port: server.port, delay, ...(split && { split: 2 }) })
            const versions = ['TLSv1.2', 'TLSv1.3'] as const
            const waits = [{}, { helloAfter: 60 }, { requestAfter: 150 }]
            const all = await Promise.all(
              versions.flatMap((version) =>
                waits.map((wait) => ask({ port: relay.port, version, requests: 1, ...wait })),
              ),
            )
            for (const [i, answers] of all.entries()) {
              const answer = answers[0]!
              const { tlsRoundTripMilliseconds: found, handshakeRtt } = answer.timing
              // The relay's own handshake, on this machine.
              expect(handshakeRtt!.microseconds).toBeLessThan(10_000)
              if (runtime === 'deno' && i >= waits.length) {
                // With TLS 1.3 rustls sends session tickets at the client's Finished.
                expect(found).toBeUndefined()
                continue
              }
              const wait = waits[i % waits.length]!.requestAfter ?? 0
              expect(found).toBeGreaterThanOrEqual(2 * delay + wait - TWO_JIFFIES)
              expectRoundTrip(answer, relay, { isFlightFirst: runtime === 'node' && i >= waits.length })
              expect(answer.env.FINGERPRINT_TLS_ROUND_TRIP).toBe(String(found))
            }
          })
        }
      }

      if (runtime !== 'deno') {
        test(`signsOfRelay tells ${RUNS} direct clients from as many behind a relay of 10 ms each way`, async () => {
          await using relay = await startRelay({ port: server.port, delay: 10 })
          const signs = async (wish: Wish): Promise<string> => {
            const [answer] = await ask(wish)
            return signsOfRelay(answer as unknown as RelayFacts)
              .map(({ name }) => name)
              .join()
          }
          for (let run = 0; run < RUNS; run++) {
            expect(await signs({ port: relay.port })).toContain('tls-round-trip')
          }
          let atOnce = 0
          for (let tries = 0; atOnce < RUNS && tries < 10 * RUNS; tries++) {
            let elapsed = 0
            const names = await signs({
              port: server.port,
              onAsked: (milliseconds) => {
                elapsed = milliseconds
              },
            })
            if (elapsed > AT_ONCE) continue
            expect(names).toBe('')
            atOnce += 1
          }
          expect(atOnce).toBe(RUNS)
        }, 60_000)
      }

      test('later requests say the same, however late they come', async () => {
        await using relay = await startRelay({ port: server.port, delay: 20 })
        const answers = await ask({ port: relay.port, version: 'TLSv1.2', requests: 3, between: 80 })
        const times = answers.map(({ timing }) => timing.tlsRoundTripMilliseconds)
        expect(answers.map(({ connection }) => connection.request)).toEqual([1, 2, 3])
        expect(times[0]).toBeGreaterThanOrEqual(40 - TWO_JIFFIES)
        expect(times).toEqual([times[0], times[0], times[0]])
      })

      test('is absent where the first request that is looked at is not the connection\u2019s first', async () => {
        const [, answer] = await ask({
          port: server.port,
          version: 'TLSv1.2',
          requests: 2,
          between: 50,
          text: (i) => (i === 0 ? REQUEST.replace('/json', '/healthz') : REQUEST),
        })
        expect(answer!.timing.tlsRoundTripMilliseconds).toBeUndefined()
      })

      if (runtime !== 'node') {
        test('is absent without a Connection field, which only HTTP/1.1 has', async () => {
          const text = (): string => REQUEST.replace('Connection: keep-alive\r\n', '')
          const [answer] = await ask({ port: server.port, version: 'TLSv1.2', text })
          expect(answer!.timing.tlsRoundTripMilliseconds).toBeUndefined()
          expect(answer!.timing.handshakeRtt).toBeDefined()
        })

        test('is absent over HTTP/2, whose SETTINGS the server sends before any request', async () => {
          const answer = await askHttp2(server.port)
          expect(answer.timing.tlsRoundTripMilliseconds).toBeUndefined()
          expect(answer.timing.handshakeRtt).toBeDefined()
        })
      } else {
        test('over HTTP/2', async () => {
          for (const delay of [0, 10, 40, 100]) {
            await using relay = await startRelay({ port: server.port, delay })
            const answer = await askHttp2(relay.port)
            expectRoundTrip(answer, relay, { isFlightFirst: true, isHttp2: true })
            expect(answer.timing.tlsRoundTripMilliseconds).toBeGreaterThanOrEqual(2 * delay - TWO_JIFFIES)
          }
        })

        test('with a ClientHello whose second part comes late', async () => {
          await using relay = await startRelay({ port: server.port, delay: 20, split: 60 })
          const [answer] = await ask({ port: relay.port, version: 'TLSv1.3' })
          expectRoundTrip(answer!, relay, { isFlightFirst: true })
        })
      }

      test('is absent over plain HTTP', async () => {
        const headers = { Connection: 'keep-alive' }
        const answer = (await (await fetch(`http://127.0.0.1:${plain.port}/json`, { headers })).json()) as Answer
        expect(answer.timing.tlsRoundTripMilliseconds).toBeUndefined()
        expect(answer.timing.firstDataDelayMilliseconds).toBeDefined()
      })

      test('a resumed session', async () => {
        await using relay = await startRelay({ port: server.port, delay: 20 })
        for (const version of ['TLSv1.2', 'TLSv1.3'] as const) {
          const session = await sessionOf(server.port, version)
          const [answer] = await ask({ port: relay.port, version, session })
          const found = answer!.timing.tlsRoundTripMilliseconds
          if (runtime === 'deno' && version === 'TLSv1.3') expect(found).toBeUndefined()
          else expectRoundTrip(answer!, relay, { isFlightFirst: runtime === 'node' && version === 'TLSv1.3' })
        }
      })
    },
  )
}
