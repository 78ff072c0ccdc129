import { afterEach, expect, setSystemTime, spyOn, test } from 'bun:test'
import type { DiagSocket, SockDiag } from '../../ffi/sock-diag.ts'
import { PacketSource } from '../../src/packets/packet-source.ts'
import { createAddressWords, parseAddress } from '../../src/wire/sockaddr.ts'
import { syn } from '../lab/linux-syn.ts'
import { createFakeRing } from '../support/fake-ring.ts'

const CLIENT = '192.0.2.10'
const PORT = 43_210
const client = createAddressWords()
parseAddress(CLIENT, client)
const WALL = Date.UTC(2026, 0, 1)

afterEach(() => void setSystemTime())

/** A source without a kernel, its two clocks, and the connections that the kernel has. */
function source() {
  const { libc, put } = createFakeRing()
  let steady = 1000
  const live: { port: number; cookie: number }[] = []
  let drops = 0
  /** Connections in one answer of the kernel's, and how many lists were given up. */
  const walks = { atOnce: 1000, givenUp: 0 }
  const diag = {
    walk: (_filter: object, _limit: number, visit: (socket: DiagSocket) => void) => {
      const left = [...live]
      return (isGivenUp = false) => {
        if (isGivenUp) walks.givenUp++
        for (const { port, cookie } of left.splice(0, walks.atOnce))
          visit({ peer: client, peerPort: port, cookieLow: cookie, cookieHigh: 0 } as unknown as DiagSocket)
        return left.length === 0 ? 'complete' : undefined
      }
    },
    dump: () => 'complete',
  } as unknown as SockDiag
  libc.getsockopt = (_fd, _level, _option, value) => {
    value.fill(0)
    new DataView(value.buffer).setUint32(4, drops, true)
    drops = 0
    return 0
  }
  setSystemTime(WALL)
  const self = {
    live,
    walks,
    start: () => new PacketSource(libc, diag, {}, 1 << 15, () => steady),
    /** Time goes by on the steady clock; on the wall's as well, or as it is set. */
    wait(milliseconds: number, wall: number = milliseconds): void {
      steady += milliseconds
      setSystemTime(Date.now() + wall)
    },
    syn: (port = PORT, sequence = port): boolean =>
      put(syn({ source: { address: CLIENT, port }, sequence }).bytes, { time: Date.now() }),
    drop: (count: number) => void (drops = count),
    /** Nine connections come beside a loss, and a list of them is begun, three at a time. */
    loseNine(packets: PacketSource): void {
      for (let port = 100; self.syn(port); port++);
      self.drop(1)
      for (let port = 1; port <= 9; port++) live.push({ port, cookie: port })
      packets.drain()
      self.wait(5001)
      walks.atOnce = 3
      packets.drain()
    },
  }
  return self
}

test('a SYN came when the kernel says; where a clock was set, between two drains', () => {
  const { start, wait, syn } = source()
  const packets = start()
  wait(100)
  packets.drain()
  const from = 1100
  wait(300)
  syn()
  wait(600)
  expect(packets.drain()).toBe(1)
  const [slot] = packets.table.of(client, PORT)
  expect(packets.table.notBefore(slot!)).toBeCloseTo(from + 298, 3)
  expect(packets.table.notAfter(slot!)).toBeCloseTo(from + 302, 3)
  // The wall clock is set back by an hour.
  wait(100)
  syn(2)
  wait(100, -3_600_000)
  packets.drain()
  const [other] = packets.table.of(client, 2)
  expect([packets.table.notBefore(other!), packets.table.notAfter(other!)]).toEqual([2000, 2200])
  packets.close()
})

test('connections that were there before have no SYN, those that come after have theirs', () => {
  const { live, start, syn } = source()
  live.push({ port: 1, cookie: 11 }, { port: 2, cookie: 12 })
  syn(2)
  const packets = start()
  expect([packets.isUnseen(11, 0), packets.isUnseenEnd(client, 1)]).toEqual([true, true])
  expect([packets.isUnseen(12, 0), packets.isUnseenEnd(client, 2)]).toEqual([false, false])
  packets.close()
})

