import { afterAll, beforeAll, expect, test } from 'bun:test'
import type { Delivery } from '../../src/connection/delivery.ts'
import type { ConnectOptions } from '../lab/connect-options.ts'
import { createNetns, type Netns } from '../lab/netns.ts'
import type { PeerConnection } from '../lab/peer-connection.ts'
import { needs } from '../lab/privilege.ts'
import { startServer, type TestServer } from '../lab/server.ts'
import { createTunPeer, type TunPeer } from '../lab/tun-peer.ts'
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

  test('time that a peer holds the server up with its window, within 20 %', async () => {
    let closes = false
    let closed = 0
    // Octets that the window never limits while it is open.
    const connection = await connect({
      window: 0xffff,
      dropData: () => {
        if (closes) closed = connection.announceWindow(0)
        closes = false
        return false
      },
    })
    await ask(connection)
    // One segment fits. With its arrival, and no sooner, the server begins to wait.
    connection.announceWindow(2048)
    closes = true
    const asked = performance.now()
    const answer = connection.request(get('/large?octets=1000000'))
    await until('the window to be closed', () => closed > 0)
    await Bun.sleep(500)
    const opened = connection.announceWindow(undefined)
    expect((await answer).body.length).toBe(1_000_000)
    const { receiverLimitedMilliseconds: limited, busyMilliseconds } = (await ask(connection))!
    expect(limited).toBeGreaterThan((opened - closed) * 0.8)
    // On a busy machine the peer is late to see that the server has begun to wait, which was after the request.
    expect(limited).toBeLessThan((opened - asked) * 1.2)
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
