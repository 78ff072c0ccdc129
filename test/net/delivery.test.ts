import { afterAll, beforeAll, expect, test } from 'bun:test'
import type { Delivery } from '../../src/connection/delivery.ts'
import { createNetns, type Netns } from '../lab/netns.ts'
import { needs } from '../lab/privilege.ts'
import { startServer, type TestServer } from '../lab/server.ts'
import { type ConnectOptions, createTunPeer, type PeerConnection, type TunPeer } from '../lab/tun-peer.ts'
import { until } from '../support/wait.ts'

const get = (path: string): string => `GET ${path} HTTP/1.1\r\nHost: delivery\r\nAccept: application/json\r\n\r\n`

// What the library says between two requests is compared with what the peer saw come.
needs('netns', 'tun').describe('delivery', () => {
  let ns: Netns
  let peer: TunPeer
  let server: TestServer
  let first: TestServer

  beforeAll(async () => {
    ns = createNetns()
    peer = createTunPeer(ns)
    ;[server, first] = await Promise.all([
      startServer(ns, 'test/lab/json-server.ts'),
      startServer(ns, 'test/lab/json-server.ts', { TCP_INFO: 'connection' }),
    ])
  })
  afterAll(async () => {
    await Promise.all([server?.stop(), first?.stop()])
    await ns?.close()
  })

  const connect = (options: Partial<ConnectOptions> = {}, to: TestServer = server): Promise<PeerConnection> =>
    peer.connect({ destination: { address: peer.ipv4, port: to.port }, ...options })
  const ask = async (connection: PeerConnection): Promise<Delivery | undefined> =>
    (await connection.request(get('/json'))).json().delivery

  test('is absent at the first request, and then has the octets that came, exactly', async () => {
    const connection = await connect()
    expect(await ask(connection)).toBeUndefined()
    const before = connection.dataOctets
    const again = await ask(connection)
    expect(again!.bytesSent).toBe(before)
    const middle = connection.dataOctets
    const { body } = await connection.request(get('/large?octets=300000'))
    expect(body.length).toBe(300_000)
    const answered = connection.dataOctets
    const last = await ask(connection)
    expect(last).toMatchObject({ bytesSent: answered - before, bytesRetransmitted: 0, retransmits: 0 })
    expect(middle).toBeLessThan(answered - 300_000)
    expect(last!.bytesAcked).toBe(answered - before)
    expect(last!.milliseconds).toBeGreaterThan(0)
    expect(last!.deliveryRate).toBeGreaterThan(0)
    connection.rst()
  })

  test('time that a peer holds the server up with its window', async () => {
    const connection = await connect()
    await ask(connection)
    let limited = 0
    let busyMilliseconds = 0
    let milliseconds = 0
    let open = 0
    let closed = 0
    // On a busy machine all of an answer may have been sent before the window is closed: then once more.
    for (let isEarly = true, round = 0; isEarly && round < 8; round += 1) {
      const before = connection.dataSegments
      const answer = connection.request(get('/large?octets=8000000'))
      await until('some segments have come', () => connection.dataSegments > before + 10)
      closed = connection.announceWindow(0)
      isEarly = await Promise.race([answer.then(() => true), Bun.sleep(400).then(() => false)])
      open = connection.announceWindow(undefined)
      expect((await answer).body.length).toBe(8_000_000)
      ;({ receiverLimitedMilliseconds: limited, busyMilliseconds, milliseconds } = (await ask(connection))!)
    }
    expect(limited).toBeGreaterThan((open - closed) * 0.8)
    // A peer in user space keeps the server waiting at other times as well, the more the busier the machine is.
    expect(limited).toBeLessThanOrEqual(milliseconds)
    expect(busyMilliseconds).toBeGreaterThanOrEqual(limited)
    connection.rst()
  })

  test('segments that the peer has lost', async () => {
    let lose = -1
    const connection = await connect({ dropData: (index) => index === lose })
    await ask(connection)
    const before = { ...connection.repeated }
    lose = connection.dataSegments + 8
    expect((await connection.request(get('/large?octets=100000'))).body.length).toBe(100_000)
    const { segments, octets } = connection.repeated
    const { retransmits, bytesRetransmitted, bytesSent } = (await ask(connection))!
    expect(segments - before.segments).toBeGreaterThan(0)
    expect([retransmits, bytesRetransmitted]).toEqual([segments - before.segments, octets - before.octets])
    expect(bytesSent).toBeGreaterThan(100_000 + bytesRetransmitted)
    connection.rst()
  })

  test('is absent with TCP_INFO of the connection alone', async () => {
    const connection = await connect({}, first)
    expect(await ask(connection)).toBeUndefined()
    expect(await ask(connection)).toBeUndefined()
    connection.rst()
  })
})
