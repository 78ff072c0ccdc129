import { expect, test } from 'bun:test'
import { formatIpv4Address, formatIpv6Address } from '../../src/wire/address.ts'
import { addressBytes } from '../lab/packet.ts'
import { hex } from '../support/hex.ts'
import { createRandom } from '../support/random.ts'

test('formatIpv4Address writes a dotted quad', () => {
  expect(formatIpv4Address(hex('0000c000020aff'), 2)).toBe('192.0.2.10')
})

test.each([
  ['00000000000000000000000000000000', '::'],
  ['00000000000000000000000000000001', '::1'],
  ['00010000000000000000000000000000', '1::'],
  ['20010db8000000000000000000000001', '2001:db8::1'],
  // RFC 5952 4.2.2: one zero group alone is not shortened.
  ['20010db8000000010001000100010001', '2001:db8:0:1:1:1:1:1'],
  // RFC 5952 4.2.3: the longest run, the first of equal ones.
  ['20010000000000010000000000000001', '2001:0:0:1::1'],
  ['20010db8000000000001000000000001', '2001:db8::1:0:0:1'],
  ['0000000000010000000000000000000f', '0:0:1::f'],
  ['00010000000200000003000000040000', '1:0:2:0:3:0:4:0'],
  ['0abc0def000000000000000000000000', 'abc:def::'],
  ['00000000000000000000ffffc0000201', '::ffff:192.0.2.1'],
  ['000000000000000000000000c0000201', '::c000:201'],
  ['0064ff9b0000000000000000c0000201', '64:ff9b::c000:201'],
])('formatIpv6Address writes %s as RFC 5952 has it', (octets, text) => {
  expect(formatIpv6Address(hex(octets))).toBe(text)
})

test('formatIpv6Address text reads back to the same octets', () => {
  const random = createRandom(5)
  for (let i = 0; i < 3000; i++) {
    const octets = Uint8Array.from({ length: 16 }, () => 0)
    for (let group = 0; group < 8; group++) if (random.chance(0.5)) octets.set(random.octets(2), 2 * group)
    const text = formatIpv6Address(octets)
    if (!text.includes('.')) expect(addressBytes(text)).toEqual(octets)
    expect(text).not.toMatch(/(^|:)0[0-9a-f]/)
    expect(text.split('::').length).toBeLessThanOrEqual(2)
  }
})
