import { describe, expect, test } from 'bun:test'
import type { ListeningSocket } from '../../src/capture/listening-sockets.ts'
import { isFor, Server } from '../../src/capture/server.ts'
import { createAddressWords, parseAddress } from '../../src/wire/sockaddr.ts'
import { hex } from '../support/hex.ts'

const words = (text: string): ReturnType<typeof createAddressWords> => {
  const address = createAddressWords()
  expect(parseAddress(text, address)).toBe(true)
  return address
}

const armed = (address: string, port: number, more: Partial<ListeningSocket> = {}): ListeningSocket => ({
  fd: 3,
  cookieLow: 1,
  cookieHigh: 0,
  port,
  address: words(address),
  saveSyn: true,
  reason: undefined,
  deferAcceptBefore: 0,
  deferAccept: 0,
  ...more,
})

/** 192.0.2.1 to 198.51.100.7, port 443. */
const IPV4 = hex(
  '4500003c1c4640004006b1e6c0000201c633640ad43101bb5f1e2d3c00000000a002faf0fe300000020405b40402080a00c3a1b20000000001030307',
)
/** 2001:db8::1 to 2001:db8::2, port 443. */
const IPV6 = hex(
  `6000000000140640${'20010db8000000000000000000000001'}${'20010db8000000000000000000000002'}d43101bb5f1e2d3c000000005002faf0fe300000`,
)

describe('isFor', () => {
  const listener = (port: number, address: string | undefined): Server =>
    new Server({ kind: 'tcp', port, address, tls: false }, false)

  test('a SYN is for the listener of its destination', () => {
    expect(isFor(IPV4, listener(443, undefined))).toBe(true)
    expect(isFor(IPV4, listener(443, '198.51.100.10'))).toBe(true)
    expect(isFor(IPV4, listener(443, '198.51.100.11'))).toBe(false)
    expect(isFor(IPV4, listener(444, '198.51.100.10'))).toBe(false)
    expect(isFor(IPV6, listener(443, undefined))).toBe(true)
    expect(isFor(IPV6, listener(443, '2001:db8::2'))).toBe(true)
    expect(isFor(IPV6, listener(443, '2001:db8::3'))).toBe(false)
    expect(isFor(IPV6, listener(443, '198.51.100.10'))).toBe(false)
    expect(isFor(IPV4, listener(443, '2001:db8::2'))).toBe(false)
  })

  test('one that ends before its ports says nothing, and is read to its own end only', () => {
    for (const [syn, ports] of [
      [IPV4, 24],
      [IPV6, 44],
    ] as const) {
      for (let length = 0; length < syn.length; length++) {
        expect(isFor(syn.subarray(0, length), listener(443, undefined))).toBe(length >= ports)
      }
    }
  })

  test('an IPv6 header with extensions is not looked through', () => {
    const extended = Uint8Array.from(IPV6)
    extended[6] = 0
    expect(isFor(extended, listener(443, undefined))).toBe(false)
  })
})

describe('Server', () => {
  test('one for all addresses leaves those to others that have a listener of their own', () => {
    const all = new Server({ kind: 'tcp', port: 80, address: '0.0.0.0', tls: false }, false)
    expect(all.peersMayCoincide).toBe(true)
    all.update([armed('0.0.0.0', 80)], [])
    expect(all.sharesPort).toBe(false)
    expect(all.hasAddress(words('127.0.0.2'))).toBe(true)
    all.update([armed('0.0.0.0', 80), armed('127.0.0.2', 80)], [words('127.0.0.2')])
    expect(all.sharesPort).toBe(true)
    expect(all.hasAddress(words('127.0.0.2'))).toBe(false)
    expect(all.hasAddress(words('127.0.0.1'))).toBe(true)
  })

  test('one address is not exposed, but for UDP and link-local ones', () => {
    const exposed = (address: string | undefined, udp = false): boolean =>
      new Server({ kind: 'tcp', port: 80, address, tls: udp }, udp).peersMayCoincide
    expect(exposed('127.0.0.1')).toBe(false)
    expect(exposed('127.0.0.1', true)).toBe(true)
    expect(exposed('fe80::1')).toBe(true)
    expect(exposed('::')).toBe(true)
    expect(exposed(undefined)).toBe(true)
  })

  test('why there is no SYN, and whether the accept may have been deferred, is what its listeners say', () => {
    const listener = new Server({ kind: 'tcp', port: 80, address: '127.0.0.1', tls: false }, false)
    listener.update([armed('127.0.0.1', 80, { saveSyn: false, reason: 'unsupported', deferAcceptBefore: 1 })], [])
    expect(listener.synReason).toBe('unsupported')
    expect(listener.mayHaveDeferred(true)).toBe(false)
    expect(listener.mayHaveDeferred(false)).toBe(true)
    listener.update([armed('127.0.0.1', 80, { deferAccept: 1 })], [])
    expect(listener.synReason).toBe('not-saved')
    expect(listener.mayHaveDeferred(true)).toBe(true)
  })
})
