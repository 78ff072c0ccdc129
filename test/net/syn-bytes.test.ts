import { afterAll, beforeAll, expect, test } from 'bun:test'
import type { SynFields } from '../lab/connect-options.ts'
import { createNetns, type Netns } from '../lab/netns.ts'
import { addressBytes, addressText, FLAG, linuxOptions, option, type Segment, tcpOptions } from '../lab/packet.ts'
import type { PeerConnection } from '../lab/peer-connection.ts'
import { needs } from '../lab/privilege.ts'
import { startServer, type TestServer } from '../lab/server.ts'
import { createTunPeer, type TunPeer } from '../lab/tun-peer.ts'
import { ODD_SYNS, randomSyn } from '../support/odd-syns.ts'
import { seeded } from '../support/seeded.ts'

const REQUEST = 'GET /json HTTP/1.1\r\nHost: bytes\r\nAccept: application/json\r\n\r\n'
const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')

interface Answer {
  readonly peer: { readonly address: string; readonly port: number }
  readonly local: { readonly port: number }
  readonly reason?: string
  readonly syn: {
    readonly hex: string
    readonly ip: any
    readonly tcp: any
  }
  readonly env: Readonly<Record<string, string>>
}

/** Compares the decoded fields with what this test's own reader finds in the packet that was sent. */
function expectFields(answer: Answer, sent: Segment): void {
  const { ip, tcp } = answer.syn
  const has = (flag: number): boolean => (sent.flags & flag) !== 0
  expect({ address: addressText(addressBytes(answer.peer.address)), port: answer.peer.port }).toEqual(sent.source)
  expect(answer.local.port).toBe(sent.destination.port)
  expect(ip).toMatchObject({ version: sent.version, dscp: sent.tos >>> 2, ecn: sent.tos & 3 })
  expect(sent.version === 4 ? ip.timeToLive : ip.hopLimit).toBe(sent.ttl)
  if (sent.version === 6) expect(ip).toMatchObject({ trafficClass: sent.tos, flowLabel: sent.flowLabel })
  expect(tcp).toMatchObject({
    sourcePort: sent.source.port,
    destinationPort: sent.destination.port,
    sequenceNumber: sent.sequence,
    acknowledgmentNumber: sent.acknowledgment,
    dataOffset: 5 + sent.options.length / 4,
    window: sent.window,
    urgentPointer: sent.urgentPointer,
    flags: {
      ae: has(FLAG.AE),
      cwr: has(FLAG.CWR),
      ece: has(FLAG.ECE),
      urg: has(FLAG.URG),
      ack: false,
      psh: has(FLAG.PSH),
      rst: false,
      syn: true,
      fin: false,
    },
  })
}