test('connections whose SYNs the kernel dropped are known when the loss is over, and forgotten when they have ended', () => {
  const { live, start, syn, wait, drop } = source()
  const packets = start()
  wait(10)
  // The ring is full, and the SYN of port 1 is lost.
  for (let port = 2; syn(port); port++);
  drop(1)
  live.push({ port: 1, cookie: 11 }, { port: 2, cookie: 12 })
  packets.drain()
  expect(packets.counts().dropped).toBe(1)
  wait(100)
  expect(packets.drain()).toBe(0)
  expect(packets.isUnseen(11, 0)).toBe(false)
  // A SYN that is forged now may be lost's own, as far as can be told.
  syn(1, 7)
  wait(1)
  packets.drain()
  const [early] = packets.table.of(client, 1)
  expect(packets.lostSince(early!)).toBe(true)
  packets.table.release(early!)
  wait(6000)
  live.push({ port: 9000, cookie: 13 })
  syn(9000)
  expect(packets.drain()).toBe(1)
  expect([packets.isUnseen(11, 0), packets.isUnseenEnd(client, 1)]).toEqual([true, true])
  // Their SYNs are here, or came in this very drain.
  expect([packets.isUnseen(12, 0), packets.isUnseen(13, 0)]).toEqual([false, false])
  wait(1)
  syn(1, 8)
  wait(1)
  packets.drain()
  expect(packets.isUnseen(11, 0)).toBe(true)
  // The next loss lists anew.
  live.length = 0
  for (let port = 10_000; syn(port); port++);
  drop(3)
  packets.drain()
  wait(6000)
  packets.drain()
  expect([packets.isUnseen(11, 0), packets.isUnseenEnd(client, 1)]).toEqual([false, false])
  packets.close()
})

test('connections are listed a few at a time, and a SYN that comes meanwhile may be one of those lost', () => {
  const { live, walks, loseNine, start, syn, wait } = source()
  const packets = start()
  wait(10)
  loseNine(packets)
  syn(9, 7)
  wait(1)
  packets.drain()
  const [slot] = packets.table.of(client, 9)
  expect([packets.isUnseen(1, 0), packets.lostSince(slot!)]).toEqual([false, true])
  packets.table.release(slot!)
  wait(20)
  packets.drain()
  expect(live.map(({ cookie }) => packets.isUnseen(cookie, 0))).toEqual(live.map(() => true))
  // After the list SYNs are known to be no part of the loss.
  wait(20)
  syn(50)
  wait(20)
  packets.drain()
  expect(packets.lostSince(packets.table.of(client, 50)[0]!)).toBe(false)
  packets.close()
  expect(walks.givenUp).toBe(0)
})

test('a list that was begun is given up when the source is closed', () => {
  const { walks, loseNine, start } = source()
  const packets = start()
  loseNine(packets)
  packets.close()
  expect(walks.givenUp).toBe(1)
})

/** Runs a source's timer by the time of `source`, a millisecond after the other; `each` is called after each of them. Delays that it chose. */
function runTimer(
  { start, wait }: ReturnType<typeof source>,
  milliseconds: number,
  each: (at: number) => void,
): number[] {
  let due: { readonly at: number; readonly run: () => void } | undefined
  let at = 0
  const delays: number[] = []
  const timer = spyOn(globalThis, 'setTimeout').mockImplementation(((run: () => void, delay: number) => {
    due = { at: at + delay, run }
    delays.push(delay)
    return 0
  }) as never)
  try {
    const packets = start()
    for (; at < milliseconds; at++) {
      wait(1)
      if (due !== undefined && at >= due.at) due.run()
      each(at)
    }
    packets.close()
  } finally {
    timer.mockRestore()
  }
  return delays
}

test('without a request nothing is lost of a flood of 50,000 a second, from its first millisecond on', () => {
  const self = source()
  let lost = 0
  let sequence = 0
  const delays = runTimer(self, 1500, (at) => {
    for (let i = 0; at >= 500 && i < 50; i++) if (!self.syn(1 + (sequence % 60_000), ++sequence)) lost++
  })
  expect({ lost, sequence }).toEqual({ lost: 0, sequence: 50_000 })
  expect(new Set(delays)).toEqual(new Set([100, 20]))
})

test('the timer is slow where nothing comes for ten seconds, and fast again with the first SYN', () => {
  const self = source()
  const delays = runTimer(self, 16_000, (at) => void (at === 14_500 && self.syn()))
  expect(delays.filter((delay) => delay === 1000).length).toBe(5)
  expect(delays.at(-1)).toBe(100)
})
