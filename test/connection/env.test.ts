import { describe, expect, test } from 'bun:test'
import { ENV_NAMES } from '../../src/connection/env-names.ts'
import { toEnv } from '../../src/connection/facts.ts'
import type { Fingerprint } from '../../src/connection/fingerprint.ts'
import { parseSyn } from '../../src/wire/syn.ts'

const LINUX =
  '4502003c1234400039064343c000020ac6336407a8ca01bb1122334400000000a0c2faf000000000020405b40402080a00a1b2c30000000001030307'
const MAC_V6 =
  '600123450028064020010db800000000000000000000001020010db8000000000000000000000007a8ca01bb1122334400000000a002fd2000000000020405a00402080a00a1b2c30000000001030307'

function fingerprint(fields: Partial<Fingerprint>): Fingerprint {
  return { available: true, source: 'kernel', timing: {}, ...fields } as Fingerprint
}

describe('toEnv', () => {
  test('gives every variable of an IPv4 connection', () => {
    const env = toEnv(
      fingerprint({
        syn: parseSyn(LINUX),
        fingerprints: { p0f: 'p', muonfp: 'm', haproxy: 'h' },
        label: { name: 'Linux', link: 'DSL', distance: 7 } as never,
        tcpInfoBytes: new Uint8Array([1, 255]),
        timing: {
          rtt: { microseconds: 57 },
          handshakeRtt: { microseconds: 55, provenance: 'handshake' },
          acceptTime: '2026-11-22T12:00:00.004Z',
          firstDataDelayMilliseconds: 0,
          tlsRoundTripMilliseconds: 80,
        },
      }),
      { savedSyn: true, tcpInfo: true },
    )
    expect(env).toEqual({
      FINGERPRINT_IP_TTL: '57',
      FINGERPRINT_IP_DF: '1',
      FINGERPRINT_IP_ECN: '2',
      FINGERPRINT_TCP_WSIZE: '64240',
      FINGERPRINT_TCP_WSCALE: '7',
      FINGERPRINT_TCP_MSS: '1460',
      FINGERPRINT_TCP_OPTIONS: '2,4,8,1,3',
      FINGERPRINT_TCP_ECN: '3',
      FINGERPRINT_TCP_RTT: '57',
      FINGERPRINT_ACCEPT_TIME: String(Date.UTC(2026, 10, 22, 12, 0, 0, 4) * 1000),
      FINGERPRINT_SAVED_SYN: LINUX,
      FINGERPRINT_TCP_INFO: '01ff',
      FINGERPRINT_TCP_HANDSHAKE_RTT: '55',
      FINGERPRINT_TCP_HANDSHAKE_RTT_SOURCE: 'handshake',
      FINGERPRINT_FIRST_DATA_DELAY: '0',
      FINGERPRINT_TLS_ROUND_TRIP: '80',
      FINGERPRINT_P0F: 'p',
      FINGERPRINT_MUONFP: 'm',
      FINGERPRINT_HAPROXY: 'h',
      FINGERPRINT_LABEL: 'Linux',
      FINGERPRINT_LINK: 'DSL',
      FINGERPRINT_DISTANCE: '7',
      FINGERPRINT_SOURCE: 'kernel',
    })
    expect(Object.keys(env).every((name) => ENV_NAMES.includes(name))).toBe(true)
  })

  test('IPv6 has a hop limit and no DF, and its ECN bits are right', () => {
    const env = toEnv(fingerprint({ syn: parseSyn(MAC_V6.replace(/^600/, '602')) }))
    expect(env).toMatchObject({ FINGERPRINT_IP_TTL: '64', FINGERPRINT_IP_ECN: '2' })
    expect(env).not.toHaveProperty('FINGERPRINT_IP_DF')
  })

  test('an accept time that is no time is unset', () => {
    for (const acceptTime of ['yesterday', '', 'NaN', null, {}, Symbol()]) {
      expect(toEnv(fingerprint({ timing: { acceptTime: acceptTime as string } }))).toEqual({
        FINGERPRINT_SOURCE: 'kernel',
      })
    }
  })

  test('what is absent is unset, and the dumps are off by default', () => {
    const env = toEnv(
      fingerprint({ available: false, source: 'none', reason: 'not-saved', tcpInfoBytes: new Uint8Array(4) }),
    )
    expect(env).toEqual({ FINGERPRINT_SOURCE: 'none', FINGERPRINT_REASON: 'not-saved' })
    expect(toEnv(fingerprint({ syn: parseSyn(LINUX) }))).not.toHaveProperty('FINGERPRINT_SAVED_SYN')
    const bare = parseSyn('450000281234000040067c57c000020ac6336407a8ca01bb11223344000000005002040000000000')
    expect(Object.keys(toEnv(fingerprint({ syn: bare })))).not.toContain('FINGERPRINT_TCP_OPTIONS')
  })

  test('padding after End of Option List is in the options', () => {
    const syn = parseSyn(
      '450000400000400040064e73c000020ac6336407a8ca01bb1122334400000000b002ffff00000000020405b4010303060101080a334455660000000004020000',
    )
    expect(toEnv(fingerprint({ syn })).FINGERPRINT_TCP_OPTIONS).toBe('2,1,3,1,1,8,4,0,0')
  })

  test('no control character gets through', () => {
    const env = toEnv(fingerprint({ label: { name: 'a\nb\0c\r\u007fd' } as never }))
    expect(env.FINGERPRINT_LABEL).toBe('abcd')
  })
})
