import { describe, expect, test } from 'bun:test'
import type { Libc } from '../../ffi/libc.ts'
import type { DiagSocket, SockDiag } from '../../ffi/sock-diag.ts'
import type { ClientConnection } from '../../src/packets/client-connection.ts'
import { ClientLookup } from '../../src/packets/client-lookup.ts'
import { Endings, SILENT } from '../../src/packets/endings.ts'
import type { PacketSource } from '../../src/packets/packet-source.ts'
import { SynReader } from '../../src/packets/syn-ends.ts'
import { SynTable } from '../../src/packets/syn-table.ts'
import { type AddressWords, createAddressWords, parseAddress } from '../../src/wire/sockaddr.ts'
import { STATE, tcpInfoOffset } from '../../src/wire/tcp-info.ts'
import { syn } from '../lab/linux-syn.ts'
import { linuxOptions } from '../lab/packet.ts'

const CLIENT = '192.0.2.10'
const PORT = 43_210
const words = (text: string): AddressWords => {
  const made = createAddressWords()
  parseAddress(text, made)
  return made
}

/** A socket that sock_diag lists. */
interface Listed {
  readonly serverPort: number
  readonly cookie: number
  readonly state?: number
  /** When the handshake ended. */
  readonly since: number
  /** When the server sent something last; as long as it has not, times are exact. */
  readonly sent?: number
  readonly received?: number
  readonly mss?: number
}

/** A lookup without a kernel: a clock, SYNs that wait, sockets that sock_diag lists. */
interface World {
  now: number
  listed: Listed[]
  refused: boolean
  lost: boolean
  /** Milliseconds. */
  lookupTakes: number
  readonly waiting: { sequence: number; serverPort?: number; mss?: number }[]
  readonly earlier: Set<number>
  syn(sequence: number, fields?: { serverPort?: number; mss?: number }): void
  /** Sequence number of the SYN that is the client's, or why none is. */
  ask(): number | string
  readonly lookup: ClientLookup
  /** Looks which connections have ended, as the source's timer does. */
  look(): void
}

function world(): World {
  const table = new SynTable<ClientConnection>(1024)
  const reader = new SynReader()
  let last = 0
  const found = { info: undefined, local: words('198.51.100.7') } as unknown as DiagSocket
  const diag = {
    found,
    lookup: (_local: AddressWords, localPort: number) => {
      if (self.refused) return -1
      self.now += self.lookupTakes
      const one = self.listed.find(({ serverPort }) => serverPort === localPort)
      if (one === undefined) return 0
      const info = new DataView(new ArrayBuffer(280))
      info.setUint8(tcpInfoOffset('options'), 7)
      info.setUint8(tcpInfoOffset('snd_wscale'), 7)
      info.setUint32(tcpInfoOffset('snd_mss'), (one.mss ?? 1460) - 12, true)
      info.setUint32(tcpInfoOffset('rtt'), 1000, true)
      info.setUint32(tcpInfoOffset('last_data_sent'), self.now - (one.sent ?? one.since), true)
      info.setUint32(tcpInfoOffset('data_segs_out'), one.sent === undefined ? 0 : 1, true)
      info.setUint32(tcpInfoOffset('bytes_received'), one.received ?? 100, true)
      Object.assign(found, { state: one.state ?? STATE.ESTABLISHED, cookieLow: one.cookie, cookieHigh: 0, info })
      return 1
    },
    dump: () => (self.refused ? 'refused' : 'complete'),
    walk: () => () => (self.refused ? 'refused' : 'complete'),
    close() {},
    retry() {},
  } as unknown as SockDiag
  const source = {
    table,
    drain: () => {
      const came = self.waiting.length
      for (const { sequence, serverPort = 443, mss = 1460 } of self.waiting.splice(0)) {
        const { bytes } = syn({
          sequence,
          destination: { address: '198.51.100.7', port: serverPort },
          options: linuxOptions(mss),
        })
        const length = reader.read(bytes, bytes.length)
        table.add(reader.ends, reader.sequence, bytes, length, last, self.now)
      }
      last = self.now
      return came
    },
    lostSince: () => self.lost,
    isUnseen: (cookie: number) => self.earlier.has(cookie),
    isUnseenEnd: () => self.earlier.size > 0,
    counts: () => undefined,
    close() {},
  } as unknown as PacketSource
  // No netlink: there are no local addresses to search.
  const libc = { socket: () => -1, errno: () => 1 } as unknown as Libc
  const endings = new Endings(table, diag)
  const self: World = {
    now: 100_000,
    listed: [],
    refused: false,
    lost: false,
    lookupTakes: 0,
    waiting: [],
    earlier: new Set(),
    syn: (sequence, fields = {}) => {
      self.waiting.push({ sequence, ...fields })
    },
    ask: () => {
      const answer = self.lookup.find(CLIENT, PORT)
      if (typeof answer === 'string') return answer
      return answer.connection.syn?.own?.tcp.sequenceNumber ?? answer.connection.synReason!
    },
    lookup: new ClientLookup(libc, source, undefined, diag, () => self.now),
    look: () => endings.look(self.now),
  }
  return self
}

