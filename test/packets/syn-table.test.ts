import { describe, expect, test } from 'bun:test'
import { Crowds } from '../../src/packets/crowds.ts'
import { SynReader } from '../../src/packets/syn-ends.ts'
import { SYNS_PER_CLIENT, type SynEnds, SynTable } from '../../src/packets/syn-table.ts'
import { syn, syn6 } from '../lab/linux-syn.ts'
import { buildPacket, FLAG, linuxOptions } from '../lab/packet.ts'
import { ODD_SYNS } from '../support/odd-syns.ts'
import { seeded } from '../support/seeded.ts'

const ends = (client: number, port = 1000, serverPort = 80): SynEnds => ({
  client: { w0: 0, w1: 0, w2: 0xffff, w3: client },
  clientPort: port,
  server: { w0: 0, w1: 0, w2: 0xffff, w3: 7 },
  serverPort,
})
const octets = (value: number, length = 60): Uint8Array => new Uint8Array(length).fill(value)
const put = (table: SynTable<object>, one: SynEnds, sequence: number, now = 0, length = 60): boolean =>
  table.add(one, sequence, octets(sequence & 255, length), length, now - 1, now)

describe('SynTable', () => {
  test('gives back what was put in, through growth, releases and reuse', () => {
    const table = new SynTable<object>(8192)
    const random = seeded(3)
    const truth = new Map<number, number>()
    for (let round = 0; round < 30_000; round++) {
      const client = Math.floor(random() * 6000)
      if (random() < 0.3) {
        for (const slot of table.of(ends(client).client, 1000)) table.release(slot)
        truth.delete(client)
        continue
      }
      if (table.isFull) table.makeRoom(0, () => true)
      if (put(table, ends(client), 7) !== !truth.has(client)) throw new Error(`round ${round}`)
      truth.set(client, 7)
    }
    expect(table.size).toBe(truth.size)
    expect(table.evicted).toBe(0)
    for (const client of truth.keys()) {
      const [slot, ...others] = table.of(ends(client).client, 1000)
      expect(others).toEqual([])
      expect(table.octetsOf(slot!)).toEqual(octets(7))
      expect(table.serverPortOf(slot!)).toBe(80)
    }
  })

  test('keeps the first of repeated SYNs, and another sequence number beside it', () => {
    const table = new SynTable<object>(64)
    expect(put(table, ends(1), 1)).toBe(true)
    expect(table.add(ends(1), 1, octets(99), 60, 5, 6)).toBe(false)
    expect(put(table, ends(1), 2)).toBe(true)
    expect(put(table, ends(1, 1000, 443), 1)).toBe(true)
    const slots = table.of(ends(1).client, 1000)
    expect(slots.map((slot) => [table.serverPortOf(slot), table.octetsOf(slot)[0]]).sort()).toEqual([
      [443, 1],
      [80, 1],
      [80, 2],
    ])
    expect(table.of(ends(1).client, 1001)).toEqual([])
    expect(table.of(ends(2).client, 1000)).toEqual([])
  })

  test('one client has eight SYNs at most: those that opened a connection stay', () => {
    const table = new SynTable<object>(64, 1)
    put(table, ends(1), 1)
    const [first] = table.of(ends(1).client, 1000)
    table.claim(first!, {})
    for (let sequence = 2; sequence < 100; sequence++) put(table, ends(1), sequence, sequence)
    const slots = table.of(ends(1).client, 1000)
    expect(slots.length).toBe(SYNS_PER_CLIENT)
    expect(slots).toContain(first!)
    expect(table.sequenceOf(first!)).toBe(1)
    expect(table.wasCrowded(ends(1).client, 1000, 100)).toBe(true)
    expect(table.wasCrowded(ends(1).client, 1000, 100_000)).toBe(false)
    expect(table.wasCrowded(ends(2).client, 1000, 100)).toBe(false)
  })

  test('of too many SYNs the first stay as long as a handshake may last, and that there were more is not forgotten', () => {
    const table = new SynTable<object>(16_384, 1)
    for (let sequence = 1; sequence < 100; sequence++) put(table, ends(1), sequence, sequence)
    const kept = (): number[] =>
      table
        .of(ends(1).client, 1000)
        .map((slot) => table.sequenceOf(slot))
        .sort((a, b) => a - b)
    expect(kept()).toEqual([1, 2, 3, 4, 5, 6, 7, 8])
    // Other clients have too many as well, and the table grows.
    for (let client = 1000; client < 1400; client++) {
      for (let sequence = 0; sequence < 20; sequence++) {
        if (table.isFull) table.makeRoom(200, () => true)
        put(table, ends(client, 2000), sequence, 200)
      }
    }
    expect(table.size).toBe(8 + 400 * SYNS_PER_CLIENT)
    expect(table.wasCrowded(ends(1).client, 1000, 63_000)).toBe(true)
    expect(put(table, ends(1), 200, 64_002)).toBe(true)
    expect(kept()).toEqual([2, 3, 4, 5, 6, 7, 8, 200])
  })

  test('a flood stays within the bound, and what is alive stays', () => {
    const table = new SynTable<object>(4096)
    for (let client = 0; client < 500; client++) put(table, ends(client), 1)
    const random = seeded(5)
    for (let n = 0; n < 100_000; n++) {
      if (table.isFull) {
        const isHarmless = table.makeRoom(n / 50, (mark) => {
          for (let client = 0; client < 500; client++) mark(ends(client).client, 1000)
          return true
        })
        expect(isHarmless).toBe(true)
      }
      expect(table.isFull).toBe(false)
      put(table, ends(1_000_000 + Math.floor(random() * 2 ** 31), Math.floor(random() * 65_536)), n, n / 50)
    }
    expect(table.size).toBeLessThanOrEqual(4096)
    for (let client = 0; client < 500; client++) expect(table.of(ends(client).client, 1000).length).toBe(1)
    expect(table.evicted + table.size).toBe(100_500)
  })

  test('where sock_diag does not answer, connections with requests stay', () => {
    const table = new SynTable<object>(1024)
    for (let client = 0; client < 100; client++) {
      put(table, ends(client), 1)
      table.claim(table.of(ends(client).client, 1000)[0]!, {})
    }
    for (let n = 0; n < 20_000; n++) {
      if (table.isFull) expect(table.makeRoom(n, () => false)).toBe(false)
      put(table, ends(1_000_000 + n), 1, n)
    }
    for (let client = 0; client < 100; client++) expect(table.of(ends(client).client, 1000).length).toBe(1)
  })

  test('where everything is alive the oldest goes', () => {
    const table = new SynTable<object>(1024)
    for (let n = 0; n < 10_000; n++) {
      if (table.isFull) {
        const isHarmless = table.makeRoom(n, (mark) => {
          for (let client = 0; client <= n; client++) mark(ends(client).client, 1000)
          return true
        })
        // Connections that are there lose their SYNs.
        expect(isHarmless).toBe(false)
      }
      put(table, ends(n), 1, n)
    }
    expect(table.size).toBeLessThanOrEqual(1024)
    expect(table.of(ends(9999).client, 1000).length).toBe(1)
    expect(table.of(ends(0).client, 1000).length).toBe(0)
  })

  test('old SYNs go before the table grows', () => {
    const table = new SynTable<object>(131_072)
    for (let n = 0; n < 50_000; n++) {
      if (table.isFull) table.makeRoom(n * 1000, () => true)
      put(table, ends(n), 1, n * 1000)
    }
    expect(table.size).toBeLessThanOrEqual(1024)
  })

  test('a client that had too many marks few others, whatever the size of the table was', () => {
    const table = new SynTable<object>(1 << 16, 7)
    const attacked = 64
    for (let client = 0; client < attacked; client++) {
      for (let sequence = 0; sequence <= SYNS_PER_CLIENT; sequence++) put(table, ends(client), sequence)
    }
    for (let client = 1000; client < 50_000; client++) {
      if (table.isFull) table.makeRoom(0, () => true)
      put(table, ends(client), 1)
    }
    let marked = 0
    for (let client = 1000; client < 50_000; client++) if (table.wasCrowded(ends(client).client, 1000, 0)) marked++
    expect(marked).toBe(0)
    for (let client = 0; client < attacked; client++) expect(table.wasCrowded(ends(client).client, 1000, 0)).toBe(true)
  })

  test('where two attacked clients have one place for their mark, neither is forgotten', () => {
    const crowds = new Crowds(64_000)
    const other = 7 + (1 << 20)
    crowds.note(7, 0, 100)
    expect([crowds.has(7, 200, 200), crowds.has(other, 200, 200)]).toEqual([true, false])
    crowds.note(other, 150, 200)
    crowds.note(7, 250, 300)
    expect([crowds.has(7, 300, 300), crowds.has(other, 300, 300), crowds.has(8, 300, 300)]).toEqual([true, true, false])
    crowds.note(other, 70_000, 70_000)
    expect([crowds.has(7, 70_000, 70_000), crowds.has(other, 70_000, 70_000)]).toEqual([false, true])
  })

  test('few long SYNs are kept', () => {
    const table = new SynTable<object>(8192)
    let kept = 0
    for (let n = 0; n < 3000; n++) {
      if (table.isFull) table.makeRoom(0, () => true)
      if (put(table, ends(n), 3, 0, 2000)) kept++
    }
    expect(kept).toBe(1024)
    // Who forges one for a client whose own was not kept does not get away with it.
    expect(put(table, ends(2999), 4)).toBe(true)
    expect(table.wasCrowded(ends(2999).client, 1000, 0)).toBe(true)
    expect(table.octetsOf(table.of(ends(5).client, 1000)[0]!)).toEqual(octets(3, 2000))
  })
})

