import { describe, expect, test } from 'bun:test'
import { formatIpv6Address } from '../../src/wire/address.ts'
import {
  createAddressWords,
  formatAddress,
  isLinkLocal,
  isMapped,
  isUnspecified,
  parseAddress,
  readSource,
  sameAddress,
  unmapAddress,
} from '../../src/wire/sockaddr.ts'

/** The address as RFC 5952 writes it, a mapped one as IPv4. */
function parsed(text: string): string | undefined {
  const words = createAddressWords()
  if (!parseAddress(text, words)) return undefined
  const bytes = new Uint8Array(16)
  const view = new DataView(bytes.buffer)
  for (const [i, word] of [words.w0, words.w1, words.w2, words.w3].entries()) view.setUint32(4 * i, word)
  return formatIpv6Address(bytes, 0).replace(/^::ffff:(?=\d+\.)/, '')
}

describe('parseAddress', () => {
  for (const [text, canonical] of [
    ['127.0.0.1', '127.0.0.1'],
    ['255.255.255.255', '255.255.255.255'],
    ['::', '::'],
    ['::1', '::1'],
    ['1::', '1::'],
    ['2001:db8::1', '2001:db8::1'],
    ['2001:DB8:0:0:1:0:0:1', '2001:db8::1:0:0:1'],
    ['1:0:0:2:0:0:0:3', '1:0:0:2::3'],
    ['2001:db8:0:1:1:1:1:1', '2001:db8:0:1:1:1:1:1'],
    ['::ffff:192.0.2.1', '192.0.2.1'],
    ['::ffff:c000:201', '192.0.2.1'],
    ['::ffff:192.0.2.1%lo', '192.0.2.1'],
    ['::ffff:1:192.0.2.1', '::ffff:1:c000:201'],
    ['64:ff9b::192.0.2.33', '64:ff9b::c000:221'],
    ['fe80::1%eth0', 'fe80::1'],
    ['1:2:3:4:5:6:7:8', '1:2:3:4:5:6:7:8'],
    ['1:2:3:4:5:6:7::', '1:2:3:4:5:6:7:0'],
  ] as const) {
    test(`${text} is ${canonical}`, () => expect(parsed(text)).toBe(canonical))
  }

  for (const text of [
    '',
    '1',
    '1.2.3',
    '1.2.3.4.5',
    '256.1.1.1',
    '1..2.3',
    '1.2.3.',
    '.1.2.3',
    '0001.2.3.4',
    'a.b.c.d',
    ' 1.2.3.4',
    ':',
    ':::',
    '1:',
    ':1',
    '1::2::3',
    '1:2:3:4:5:6:7',
    '1:2:3:4:5:6:7:8:9',
    '12345::',
    'g::',
    '::ffff:1.2.3',
    '::ffff:256.1.1.1',
    '::ffff:1.2.3.4:5',
    '1:2:3:4:5:6:7:1.2.3.4',
    '::1.2.3',
    '::1.2.3.4:1',
    '1:2:3:4:5:6:7:8::',
  ]) {
    test(`"${text}" is no address`, () => expect(parsed(text)).toBeUndefined())
  }

  test('isMapped, isUnspecified, sameAddress', () => {
    const words = (text: string) => {
      const result = createAddressWords()
      parseAddress(text, result)
      return result
    }
    expect(isMapped(words('10.0.0.1'))).toBe(true)
    expect(isMapped(words('::1'))).toBe(false)
    expect(['0.0.0.0', '::', '::ffff:0.0.0.0'].map((text) => isUnspecified(words(text)))).toEqual([true, true, true])
    expect(isUnspecified(words('::1'))).toBe(false)
    expect(sameAddress(words('10.0.0.1'), words('::ffff:10.0.0.1'))).toBe(true)
    expect(sameAddress(words('10.0.0.1'), words('10.0.0.2'))).toBe(false)
  })

  test('unmapAddress leaves everything else alone', () => {
    expect(unmapAddress('::ffff:10.0.0.1')).toBe('10.0.0.1')
    for (const text of ['10.0.0.1', '::1', '2001:db8::1', ':nonsense']) expect(unmapAddress(text)).toBe(text)
  })
})

describe('readSource', () => {
  const v4 = `45000034abcd40004006b1c2c0000201c6336407${'d431'}01bb${'00'.repeat(16)}`
  const v6 = `6000000000140640${'20010db8000000000000000000000001'}${'fe800000000000000000000000000001'}${'d431'}01bb${'00'.repeat(16)}`
  const source = (hex: string): string | number => {
    const octets = Uint8Array.fromHex(hex)
    const words = createAddressWords()
    const port = readSource(new DataView(octets.buffer), octets.length, words)
    return port < 0 ? port : `${formatAddress(words)} ${port}`
  }
  test('is the address and port that IPv4 and IPv6 headers name', () => {
    expect([source(v4), source(v6)]).toEqual(['192.0.2.1 54321', '2001:db8::1 54321'])
  })
  test('follows the length of an IPv4 header with options', () => {
    expect(source(`46${v4.slice(2, 40)}01010101${v4.slice(40)}`)).toBe('192.0.2.1 54321')
  })
  test.each([
    ['UDP', v4.replace('4006', '4011')],
    ['an extension header', v6.replace('0640', '0040')],
    ['no version', `0${v4.slice(1)}`],
    ['a short header', `44${v4.slice(2)}`],
    ['nothing', ''],
    ['half of the TCP header', v6.slice(0, 100)],
  ])('%s: -1', (_, hex) => expect(source(hex)).toBe(-1))
  test('every truncation is whole or -1', () => {
    for (const whole of [v4, v6])
      for (let octets = 0; octets < whole.length / 2; octets++) expect(source(whole.slice(0, 2 * octets))).toBe(-1)
  })
})

test('isLinkLocal is fe80::/10', () => {
  const words = createAddressWords()
  for (const [text, expected] of [
    ['fe80::1', true],
    ['febf:ffff::1', true],
    ['fec0::1', false],
    ['fe7f::1', false],
    ['169.254.0.1', false],
  ] as const) {
    parseAddress(text, words)
    expect(isLinkLocal(words)).toBe(expected)
  }
})