describe('ClientLookup: which SYN is the one of the connection', () => {
  test('a SYN and its connection; requests are counted', () => {
    const w = world()
    w.syn(1)
    w.listed = [{ serverPort: 443, cookie: 5, since: w.now }]
    expect(w.ask()).toBe(1)
    const again = w.lookup.find(CLIENT, PORT)
    if (typeof again === 'string') throw new Error(again)
    expect(again.connection).toMatchObject({ requests: 2, cookie: '5', source: 'packet', local: { port: 443 } })
    expect(again.info?.length).toBe(280)
  })

  test('the SYN of a connection that began a moment ago, where this process waits for a processor while it asks', () => {
    const w = world()
    // Drains what waits: the SYN comes after that.
    w.ask()
    w.syn(1)
    w.now += 2
    w.listed = [{ serverPort: 443, cookie: 5, since: w.now }]
    w.lookupTakes = 500
    expect(w.ask()).toBe(1)
  })

  test('a later SYN on a live connection that is known never replaces the first', () => {
    const w = world()
    w.syn(1)
    w.listed = [{ serverPort: 443, cookie: 5, since: w.now }]
    expect(w.ask()).toBe(1)
    for (let forged = 2; forged < 200; forged++) {
      w.now += 10
      w.syn(forged)
      w.syn(forged + 1000)
      expect(w.ask()).toBe(1)
    }
  })

  test('a forged SYN before the first request: the times tell, or it is ambiguous', () => {
    const w = world()
    w.syn(1)
    w.lookup.find('192.0.2.99', 1)
    w.listed = [{ serverPort: 443, cookie: 5, since: w.now + 30 }]
    w.now += 1000
    w.lookup.find('192.0.2.99', 1)
    w.syn(2)
    w.now += 100
    // Established before the second SYN came.
    expect(w.ask()).toBe(1)

    const other = world()
    other.syn(1)
    other.syn(2)
    other.listed = [{ serverPort: 443, cookie: 5, since: other.now }]
    expect(other.ask()).toBe('ambiguous')
    other.now += 100_000
    expect(other.ask()).toBe('ambiguous')
  })

  test('many forged SYNs: right where they came after the handshake, ambiguous where the own one may have been among them', () => {
    for (const [isEarlier, expected] of [
      [false, 1],
      [true, 'ambiguous'],
    ] as const) {
      const w = world()
      w.lookup.find('192.0.2.99', 1)
      const flood = (): void => {
        for (let forged = 2; forged < 40; forged++) w.syn(forged, { mss: 1000 })
        w.now += 10
        w.lookup.find('192.0.2.99', 1)
      }
      if (isEarlier) flood()
      w.syn(1)
      w.now += 10
      w.lookup.find('192.0.2.99', 1)
      w.listed = [{ serverPort: 443, cookie: 5, since: w.now, mss: isEarlier ? 1000 : 1460 }]
      w.now += 100
      w.lookup.find('192.0.2.99', 1)
      if (!isEarlier) flood()
      expect(w.ask()).toBe(expected)
    }
  })

  test('a connection without a SYN of its own does not get one that comes later, whatever the proxy has sent since', () => {
    const w = world()
    w.syn(1, { mss: 500 })
    const since = w.now
    w.listed = [{ serverPort: 443, cookie: 5, since, mss: 1460 }]
    expect(w.ask()).toBe('not-saved')
    w.now += 10_000
    w.syn(2)
    w.now += 100
    w.listed = [{ serverPort: 443, cookie: 5, since, sent: w.now, mss: 1460 }]
    expect(w.ask()).toBe('not-saved')
    w.listed = []
    expect(w.ask()).toBe('ambiguous')
  })

  test('SYNs that were never seen: one that comes later with their ends is not the SYN of the client that has gone', () => {
    const w = world()
    w.earlier.add(5)
    w.syn(1)
    expect(w.ask()).toBe('ambiguous')
    w.earlier.clear()
    expect(w.ask()).toBe(1)
  })

  test('a forged SYN of another shape is told from the real one by TCP_INFO', () => {
    const w = world()
    w.syn(1, { mss: 1460 })
    w.syn(2, { mss: 1000 })
    w.listed = [{ serverPort: 443, cookie: 5, since: w.now, mss: 1460 }]
    // One of two that came together: which came first is known, and that none was before.
    expect(w.ask()).toBe(1)
  })

  test('a reused port: ambiguous while a request of the connection before may be on its way, then right', () => {
    const w = world()
    w.syn(1)
    w.listed = [{ serverPort: 443, cookie: 5, since: w.now }]
    expect(w.ask()).toBe(1)
    w.now += 20
    w.syn(2)
    w.listed = [{ serverPort: 443, cookie: 6, since: w.now }]
    expect(w.ask()).toBe('ambiguous')
    w.now += 6000
    expect(w.ask()).toBe(2)
    // Long after the last request, nothing is on its way.
    w.now += 120_000
    w.syn(3)
    w.listed = [{ serverPort: 443, cookie: 7, since: w.now }]
    expect(w.ask()).toBe(3)
  })

  test('a reused port: right at once where sock_diag has listed the connection before no more for five seconds', () => {
    for (const [after, expected] of [
      [4000, 'ambiguous'],
      [5100, 2],
    ] as const) {
      const w = world()
      w.syn(1)
      w.listed = [{ serverPort: 443, cookie: 5, since: w.now }]
      expect(w.ask()).toBe(1)
      w.listed = []
      w.now += 1000
      w.look()
      w.now += after
      w.look()
      w.syn(2)
      w.listed = [{ serverPort: 443, cookie: 6, since: w.now }]
      expect(w.ask()).toBe(expected)
    }
  })

  test('a look finds what is alive alive, and a connection with the same ends another', () => {
    const w = world()
    w.syn(1)
    w.listed = [{ serverPort: 443, cookie: 5, since: w.now }]
    expect(w.ask()).toBe(1)
    w.now += 10_000
    w.look()
    w.syn(2)
    w.lookup.find('192.0.2.99', 1)
    w.listed = [{ serverPort: 443, cookie: 6, since: w.now }]
    w.now += 1000
    w.look()
    w.now += 3000
    // The one before may have ended as late as the SYN came.
    expect(w.ask()).toBe('ambiguous')
    w.now += 2000
    expect(w.ask()).toBe(2)
  })

  test('a connection to another port of the proxy: ambiguous for five seconds after it was found to have ended', () => {
    const w = world()
    w.syn(1)
    w.listed = [{ serverPort: 443, cookie: 5, since: w.now }]
    expect(w.ask()).toBe(1)
    w.now += 30_000
    w.syn(2, { serverPort: 80 })
    w.listed.push({ serverPort: 80, cookie: 6, since: w.now })
    expect(w.ask()).toBe('ambiguous')
    w.now += 20_000
    w.listed.shift()
    // Long after it was opened, the other one has only just gone.
    expect(w.ask()).toBe('ambiguous')
    w.now += 5100
    expect(w.ask()).toBe(2)
  })

  test('a connection without a request, then another from the same port: never the first SYN', () => {
    const w = world()
    w.syn(1)
    w.lookup.find('192.0.2.99', 1)
    w.now += 500
    w.syn(2)
    w.listed = [{ serverPort: 443, cookie: 6, since: w.now }]
    expect(w.ask()).toBe('ambiguous')
    w.now += 70_000
    w.listed = []
    w.syn(3)
    w.listed = [{ serverPort: 443, cookie: 7, since: w.now }]
    expect([3, 'ambiguous']).toContain(w.ask())
  })

  test('a connection that has carried no octet is not the one of the request', () => {
    const w = world()
    w.syn(1)
    w.listed = [{ serverPort: 443, cookie: 5, since: w.now, received: 0 }]
    expect(w.ask()).toBe('ambiguous')
  })

  test('one port, two connections to two ports of the proxy: ambiguous while both live', () => {
    const w = world()
    w.syn(1)
    w.syn(2, { serverPort: 80 })
    w.listed = [
      { serverPort: 443, cookie: 5, since: w.now },
      { serverPort: 80, cookie: 6, since: w.now },
    ]
    expect(w.ask()).toBe('ambiguous')
    w.listed.pop()
    expect(w.ask()).toBe('ambiguous')
    w.now += 6000
    expect(w.ask()).toBe(1)
  })

  test('the client has gone: its only SYN; of two, none', () => {
    const w = world()
    w.syn(1)
    expect(w.ask()).toBe(1)
    w.syn(2)
    expect(w.ask()).toBe('ambiguous')
  })

  test('a connection from before the source, and one whose SYN was dropped', () => {
    const w = world()
    w.earlier.add(5)
    w.listed = [{ serverPort: 443, cookie: 5, since: 1000, sent: w.now }]
    w.syn(2)
    expect(w.ask()).toBe('not-saved')
    const lossy = world()
    lossy.lost = true
    lossy.syn(2)
    lossy.listed = [{ serverPort: 443, cookie: 6, since: lossy.now }]
    expect(lossy.ask()).toBe('ambiguous')
  })

  test('a SYN that came while the kernel was asked makes the lookup look again', () => {
    const w = world()
    w.syn(1)
    w.listed = [{ serverPort: 443, cookie: 5, since: w.now }]
    const { listed } = w
    let reads = 0
    Object.defineProperty(w, 'listed', {
      get: () => {
        if (reads++ === 0) w.syn(2)
        return listed
      },
    })
    expect([1, 'ambiguous']).toContain(w.ask())
  })

  test('without sock_diag: the SYN alone, ambiguous where there are two', () => {
    const w = world()
    w.refused = true
    w.syn(1)
    expect(w.lookup.isDiagSilent).toBe(false)
    expect(w.ask()).toBe(1)
    expect(w.lookup.isDiagSilent).toBe(true)
    expect(w.ask()).toBe(1)
    w.syn(2)
    expect(w.ask()).toBe('ambiguous')
  })

  test('a client of which nothing is known', () => {
    expect(world().ask()).toBe('not-found')
    expect(world().lookup.find('no address', 1)).toBe('not-found')
  })
})

