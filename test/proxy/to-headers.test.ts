import { expect, test } from 'bun:test'
import type { Fingerprint } from '../../src/connection/fingerprint.ts'
import { parseSyn, toHeaders, toServerTiming } from '../../src/index.ts'
import { SYN } from '../support/samples.ts'

const full = {
  syn: parseSyn(SYN),
  tcpInfoBytes: Uint8Array.of(1, 2, 255),
  timing: {
    rtt: { microseconds: 1234 },
    handshakeRtt: { microseconds: 57, provenance: 'handshake' },
    firstDataDelayMilliseconds: 12,
  },
} as unknown as Fingerprint
const nothing = { timing: {} } as unknown as Fingerprint

test('toHeaders names what is known, in hex or base64', () => {
  expect(toHeaders(full)).toEqual({ 'x-tcp-syn': SYN, 'x-tcp-rtt': '1234' })
  expect(toHeaders(full, { syn: 'X-My-SYN', rtt: false, tcpInfo: 'x-info', encoding: 'base64' })).toEqual({
    'x-my-syn': Buffer.from(SYN, 'hex').toString('base64'),
    'x-info': 'AQL/',
  })
  expect(toHeaders(full, { syn: false, rtt: false, tcpInfo: 'x-info' })).toEqual({ 'x-info': '0102ff' })
})

test('toHeaders overwrites what the client sent with nothing where nothing is known', () => {
  expect(toHeaders(nothing, { tcpInfo: 'x-info' })).toEqual({ 'x-tcp-syn': '', 'x-tcp-rtt': '', 'x-info': '' })
})

test('toHeaders refuses two kinds under one name', () => {
  expect(() => toHeaders(full, { rtt: 'X-TCP-Syn' })).toThrow('"x-tcp-syn"')
  expect(toHeaders(full, { syn: false, rtt: 'Constructor' })).toEqual({ constructor: '1234' } as never)
})

test('toServerTiming gives milliseconds, and nothing where nothing is known', () => {
  expect(toServerTiming(full)).toBe(
    'tcp-handshake;dur=0.057;desc="handshake", tcp-rtt;dur=1.234, tcp-first-data;dur=12',
  )
  expect(toServerTiming(nothing)).toBe('')
})
