import { afterAll, beforeAll, expect, test } from 'bun:test'
import { ODD_SYNS } from '../support/odd-syns.ts'
import type { ConnectOptions } from './connect-options.ts'
import { between, outside } from './moments.ts'
import { createNetns, type Netns } from './netns.ts'
import { buildPacket, type Endpoint, linuxOptions, option, tcpOptions } from './packet.ts'
import type { PeerConnection } from './peer-connection.ts'
import { needs } from './privilege.ts'
import { createProbe, type Probe, type ProbeConnection, type ProbeOptions } from './probe.ts'
import { startTls, TEST_CERTIFICATE } from './tls-peer.ts'
import { createTunPeer, type TunPeer } from './tun-peer.ts'
import { PeerError } from './waiters.ts'

/** Issue 2: within 2 ms or 5 % of the delay. */
const tolerance = (delayMs: number): number => Math.max(2, delayMs * 0.05)
/** How far the kernel's sample is from what really passed between the SYN-ACK and what completed the handshake. */
function handshakeError(
  rtt: number,
  connection: PeerConnection,
  setMs: number,
  completed = connection.times.ack,
): number {
  const real = between(connection.times.synAck, completed)
  expect(real.to).toBeGreaterThanOrEqual(setMs)
  return outside(rtt / 1000, real)
}
/** Two jiffies at HZ=250. */
const TWO_JIFFIES_MS = 8