describe('SynReader', () => {
  const reader = new SynReader()

  test('reads what the decoder reads', () => {
    const odd = ODD_SYNS.map(({ family, syn: fields }) =>
      (family === 'ipv4' ? syn : syn6)({ ...fields, ipId: family === 'ipv4' ? 1 : 0 }),
    )
    let whole = 0
    for (const one of [syn(), syn6(), ...odd]) {
      const { bytes, ip, tcp, ipOffset } = one
      if (ipOffset !== 0) continue
      const length = reader.read(bytes, bytes.length)
      if (length === 0) continue
      whole++
      expect(length).toBe((ip.version === 4 ? ip.headerLength : 40 + ip.extensionsLength) + 4 * tcp.dataOffset)
      expect([reader.ends.clientPort, reader.ends.serverPort]).toEqual([tcp.sourcePort, tcp.destinationPort])
      expect(reader.sequence).toBe(tcp.sequenceNumber)
    }
    expect(whole).toBeGreaterThan(ODD_SYNS.length / 2)
    expect(reader.read(syn().bytes, syn().bytes.length)).toBe(60)
    expect(reader.read(syn6().bytes, syn6().bytes.length)).toBe(80)
  })

  test('reads nothing of a packet that is cut, and of what is no SYN', () => {
    for (const { bytes } of [syn(), syn6()]) {
      for (let octets = 0; octets < bytes.length; octets++) expect(reader.read(bytes.slice(0, octets), octets)).toBe(0)
    }
    const V4 = { source: { address: '192.0.2.1', port: 1 }, destination: { address: '192.0.2.2', port: 2 } }
    for (const flags of [FLAG.ACK, FLAG.SYN | FLAG.ACK, FLAG.SYN | FLAG.FIN, FLAG.SYN | FLAG.RST, 0]) {
      const packet = buildPacket({ ...V4, flags, options: linuxOptions() })
      expect(reader.read(packet, packet.length)).toBe(0)
    }
    const random = seeded(9)
    for (let round = 0; round < 20_000; round++) {
      const packet = Uint8Array.from({ length: 1 + Math.floor(random() * 90) }, () => Math.floor(random() * 256))
      packet[0] = random() < 0.5 ? 0x45 : 0x60
      expect(reader.read(packet, packet.length)).toBeLessThanOrEqual(packet.length)
    }
  })
})