describe('Endings', () => {
  test('asks for at most 512 of those that have given a sign lately, once a second, all in turn', () => {
    const table = new SynTable<ClientConnection>(4096)
    const asked = new Map<number, number>()
    const diag = {
      lookup: (_local: AddressWords, _localPort: number, _peer: AddressWords, port: number) => {
        asked.set(port, (asked.get(port) ?? 0) + 1)
        return port % 2
      },
      found: { state: STATE.ESTABLISHED, cookieLow: 1, cookieHigh: 0 },
      retry() {},
    } as unknown as SockDiag
    const now = 200_000
    const claim = (lastSeen: number): ClientConnection =>
      ({ server: words('198.51.100.7'), local: { port: 443 }, peer: {}, lastSeen, is: () => true }) as never
    for (let port = 1; port <= 1200; port++) {
      const ends = { client: words(CLIENT), clientPort: port, server: words('198.51.100.7'), serverPort: 443 }
      if (table.isFull) table.makeRoom(now, () => true)
      table.add(ends, port, new Uint8Array(60), 60, now, now)
      const slot = table.of(ends.client, port)[0]!
      const made = claim(port > 1000 ? now - 61_000 : now)
      ;(made.peer as { port: number }).port = port
      table.claim(slot, made)
    }
    const endings = new Endings(table, diag)
    endings.look(now)
    expect(asked.size).toBe(512)
    endings.look(now + 999)
    expect(asked.size).toBe(512)
    endings.look(now + 1000)
    expect(asked.size).toBe(1000)
    const slotOf = (port: number): number => table.of(words(CLIENT), port)[0]!
    expect([table.endedAt(slotOf(2)), table.endedAt(slotOf(3))]).toEqual([now, Number.POSITIVE_INFINITY])
    // What has ended is asked for no more.
    endings.look(now + 2000)
    endings.look(now + 3000)
    expect([asked.get(2), asked.get(3)! > 1]).toEqual([1, true])
  })

  test('looks at each SYN once, also where thousands of a flood are beside the few of clients', () => {
    const table = new SynTable<ClientConnection>(16_384)
    const put = (port: number): void => {
      const ends = { client: words(CLIENT), clientPort: port, server: words('198.51.100.7'), serverPort: 443 }
      if (table.isFull) table.makeRoom(0, () => true)
      table.add(ends, port, new Uint8Array(60), 60, 0, 0)
    }
    for (let port = 1; port <= 3000; port++) put(port)
    const [slot] = table.of(words(CLIENT), 7)
    table.claim(slot!, { server: words('::'), local: {}, peer: {}, lastSeen: -SILENT } as never)
    let looks = 0
    const counted = new Proxy(table, {
      get: (target, name) => {
        const value = Reflect.get(target, name, target) as unknown
        if (name === 'claimOf' || name === 'endedAt') looks++
        return typeof value === 'function' ? value.bind(target) : value
      },
    })
    new Endings(counted, { lookup: () => 1 } as unknown as SockDiag).look(1)
    expect(looks).toBe(3001)
  })

  test('nothing where there is nothing, and an end at the first refusal', () => {
    let asked = 0
    const refusing = {
      lookup: () => {
        asked++
        return -1
      },
    } as unknown as SockDiag
    const table = new SynTable<ClientConnection>(64)
    new Endings(table, refusing).look(0)
    expect(asked).toBe(0)
    for (let port = 1; port < 9; port++) {
      const ends = { client: words(CLIENT), clientPort: port, server: words('198.51.100.7'), serverPort: 443 }
      table.add(ends, port, new Uint8Array(60), 60, 0, 0)
      table.claim(table.of(ends.client, port)[0]!, { server: words('::'), local: {}, peer: {}, lastSeen: 0 } as never)
    }
    new Endings(table, refusing).look(1)
    expect(asked).toBe(1)
  })
})
