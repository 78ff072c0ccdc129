import { describe, expect, test } from 'bun:test'
import { AddressBlocks } from '../../src/proxy/address-blocks.ts'
import { readForwarded } from '../../src/proxy/forwarded.ts'
import { TrustedHeaders } from '../../src/proxy/trusted-header.ts'
import { createAddressWords, formatAddress, parseAddress } from '../../src/wire/sockaddr.ts'
import { seeded } from '../support/seeded.ts'

const trusted = new AddressBlocks(['10.0.0.0/8', '127.0.0.1', 'fd00::/8'])
const read = (name: string, value: string, port?: string) => readForwarded(name, value, trusted, port)
const NONE = 'names no address'

describe('X-Forwarded-For', () => {
  for (const [value, expected] of [
    ['192.0.2.1', { address: '192.0.2.1' }],
    [' 192.0.2.1 ', { address: '192.0.2.1' }],
    ['192.0.2.1, 10.0.0.1', { address: '192.0.2.1' }],
    ['192.0.2.1,10.0.0.1,\t127.0.0.1', { address: '192.0.2.1' }],
    // What the client made up stands before what a proxy saw.
    ['203.0.113.9, 192.0.2.1', { address: '192.0.2.1' }],
    ['10.0.0.1, 192.0.2.1, 10.0.0.2', { address: '192.0.2.1' }],
    ['", 192.0.2.1', { address: '192.0.2.1' }],
    ['garbage, , 192.0.2.1, 10.0.0.1', { address: '192.0.2.1' }],
    // All trusted: the request began at the first.
    ['10.0.0.7', { address: '10.0.0.7' }],
    ['10.0.0.7, 10.0.0.1', { address: '10.0.0.7' }],
    // Ports.
    ['192.0.2.1:4711', { address: '192.0.2.1', port: 4711 }],
    ['[2001:db8::1]:4711, 10.0.0.1:80', { address: '2001:db8::1', port: 4711 }],
    ['192.0.2.1:0', NONE],
    ['192.0.2.1:65536', NONE],
    ['192.0.2.1:', NONE],
    // IPv6, written as everywhere else.
    ['2001:DB8:0:0::0001', { address: '2001:db8::1' }],
    ['[2001:db8::1]', { address: '2001:db8::1' }],
    ['::ffff:192.0.2.1', { address: '192.0.2.1' }],
    ['::ffff:10.0.0.1, fd00::1', { address: '10.0.0.1' }],
    ['fe80::1%eth0', NONE],
    ['[192.0.2.1]', NONE],
    // What stands before something unknown is not to be believed.
    ['192.0.2.1, unknown', NONE],
    ['192.0.2.1, unknown, 10.0.0.1', NONE],
    ['192.0.2.1, ', NONE],
    ['192.0.2.010', NONE],
    ['0300.0.2.1', NONE],
    ['3221225985', NONE],
    ['192.0.2.1 203.0.113.9', NONE],
    ['localhost', NONE],
  ] as const) {
    test(JSON.stringify(value), () => expect(read('x-forwarded-for', value)).toEqual(expected))
  }

  test('a port header is that of the last address, and of no other', () => {
    expect(read('x-forwarded-for', '192.0.2.1', '4711')).toEqual({ address: '192.0.2.1', port: 4711 })
    expect(read('x-forwarded-for', '192.0.2.1, 10.0.0.1', '4711')).toEqual({ address: '192.0.2.1' })
  })

  test("other products' names for it are lists too", () => {
    expect(read('x-original-forwarded-for', '192.0.2.1, 10.0.0.1')).toEqual({ address: '192.0.2.1' })
  })
})

describe('Forwarded (RFC 7239)', () => {
  for (const [value, expected] of [
    ['for=192.0.2.60;proto=http;by=203.0.113.43', { address: '192.0.2.60' }],
    ['For="[2001:db8:cafe::17]:4711"', { address: '2001:db8:cafe::17', port: 4711 }],
    ['for=192.0.2.43, for="10.0.0.1:47011"', { address: '192.0.2.43' }],
    ['proto=https;for="192.0.2.43:47011";host="a, b;c"', { address: '192.0.2.43', port: 47011 }],
    ['for="\\1\\9\\2.0.2.43"', { address: '192.0.2.43' }],
    // What the client made up cannot swallow what a proxy appended.
    ['for="203.0.113.9, for=192.0.2.1', { address: '192.0.2.1' }],
    ['for="203.0.113.9\\", for=192.0.2.1', { address: '192.0.2.1' }],
    ['for=203.0.113.9;by="a, for=192.0.2.1', { address: '192.0.2.1' }],
    ['for=203.0.113.9, for=192.0.2.1, for=10.0.0.1;by="x,y"', { address: '192.0.2.1' }],
    ['for=unknown', NONE],
    ['for=_gazonk', NONE],
    ['for=192.0.2.1, for="_SEVKISEK"', NONE],
    ['proto=https', NONE],
    ['for=192.0.2.1;for=192.0.2.2', NONE],
    // A client's Host in the proxy's own element neither hides nor names it.
    ['for=192.0.2.1;host="a;for=203.0.113.9;b"', { address: '192.0.2.1' }],
    ['host="a;for=203.0.113.9;b"', NONE],
    ['host="\\";for=203.0.113.9";for=192.0.2.1', { address: '192.0.2.1' }],
    ['xfor=203.0.113.9;for=192.0.2.1', { address: '192.0.2.1' }],
    ['for=192.0.2.1;ext', NONE],
    // A hidden port (RFC 7239 section 6.3) hides no address.
    ['for="192.0.2.1:_gazonk"', { address: '192.0.2.1' }],
    ['for="[2001:db8::1]:_p-1."', { address: '2001:db8::1' }],
    ['for="[2001:db8::1%25eth0]"', NONE],
    [';;FOR = 192.0.2.1 ;', { address: '192.0.2.1' }],
    ['for=', NONE],
    ['for=2001:db8::1', { address: '2001:db8::1' }],
    ['192.0.2.1', NONE],
  ] as const) {
    test(JSON.stringify(value), () => expect(read('forwarded', value)).toEqual(expected))
  }
})