needs('netns', 'tun').describe('createTunPeer', () => {
  let ns: Netns
  let peer: TunPeer
  const probes: Probe[] = []

  beforeAll(() => {
    ns = createNetns()
    peer = createTunPeer(ns)
  })
  afterAll(async () => {
    for (const probe of probes) probe.close()
    await ns.close()
  })

  function listen(options: Partial<ProbeOptions> = {}): Probe {
    const probe = createProbe(ns, { address: peer.ipv4, ...options })
    probes.push(probe)
    return probe
  }

  async function meet(
    probe: Probe,
    options: Partial<ConnectOptions> = {},
  ): Promise<{ connection: PeerConnection; child: ProbeConnection }> {
    const connection = peer.open({ destination: probe.endpoint, ...options })
    connection.sendSyn()
    return { connection, child: await probe.accept() }
  }

  for (const family of ['ipv4', 'ipv6'] as const) {
    for (const delay of [10, 35, 200]) {
      test(`${family}: an ACK ${delay} ms late is the RTT, and nothing else is counted in it`, async () => {
        const { connection, child } = await meet(listen({ address: peer[family] }), {
          ackDelayMs: delay,
          data: 'hello',
          dataDelayMs: 60,
        })
        expect(new TextDecoder().decode((await child.readSoon())!)).toBe('hello')
        const info = child.info()
        expect(handshakeError(info.rtt, connection, delay)).toBeLessThan(tolerance(delay))
        expect(info.min_rtt).toBe(info.rtt)
        expect(info.total_retrans).toBe(0)
        expect(info.segs_in - info.data_segs_in).toBe(2)
        const wait = between(connection.times.ack, connection.times.firstData)
        expect(wait.to).toBeGreaterThanOrEqual(60)
        expect(outside(info.last_data_sent - info.last_data_recv, wait)).toBeLessThanOrEqual(TWO_JIFFIES_MS)
        connection.rst()
      })
    }
  }

  test('a dropped SYN-ACK comes again, and its ACK is measured by the timestamp echo', async () => {
    const { connection, child } = await meet(listen(), { dropSynAcks: 1, ackDelayMs: 40 })
    const info = child.info()
    expect(connection.synAcks).toHaveLength(2)
    expect(info.total_retrans).toBe(1)
    expect(info.rtt % 1000).toBe(0)
    expect(handshakeError(info.rtt, connection, 40)).toBeLessThan(2)
    expect(child.savedSyn()).toEqual(connection.savedSyn)
    connection.rst()
  })

  test('a dropped SYN-ACK without timestamps gives no sample', async () => {
    const syn = { options: tcpOptions(option.mss(1460)) }
    const { connection, child } = await meet(listen(), { dropSynAcks: 1, syn })
    expect(child.info()).toMatchObject({ rtt: 0, min_rtt: 0xffffffff, total_retrans: 1 })
    connection.rst()
  })

  test('a SYN sent again makes the kernel send its SYN-ACK again', async () => {
    const { connection, child } = await meet(listen(), { resendSynMs: [20], ackDelayMs: 80 })
    expect(connection.synAcks).toHaveLength(2)
    expect(child.info().total_retrans).toBe(1)
    connection.rst()
  })

  test('a lost ACK lets the data complete the handshake, and the wait is in the RTT', async () => {
    const { connection, child } = await meet(listen(), { ackLost: true, ackDelayMs: 30, data: 'x', dataDelayMs: 120 })
    const info = child.info()
    expect(handshakeError(info.rtt, connection, 150, connection.times.firstData)).toBeLessThan(tolerance(150))
    expect(info.segs_in - info.data_segs_in).toBe(1)
    connection.rst()
  })

  test('a listener that defers accept throws the bare ACK away', async () => {
    const { connection, child } = await meet(listen({ deferAccept: 1 }), {
      ackDelayMs: 30,
      data: 'x',
      dataDelayMs: 100,
    })
    expect(handshakeError(child.info().rtt, connection, 130, connection.times.firstData)).toBeLessThan(tolerance(130))
    connection.rst()
  })

  test('SYN cookies leave no SYN and an RTT in whole milliseconds', async () => {
    ns.setSysctl('net.ipv4.tcp_syncookies', 2)
    try {
      const { connection, child } = await meet(listen(), { ackDelayMs: 30 })
      expect(child.savedSyn()).toHaveLength(0)
      const { rtt } = child.info()
      expect(rtt % 1000).toBe(0)
      // The cookie takes the low six bits of the stamp: up to 64 ms too high, and both stamps are whole milliseconds.
      const real = between(connection.times.synAck, connection.times.ack)
      expect(rtt / 1000).toBeGreaterThanOrEqual(real.from - 1)
      expect(rtt / 1000).toBeLessThanOrEqual(real.to + 65)
      connection.rst()
    } finally {
      ns.setSysctl('net.ipv4.tcp_syncookies', 1)
    }
  })

  for (const address of ['ipv4', 'ipv6'] as const) {
    test(`Fast Open over ${address}: a cookie is given, then data is taken from the SYN`, async () => {
      ns.setSysctl('net.ipv4.tcp_fastopen', 3)
      const probe = listen({ address: peer[address], fastOpen: 16 })
      const mss = option.mss(1400)
      const first = await meet(probe, { syn: { options: tcpOptions(mss, option.fastOpen()) } })
      const cookie = first.connection.synAck?.fastOpenCookie
      expect(cookie?.length).toBe(8)
      expect(first.child.savedSyn()).toEqual(first.connection.savedSyn)
      first.connection.rst()

      const source: Endpoint = { address: first.connection.source.address, port: 50_001 }
      const payload = new TextEncoder().encode('early')
      const second = peer.open({
        destination: probe.endpoint,
        source,
        syn: { options: tcpOptions(mss, option.fastOpen(cookie)), payload },
        ackDelayMs: 60,
      })
      second.sendSyn()
      const child = await probe.accept()
      expect(new TextDecoder().decode((await child.readSoon())!)).toBe('early')
      // SYN_RECV, and the option flags SYN_DATA: accepted before the ACK.
      expect(child.info().state).toBe(3)
      expect(child.info().options & 32).toBe(32)
      child.write(new TextEncoder().encode('answer'))
      await second.waitEstablished()
      expect(handshakeError(child.info().rtt, second, 60)).toBeLessThan(tolerance(60))
      expect(new TextDecoder().decode((await second.read())!)).toBe('answer')
      expect(child.savedSyn()).toEqual(second.savedSyn)
      expect(second.savedSyn.length).toBe(second.syn.length - 5)
      second.rst()
      ns.setSysctl('net.ipv4.tcp_fastopen', 1)
    })
  }

  test('data of a SYN that the server did not take is sent again after the ACK', async () => {
    const payload = new TextEncoder().encode('not early')
    const { connection, child } = await meet(listen(), { syn: { payload } })
    expect(new TextDecoder().decode((await child.readSoon())!)).toBe('not early')
    connection.rst()
  })

  const plain = linuxOptions(1400, 5)
  for (const { name, family, syn } of ODD_SYNS) {
    test(`the kernel saves the SYN octet by octet: ${name}`, async () => {
      const { connection, child } = await meet(listen({ address: peer[family] }), { syn })
      expect(Buffer.from(child.savedSyn()).toString('hex')).toBe(Buffer.from(connection.savedSyn).toString('hex'))
      expect(connection.savedSyn).toEqual(connection.syn)
      connection.rst()
    })
  }

  test('a SYN with an MD5 signature nobody asked for is dropped by Linux', async () => {
    const connection = peer.open({
      destination: listen().endpoint,
      syn: { options: tcpOptions(option.md5()) },
      retransmit: false,
    })
    connection.sendSyn()
    await expect(connection.waitSynAck(50)).rejects.toMatchObject({ reason: 'timeout' })
    connection.rst()
  })

  test('raw octets go out as they are', async () => {
    const probe = listen()
    const source = { address: '203.0.113.77', port: 4242 }
    const raw = buildPacket({ source, destination: probe.endpoint, ttl: 99, sequence: 0xfffffffe, options: plain })
    const { connection, child } = await meet(probe, { raw, data: 'around the corner' })
    expect(child.peer).toEqual(source)
    expect(child.savedSyn()).toEqual(Uint8Array.from(raw))
    expect(new TextDecoder().decode((await child.readSoon())!)).toBe('around the corner')
    connection.rst()
  })

  for (const family of ['ipv4', 'ipv6'] as const) {
    test(`${family}: TTLs of SYN, ACK and data are each their own`, async () => {
      const { connection, child } = await meet(listen({ address: peer[family] }), {
        syn: { ttl: 51 },
        ackTtl: 52,
        data: 'x',
        dataTtl: 53,
      })
      await child.readSoon()
      expect(child.savedSyn()[family === 'ipv4' ? 8 : 7]).toBe(51)
      expect(child.handshakeTtl()).toBe(52)
      connection.rst()
    })
  }

  test('step by step: nothing goes out that was not called', async () => {
    const probe = listen()
    const connection = peer.open({ destination: probe.endpoint, manual: true, syn: { ttl: 61 } })
    const before = peer.size
    connection.sendSyn()
    expect(peer.size).toBe(before + 1)
    const synAck = await connection.waitSynAck()
    expect(synAck.acknowledgment).toBe((connection.synFields.sequence + 1) >>> 0)
    await expect(probe.accept(30)).rejects.toThrow('did not come')
    connection.sendAck({ ttl: 62, data: 'in the ACK' })
    const child = await probe.accept()
    expect(new TextDecoder().decode((await child.readSoon())!)).toBe('in the ACK')
    expect(child.handshakeTtl()).toBe(62)
    const info = child.info()
    expect(info.segs_in - info.data_segs_in).toBe(1)
    connection.send('abcdefghij', { segmentSize: 3 })
    let got = ''
    while (got.length < 10) got += new TextDecoder().decode((await child.readSoon())!)
    expect(got).toBe('abcdefghij')
    expect(child.info().data_segs_in).toBe(5)
    connection.fin()
    expect(await child.readSoon()).toBeNull()
    child.close()
    await connection.close()
    expect(connection.state).toBe('closed')
  })

  test('each ACK of data has its own delay, and the kernel samples it', async () => {
    // Each sample is worked into the estimate as tcp_rtt_estimator() does, by an eighth.
    const delays = [50, 20, 90]
    const { connection, child } = await meet(listen(), { ackDelayMs: 30, dataAckDelayMs: (n) => delays[n] ?? 0 })
    let { rtt: estimate } = child.info()
    let smallest = estimate
    for (const [n, delay] of delays.entries()) {
      child.write(Uint8Array.of(1, 2, 3))
      await connection.read()
      while (child.info().rtt === estimate) await Bun.sleep(1)
      const { rtt } = child.info()
      const sample = 8 * rtt - 7 * estimate
      const { data, ack } = connection.dataAcks[n]!
      expect(outside(sample / 1000, between(data, ack))).toBeLessThan(tolerance(delay))
      expect(between(data, ack).to).toBeGreaterThanOrEqual(delay)
      estimate = rtt
      smallest = Math.min(smallest, sample)
    }
    expect(Math.abs(child.info().min_rtt - smallest)).toBeLessThan(20)
    connection.rst()
  })

  test('large bodies pass in both directions', async () => {
    const { connection, child } = await meet(listen())
    const body = crypto.getRandomValues(new Uint8Array(60_000))
    connection.send(body)
    let up = 0
    while (up < body.length) up += (await child.readSoon())!.length
    for (let n = 0; n < 20; n += 1) child.write(body.subarray(n * 1000, (n + 1) * 1000))
    child.close()
    const parts: Uint8Array[] = []
    for (let part = await connection.read(); part !== null; part = await connection.read()) parts.push(part)
    expect(Buffer.concat(parts)).toEqual(Buffer.from(body.subarray(0, 20_000)))
    await connection.close()
  })

  test('a hundred connections at once keep their delays and requests apart', async () => {
    const server = ns.run(() =>
      Bun.serve({ hostname: peer.ipv4, port: 0, fetch: (req) => new Response(new URL(req.url).pathname) }),
    )
    const destination = { address: peer.ipv4, port: server.port! }
    const all = await Promise.all(
      Array.from({ length: 100 }, (_, n) =>
        peer.exchange({ destination, ackDelayMs: 5 + n, dataDelayMs: n % 7 }, `GET /${n} HTTP/1.1\r\nHost: x\r\n\r\n`),
      ),
    )
    for (const [n, { connection, response }] of all.entries()) {
      expect(response.text()).toBe(`/${n}`)
      const { ack, synAck } = connection.times
      expect(between(synAck, ack).to).toBeGreaterThanOrEqual(5 + n)
      connection.rst()
    }
    await server.stop(true)
  })

  test('a path delay is the round-trip time of everything', async () => {
    const { connection, child } = await meet(listen(), { pathDelayMs: 40, data: 'one', dataDelayMs: 60 })
    expect(new TextDecoder().decode((await child.readSoon())!)).toBe('one')
    const info = child.info()
    expect(handshakeError(info.rtt, connection, 40)).toBeLessThan(tolerance(40))
    // The ACK may be late, and the data not: only from the SYN-ACK on nothing can take less time.
    expect(between(connection.times.synAck, connection.times.firstData).to).toBeGreaterThanOrEqual(100)
    const wait = between(connection.times.ack, connection.times.firstData)
    expect(outside(info.last_data_sent - info.last_data_recv, wait)).toBeLessThanOrEqual(TWO_JIFFIES_MS)
    child.write(new TextEncoder().encode('answer'))
    expect(new TextDecoder().decode((await connection.read())!)).toBe('answer')
    // A second sample always changes the deviation; the average may by chance stay what it was.
    while (child.info().rttvar === info.rttvar) await Bun.sleep(1)
    const { data, ack } = connection.dataAcks[0]!
    expect(between(data, ack).to).toBeGreaterThanOrEqual(40)
    expect(outside((8 * child.info().rtt - 7 * info.rtt) / 1000, between(data, ack))).toBeLessThan(tolerance(40))
    child.close()
    expect(await connection.waitEnd()).toBe('fin')
    await connection.close()
    expect(child.fd).toBeGreaterThan(0)
  })

  test('TLS works over a connection', async () => {
    const server = ns.run(() =>
      Bun.serve({ hostname: peer.ipv4, port: 0, tls: TEST_CERTIFICATE, fetch: () => new Response('secret') }),
    )
    const connection = await peer.connect({ destination: { address: peer.ipv4, port: server.port! }, ackDelayMs: 10 })
    const tls = await startTls(connection)
    for (let n = 0; n < 2; n += 1) {
      const response = await tls.request('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n')
      expect(response.text()).toBe('secret')
    }
    tls.close()
    await server.stop(true)
  })

  test('a refused, a silent and a resetting server are told apart', async () => {
    const refused = peer.connect({ destination: { address: peer.ipv4, port: 9 } })
    await expect(refused).rejects.toMatchObject({ name: 'PeerError', reason: 'reset' })
    const silent = peer.open({ destination: { address: '10.66.0.99', port: 9 }, retransmit: false })
    silent.sendSyn()
    await expect(silent.waitSynAck(30)).rejects.toMatchObject({ reason: 'timeout' })
    silent.rst()
    const { connection, child } = await meet(listen())
    connection.send('unread')
    await Bun.sleep(5)
    child.close() // with unread data: RST
    expect(await connection.waitEnd()).toBe('reset')
    await expect(connection.read()).rejects.toBeInstanceOf(PeerError)
    expect(() => connection.send('too late')).toThrow(PeerError)
    expect(() => peer.open({ destination: { address: peer.ipv4, port: 9 } }).send('too early')).toThrow('"new"')
  })

  test('a reused tuple replaces the old connection', async () => {
    const probe = listen()
    const source = { address: '198.51.100.200', port: 7777 }
    const one = await meet(probe, { source, syn: { options: linuxOptions(1000) } })
    one.connection.rst()
    const two = await meet(probe, { source, syn: { options: linuxOptions(1001) } })
    expect(two.child.savedSyn()).toEqual(two.connection.savedSyn)
    expect(two.child.peer).toEqual(source)
    two.connection.rst()
  })

  test('nothing is left open', () => {
    expect(peer.size).toBe(0)
  })
})
