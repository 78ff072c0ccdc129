import { describe, expect, test } from 'bun:test'
import type { Fingerprint } from '../../src/connection/fingerprint.ts'
import * as core from '../../src/index.ts'
import { ja4t } from '../../src/ja4t/index.ts'
import { observationOf } from '../../src/store/observation.ts'
import { connection, request } from '../store/fingerprints.ts'
import { SYN } from '../support/samples.ts'

/** A SYN over IPv6 with an extension header, Accurate ECN, data, and options that end early. */
const SYN_V6 =
  '6a10000000380040200100db80000000000000000000000120010db800000000000000000000000206000104000000' +
  '00c0010050000000010000000081c2ffff00000000020405a0010303080402000a'

/** The object after it was written as JSON and read again. */
const fromJson = <T>(one: T): T => JSON.parse(JSON.stringify(one))

describe('what came as JSON', () => {
  test.each([SYN, SYN.replace('a002faf0', 'a0c2faf0'), SYN.replace('0103', '0003'), SYN_V6])('a SYN: %s', (hex) => {
    const parsed = core.safeParseSyn(hex)
    if (!parsed.ok) throw new Error(JSON.stringify(parsed.error))
    const syn = parsed.value
    const record = fromJson(syn)
    expect(core.fingerprints(record)).toEqual(core.fingerprints(syn))
    for (const format of [
      core.formatP0f,
      core.formatMuonFp,
      (one: core.Syn) => core.formatHaproxy(one, 7),
      core.formatSatori,
      core.formatRedbean,
      ja4t,
      (one: core.Syn) => core.evaluationRow(one, []).hex,
    ])
      expect(format(record)).toBe(format(syn))
    const database = core.defaultDatabase()
    expect(fromJson(core.match(database, record))).toEqual(fromJson(core.match(database, syn)))
    expect(core.nearest(database, record)).toEqual(core.nearest(database, syn))
  })

  test('a SYN without its octets is refused', () => {
    for (const one of [{}, { ...fromJson(core.parseSyn(SYN)), hex: undefined }])
      expect(() => core.formatP0f(one as core.Syn)).toThrow(TypeError)
  })

  test('a fingerprint', () => {
    const fingerprint = request(connection(4188))
    const record = fromJson(fingerprint)
    const same = (read: (one: Fingerprint) => unknown): void => expect(read(record)).toEqual(read(fingerprint))
    same((one) => core.toHeaders(one))
    same((one) => core.toHeaders(one, { encoding: 'base64' }))
    same((one) => core.toEnv(one, { savedSyn: true }))
    same((one) => core.toAttributes(one))
    same((one) => core.toServerTiming(one))
    same((one) => core.signsOfRelay(one))
    const context = { boot: '', host: '', cookie: '', account: '', seen: 0, keepSyn: true }
    for (const anonymize of [false, true]) same((one) => observationOf(one, { ...context, anonymize }))
  })
})
