import { describe, expect, test } from 'bun:test'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import {
  parseTcpInfo,
  safeParseTcpInfo,
  TCP_INFO_FIELDS,
  TCP_INFO_LENGTH,
  type TcpInfoField,
  tcpInfoOffset,
} from '../../src/wire/tcp-info.ts'
import { createRandom } from '../support/random.ts'
import vectors from '../vectors/tcp-info.json' with { type: 'json' }

const FIELDS: readonly TcpInfoField[] = TCP_INFO_FIELDS

test('the type TcpInfoName has the names of the table, in its order', () => {
  const source = readFileSync(join(import.meta.dir, '../../src/wire/tcp-info-names.ts'), 'utf8')
  const names: readonly string[] = FIELDS.map(([name]) => name)
  expect([...source.matchAll(/^ {2}\| '(\w+)'$/gm)].map(([, name]) => name!)).toEqual([...names])
})

describe('parseTcpInfo', () => {
  for (const { name, hex: text, expected, provenance } of vectors) {
    test(`reads what the kernel gave: ${name} (${provenance})`, () => {
      expect(parseTcpInfo(text)).toMatchObject(expected)
    })
  }

  test('has exactly the fields that a length holds, for every length from 0 to 300', () => {
    for (let length = 0; length <= 300; length++) {
      const result = safeParseTcpInfo(new Uint8Array(length))
      if (length === 0) {
        expect(result).toEqual({ ok: false, error: { reason: 'empty', offset: 0 } })
        continue
      }
      if (!result.ok) throw new Error(`${length} octets: ${result.error.reason}`)
      const expected = FIELDS.filter(([, offset, width]) => offset + width <= length).map(([name]) => name)
      expect(Object.keys(result.value)).toEqual(expected)
    }
  })

  test.each([
    [104, 'total_retrans', 'pacing_rate'],
    [120, 'max_pacing_rate', 'bytes_acked'],
    [136, 'bytes_received', 'segs_out'],
    [144, 'segs_in', 'notsent_bytes'],
    [160, 'data_segs_out', 'delivery_rate'],
    [168, 'delivery_rate', 'busy_time'],
    [192, 'sndbuf_limited', 'delivered'],
    [200, 'delivered_ce', 'bytes_sent'],
    [224, 'reord_seen', 'rcv_ooopack'],
    [232, 'snd_wnd', 'rcv_wnd'],
    [240, 'rehash', 'total_rto'],
    [248, 'total_rto_time', 'received_ce'],
  ] as const)('of a kernel that returns %d octets ends with %s', (length, last, next) => {
    const info = parseTcpInfo(new Uint8Array(length))
    expect(Object.keys(info).at(-1)).toBe(last)
    expect(info[next]).toBeUndefined()
  })

  test('reads nothing of octets 276 to 279, whose meaning depends on the kernel', () => {
    const bytes = new Uint8Array(280)
    const before = JSON.stringify(parseTcpInfo(bytes))
    bytes.fill(0xff, 276)
    expect(JSON.stringify(parseTcpInfo(bytes))).toBe(before)
  })

  test('every field is where the table says, and nowhere else', () => {
    const zero = parseTcpInfo(new Uint8Array(280))
    for (const [name, offset, width, , lowest, bits] of FIELDS) {
      const bytes = new Uint8Array(280)
      for (let i = 0; i < width; i++) bytes[offset + i] = bits === undefined ? i + 1 : ((1 << bits) - 1) << lowest!
      const changed = Object.entries(parseTcpInfo(bytes)).filter(([key, value]) => zero[key as 'rtt'] !== value)
      const expected = bits === undefined ? [1, 0x0201, 0, 0x04030201][width - 1] : (1 << bits) - 1
      expect(changed).toEqual([[name, width === 8 ? Number(0x0807060504030201n) : expected!]])
      expect(tcpInfoOffset(name)).toBe(offset)
    }
  })

  test('fields follow one another without overlap', () => {
    let end = 0
    for (const [name, offset, width, , lowest] of FIELDS) {
      if (lowest !== undefined && lowest > 0) continue
      expect([name, offset]).toEqual([name, end])
      expect(offset % width).toBe(0)
      end = offset + width
    }
    expect(end).toBe(276)
  })

  test('a length that a kernel gives is read in one go, to the same as by the table', () => {
    const random = createRandom(9)
    for (let i = 0; i < 200; i++) {
      const bytes = Uint8Array.from(random.octets(TCP_INFO_LENGTH))
      // One octet more holds no other field; of the longest one less.
      for (const [length, other] of [
        [232, 233],
        [240, 241],
        [248, 249],
        [TCP_INFO_LENGTH, TCP_INFO_LENGTH - 1],
      ] as const) {
        const info = parseTcpInfo(bytes.subarray(0, length))
        expect(JSON.stringify(info)).toBe(JSON.stringify(parseTcpInfo(bytes.subarray(0, other))))
      }
    }
  })

  test('64-bit fields are exact to 2^53, and all ones are the largest number that 64 bits hold', () => {
    const bytes = new Uint8Array(280)
    new DataView(bytes.buffer).setBigUint64(120, 2n ** 53n - 1n, true)
    bytes.fill(0xff, 104, 112)
    const info = parseTcpInfo(bytes)
    expect(info.bytes_acked).toBe(Number.MAX_SAFE_INTEGER)
    expect(info.pacing_rate).toBe(2 ** 64 - 2048)
  })

  test('a view of a larger buffer is read within its own bounds', () => {
    const random = createRandom(4)
    for (let i = 0; i < 500; i++) {
      const inner = Uint8Array.from(random.octets(1 + random.below(300)))
      const outer = new Uint8Array(700).fill(0xff)
      outer.set(inner, 111)
      expect(parseTcpInfo(outer.subarray(111, 111 + inner.length))).toEqual(parseTcpInfo(inner))
    }
  })

  test('refuses bad text, too much and other types', () => {
    expect(safeParseTcpInfo('0g')).toMatchObject({ error: { reason: 'bad-hex', offset: 1 } })
    expect(safeParseTcpInfo(new Uint8Array(4097))).toMatchObject({ error: { reason: 'too-long' } })
    expect(safeParseTcpInfo('0'.repeat(100_000))).toMatchObject({ error: { reason: 'too-long' } })
    expect(() => parseTcpInfo('')).toThrow('Cannot decode tcp_info: empty at offset 0')
    expect(() => safeParseTcpInfo(7 as unknown as string)).toThrow(TypeError)
  })
})

test('no 64-bit field is more than 64 bits hold, in JSON either', () => {
  const bytes = new Uint8Array(TCP_INFO_LENGTH).fill(0xff)
  const info = parseTcpInfo(bytes)
  for (const [name, , width] of TCP_INFO_FIELDS) {
    if (width !== 8) continue
    const [, digits] = new RegExp(`"${name}":(\\d+)[,}]`).exec(JSON.stringify(info))!
    expect(BigInt(digits!) < 1n << 64n, name).toBe(true)
    expect(BigInt(digits!) > (1n << 64n) - 4096n, name).toBe(true)
  }
})