describe('a header of one address', () => {
  for (const [value, port, expected] of [
    ['192.0.2.1', undefined, { address: '192.0.2.1' }],
    ['192.0.2.1', '4711', { address: '192.0.2.1', port: 4711 }],
    ['192.0.2.1:80', '4711', { address: '192.0.2.1', port: 80 }],
    ['[2001:db8::1]:80', undefined, { address: '2001:db8::1', port: 80 }],
    ['2001:db8::1', '80', { address: '2001:db8::1', port: 80 }],
    ['192.0.2.1', '0', 'comes with a port that is none'],
    ['192.0.2.1', '4711, 4712', 'comes with a port that is none'],
    ['192.0.2.1', '65536', 'comes with a port that is none'],
    ['192.0.2.1, 192.0.2.2', undefined, 'has more than one value'],
    ['unix:', undefined, 'is no address'],
    ['', undefined, 'is no address'],
  ] as const) {
    test(`${JSON.stringify(value)}, port ${port}`, () => expect(read('x-real-ip', value, port)).toEqual(expected))
  }
})

describe('any value', () => {
  test('of 8 KiB and more takes time in proportion to its length', () => {
    const long = (unit: string): string => unit.repeat(Math.ceil(65_536 / unit.length))
    for (const unit of [
      '10.0.0.1, ',
      ' ',
      ',',
      '"',
      '\\',
      '\\"',
      ';',
      'for=',
      'for="',
      'for="\\',
      ';for=10.0.0.1',
      '[',
      ':',
      '1',
      'for=10.0.0.1,',
      '; ',
    ]) {
      for (const name of ['x-forwarded-for', 'forwarded', 'x-real-ip']) {
        read(name, long(unit))
        read(name, `${long(unit)}x`)
        if (name !== 'x-real-ip') {
          const element = name === 'forwarded' ? 'for=192.0.2.1' : '192.0.2.1'
          expect(read(name, `${long(unit)}, ${element}`), unit).toEqual({ address: '192.0.2.1' })
        }
      }
    }
  }, 2000)

  test("gives an address that is written like a peer's, or what is wrong", () => {
    const random = seeded(5)
    const words = createAddressWords()
    const parts = [
      '192.0.2.1',
      '10.0.0.1',
      ',',
      ' ',
      ':80',
      '[',
      ']',
      '2001:db8::1',
      '"',
      'for=',
      ';',
      '\\',
      'unknown',
      '%',
    ]
    for (let i = 0; i < 20_000; i++) {
      const value = Array.from({ length: 1 + random() * 8 }, () => parts[Math.floor(random() * parts.length)]).join('')
      for (const name of ['x-forwarded-for', 'forwarded', 'x-real-ip']) {
        const found = read(name, value, random() < 0.3 ? '80' : undefined)
        if (typeof found === 'string') expect(found).toMatch(/^[a-z -]+$/)
        else expect(parseAddress(found.address, words) && formatAddress(words)).toBe(found.address)
      }
    }
  })
})

describe('TrustedHeaders with an address', () => {
  test('takes the port header off with it, and believes neither from others', () => {
    const headers = new TrustedHeaders([
      { header: 'X-Real-IP', kind: 'address', portHeader: 'X-Real-Port', from: ['127.0.0.0/8', 'unix'] },
    ])
    const sent = new Headers({ 'x-real-ip': '192.0.2.1', 'x-real-port': '4711', other: '1' })
    const values = headers.values(sent)
    expect(headers.names).toEqual(['x-real-ip', 'x-real-port'])
    const peer = { address: '192.0.2.1', port: 4711 }
    expect(headers.read(values, '127.0.0.1')).toEqual({ problems: [], peer })
    expect(headers.read(values, undefined)).toEqual({ problems: [], peer })
    expect(headers.read(values, '192.0.2.1')).toBeUndefined()
    expect(headers.read(new Map([['x-real-ip', '-']]), '127.0.0.1')).toEqual({ problems: [] })
  })

  test('refuses two headers for one thing', () => {
    const from = ['10.0.0.1']
    for (const options of [
      [
        { header: 'a', kind: 'address', from },
        { header: 'b', kind: 'address', from },
      ],
      [{ header: 'a', kind: 'address', portHeader: 'A', from }],
      [
        { header: 'a', kind: 'address', portHeader: 'b', from },
        { header: 'B', kind: 'rtt', from },
      ],
    ] as const)
      expect(() => new TrustedHeaders(options)).toThrow('is the second header of its name or kind')
  })
})
