import { describe, expect, test } from 'bun:test'
import {
  addressBytes,
  addressText,
  buildPacket,
  checksum,
  checksumsRight,
  endpointOf,
  extensionHeaders,
  FLAG,
  IPV6_HEADER,
  linuxOptions,
  option,
  parsePacket,
  sockaddr,
  tcpOptions,
} from './packet.ts'

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')
const source = { address: '192.0.2.10', port: 43210 }
const destination = { address: '198.51.100.7', port: 443 }
const source6 = { address: '2001:db8::1', port: 1 }
const destination6 = { address: 'fd66::1', port: 65535 }

describe('checksum', () => {
  test('of the header in RFC 1071 section 3', () => {
    expect(checksum(Uint8Array.of(0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7))).toBe(~0xddf2 & 0xffff)
  })
  test('of an odd number of octets pads with zero', () => {
    expect(checksum(Uint8Array.of(1, 2, 3))).toBe(checksum(Uint8Array.of(1, 2, 3, 0)))
  })
})

describe('addresses', () => {
  for (const [text, octets] of [
    ['192.0.2.10', 'c000020a'],
    ['::', '00000000000000000000000000000000'],
    ['::1', '00000000000000000000000000000001'],
    ['2001:db8::8:800:200c:417a', '20010db80000000000080800200c417a'],
    ['1::', '00010000000000000000000000000000'],
    ['1:0:2::3', '00010000000200000000000000000003'],
    ['1:2:3:4:5:6:7:8', '00010002000300040005000600070008'],
  ] as const) {
    test(`${text} there and back`, () => {
      expect(hex(addressBytes(text))).toBe(octets)
      expect(addressText(addressBytes(text))).toBe(text)
    })
  }
  test('an embedded IPv4 address', () => {
    expect(hex(addressBytes('::ffff:192.0.2.1'))).toBe('00000000000000000000ffffc0000201')
  })
  for (const bad of ['', '1.2.3', '1.2.3.256', '1:2', '1::2::3', '12345::', '1:2:3:4:5:6:7:8:9', 'x::']) {
    test(`addressBytes refuses "${bad}"`, () => {
      expect(() => addressBytes(bad)).toThrow(RangeError)
    })
  }
  test('sockaddr and endpointOf are inverse', () => {
    for (const endpoint of [source, destination, source6, destination6])
      expect(endpointOf(sockaddr(endpoint))).toEqual(endpoint)
    expect(sockaddr(source).length).toBe(16)
    expect(sockaddr(source6).length).toBe(28)
  })
})

describe('buildPacket', () => {
  test('writes every IPv4 and TCP field where RFC 791 and RFC 9293 have it', () => {
    const packet = buildPacket({
      source,
      destination,
      ttl: 57,
      tos: 0xb9,
      ipId: 0x1234,
      dontFragment: false,
      reservedFlag: true,
      ipOptions: Uint8Array.of(1, 1, 1, 0),
      sequence: 0x11223344,
      acknowledgment: 0x55667788,
      flags: FLAG.SYN | FLAG.AE | FLAG.CWR | FLAG.PSH,
      reservedBits: 0b101,
      window: 0xabcd,
      urgentPointer: 0x0102,
      options: tcpOptions(option.mss(1460)),
      payload: Uint8Array.of(9, 8, 7),
    })
    const text = hex(packet)
    expect(text.slice(0, 20)).toBe('46b900331234800039' + '06')
    expect(text.slice(24, 48)).toBe('c000020ac633640701010100')
    expect(text.slice(48, 80)).toBe('a8ca01bb11223344556677886b8aabcd')
    expect(text.slice(84)).toBe('0102020405b4090807')
    expect(checksumsRight(packet)).toBe(true)
  })
  test('writes every IPv6 field where RFC 8200 has it, and the chain of extension headers', () => {
    const packet = buildPacket({
      source: source6,
      destination: destination6,
      ttl: 33,
      tos: 0x2a,
      flowLabel: 0xabcde,
      extensionHeaders: extensionHeaders(
        { kind: IPV6_HEADER.hopByHop },
        { kind: IPV6_HEADER.destination, options: [1, 0] },
      ),
      options: linuxOptions(1440, 7),
    })
    expect(hex(packet.subarray(0, 8))).toBe('62aabcde' + '0038' + '00' + '21')
    expect(hex(packet.subarray(40, 56))).toBe('3c00010400000000' + '0600010001020000')
    expect(checksumsRight(packet)).toBe(true)
    expect(parsePacket(packet)).toMatchObject({
      flowLabel: 0xabcde,
      tos: 0x2a,
      ttl: 33,
      mss: 1440,
      windowScale: 7,
      headerLength: 96,
    })
  })
  test('a changed octet breaks a checksum', () => {
    const packet = buildPacket({ source, destination, options: linuxOptions() })
    for (let i = 0; i < packet.length; i += 1) {
      // The version, header length and data offset decide where the checksums are.
      if (i === 0 || i === 2 || i === 3 || i === 32 || i === 6 || i === 7 || i === 9) continue
      const bad = packet.slice()
      bad[i] = bad[i]! ^ 0x10
      expect(`${i} ${checksumsRight(bad)}`).toBe(`${i} false`)
    }
  })
  test('refuses what cannot be sent', () => {
    expect(() => buildPacket({ source, destination: destination6 })).toThrow(RangeError)
    expect(() => buildPacket({ source, destination, options: new Uint8Array(3) })).toThrow(RangeError)
    expect(() => buildPacket({ source, destination, ipOptions: new Uint8Array(44) })).toThrow(RangeError)
    expect(() => tcpOptions(new Uint8Array(41))).toThrow(RangeError)
  })
})

describe('parsePacket', () => {
  test('reads back what buildPacket wrote', () => {
    const fields = {
      source,
      destination,
      ttl: 3,
      tos: 4,
      sequence: 0xffffffff,
      acknowledgment: 0x80000000,
      window: 1,
      urgentPointer: 2,
    }
    const packet = buildPacket({
      ...fields,
      flags: FLAG.ACK | FLAG.AE,
      options: linuxOptions(1400, 5),
      payload: Uint8Array.of(1, 2),
    })
    expect(parsePacket(packet)).toMatchObject({
      ...fields,
      version: 4,
      flags: FLAG.ACK | FLAG.AE,
      mss: 1400,
      windowScale: 7,
      timestamps: { value: 5, echo: 0 },
      payload: Uint8Array.of(1, 2),
      headerLength: 60,
    })
  })
  test('finds a Fast Open cookie, and an empty one', () => {
    const cookie = Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8)
    const withCookie = (data: Uint8Array) =>
      buildPacket({ source, destination, options: tcpOptions(option.fastOpen(data)) })
    expect(parsePacket(withCookie(cookie))?.fastOpenCookie).toEqual(cookie)
    expect(parsePacket(withCookie(new Uint8Array(0)))?.fastOpenCookie).toEqual(new Uint8Array(0))
  })
  test('gives undefined for every prefix', () => {
    for (const packet of [
      buildPacket({ source, destination, options: linuxOptions() }),
      buildPacket({ source: source6, destination: destination6, extensionHeaders: extensionHeaders({ kind: 0 }) }),
    ]) {
      for (let n = 0; n < packet.length; n += 1) expect(parsePacket(packet.slice(0, n))).toBeUndefined()
    }
  })
})