needs('netns', 'tun').describe('syn.hex', () => {
  let ns: Netns
  let peer: TunPeer
  const servers: Record<string, TestServer> = {}

  beforeAll(async () => {
    // Fast Open only for clients with a cookie: TFO_SERVER_ENABLE, TFO_SERVER_WO_SOCKOPT1.
    ns = createNetns({ sysctl: { 'net.ipv4.tcp_fastopen': 0x402 } })
    peer = createTunPeer(ns)
    const script = 'test/lab/json-server.ts'
    const started = await Promise.all([
      startServer(ns, script),
      startServer(ns, script, { FACE: 'plain', HOSTNAME_TO_BIND: peer.ipv4 }),
      startServer(ns, script, { FACE: 'plain', HOSTNAME_TO_BIND: peer.ipv6, DEFER_ACCEPT: 'keep' }),
    ])
    for (const [n, name] of ['dual-stack', 'IPv4 only', 'IPv6 only'].entries()) servers[name] = started[n]!
  })
  afterAll(async () => {
    await Promise.all(Object.values(servers).map((server) => server.stop()))
    await ns?.close()
  })

  async function ask(
    server: TestServer,
    family: 'ipv4' | 'ipv6',
    syn: SynFields,
  ): Promise<{ answer: Answer; connection: PeerConnection }> {
    const destination = { address: peer[family], port: server.port }
    const { connection, response } = await peer.exchange({ destination, syn }, REQUEST)
    connection.rst()
    return { answer: response.json<Answer>(), connection }
  }

  for (const { name, family, syn } of ODD_SYNS) {
    test(`is what was sent, octet by octet: ${name}`, async () => {
      for (const server of [
        servers['dual-stack']!,
        family === 'ipv4' ? servers['IPv4 only']! : servers['IPv6 only']!,
      ]) {
        const { answer, connection } = await ask(server, family, syn)
        expect(answer.syn.hex).toBe(hex(connection.syn))
        expect(answer.env.FINGERPRINT_SAVED_SYN).toBe(hex(connection.syn))
        expect(answer.reason).toBeUndefined()
        expectFields(answer, connection.synFields)
      }
    })
  }

  for (const seed of [1, 2, 3]) {
    test(`is what was sent, octet by octet: 100 random SYNs at once, seed ${seed}`, async () => {
      const random = seeded(seed)
      const all = await Promise.all(
        Array.from({ length: 100 }, () => {
          const { family, syn } = randomSyn(random)
          return ask(servers['dual-stack']!, family, syn)
        }),
      )
      for (const { answer, connection } of all) {
        expect(answer.syn.hex).toBe(hex(connection.syn))
        expectFields(answer, connection.synFields)
      }
    })
  }

  // These two options ask every host on the way to write into them, and Linux does before TCP sees the packet.
  const local = '0a420001'
  test('holds the address that Linux writes into a record route option', async () => {
    const { answer, connection } = await ask(servers['dual-stack']!, 'ipv4', {
      ipOptions: Uint8Array.of(7, 11, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0),
    })
    const sent = hex(connection.syn)
    expect(sent.slice(40, 64)).toBe(`070b04${'00'.repeat(9)}`)
    expect(answer.syn.hex).toBe(`${sent.slice(0, 40)}070b08${local}0000000000${sent.slice(64)}`)
    expect(answer.syn.ip.optionsLength).toBe(12)
  })
  test('holds the address and time that Linux writes into a timestamp option', async () => {
    const { answer, connection } = await ask(servers['dual-stack']!, 'ipv4', {
      ipOptions: Uint8Array.of(68, 12, 5, 1, 0, 0, 0, 0, 0, 0, 0, 0),
    })
    const sent = hex(connection.syn)
    expect(answer.syn.hex.slice(0, 40)).toBe(sent.slice(0, 40))
    expect(answer.syn.hex.slice(40, 56)).toBe(`440c0d01${local}`)
    expect(answer.syn.hex.slice(64)).toBe(sent.slice(64))
  })

  for (const family of ['ipv4', 'ipv6'] as const) {
    test(`Fast Open with a cookie over ${family}: the headers, not the data`, async () => {
      const destination = { address: peer[family], port: servers['dual-stack']!.port }
      const source = { address: family === 'ipv4' ? '198.51.100.99' : '2001:db8::99', port: 4001 }
      const asking = await peer.connect({
        destination,
        source,
        syn: { options: tcpOptions(option.mss(1400), option.fastOpen()) },
      })
      const cookie = asking.synAck?.fastOpenCookie
      expect(cookie).toHaveLength(8)
      asking.rst()
      const payload = new TextEncoder().encode(REQUEST)
      const options = tcpOptions(option.mss(1401), option.fastOpen(cookie))
      const connection = peer.open({
        destination,
        source: { ...source, port: 4002 },
        syn: { options, payload },
        ackDelayMs: 40,
      })
      connection.sendSyn()
      const answer = (await connection.response()).json<Answer>()
      // Answered from the SYN's data, before our ACK.
      expect(connection.synAck?.acknowledgment).toBe((connection.synFields.sequence + 1 + payload.length) >>> 0)
      expect(answer.syn.hex).toBe(hex(connection.savedSyn))
      expect(answer.syn.hex).toEndWith(hex(options))
      expect(answer.syn.tcp.mss).toBe(1401)
      connection.rst()
    })
  }

  test('is that of the first SYN when the client changes its mind', async () => {
    // The kernel keeps the request of the first SYN; the second differs in its options and has the same sequence number.
    const destination = { address: peer.ipv4, port: servers['dual-stack']!.port }
    const source = { address: '198.51.100.98', port: 4003 }
    const syn = { sequence: 1000, options: linuxOptions(1000) }
    const connection = peer.open({ destination, source, syn, manual: true })
    connection.sendSyn()
    await connection.waitSynAck()
    const other = peer.open({ destination, source, syn: { ...syn, ttl: 9, options: linuxOptions(1300) } })
    peer.inject(other.syn)
    connection.sendAck({ data: REQUEST })
    const answer = (await connection.response()).json<Answer>()
    expect(answer.syn.hex).toBe(hex(connection.syn))
    connection.rst()
  })

  test('is each connection its own when a tuple is used again and again', async () => {
    const destination = { address: peer.ipv4, port: servers['dual-stack']!.port }
    const source = { address: '198.51.100.97', port: 4004 }
    for (let n = 0; n < 50; n += 1) {
      const options = { destination, source, syn: { ttl: 1 + n, options: linuxOptions(600 + n) } }
      const { connection, response } = await peer.exchange(options, REQUEST)
      expect(response.json<Answer>().syn.hex).toBe(hex(connection.syn))
      connection.rst()
    }
  })

  test('nothing is left open', () => {
    expect(peer.size).toBe(0)
  })
})
