import { describe, expect, test } from 'bun:test'
import { formatHaproxy, HAPROXY_MODE } from '../../src/fingerprint/haproxy.ts'
import { fingerprints } from '../../src/fingerprint/index.ts'
import { formatMuonFp } from '../../src/fingerprint/muonfp.ts'
import { formatP0f } from '../../src/fingerprint/p0f.ts'
import { formatQuirks, QUIRK, QUIRK_WORDS, quirkWords } from '../../src/fingerprint/quirks.ts'
import { formatRedbean } from '../../src/fingerprint/redbean.ts'
import { formatSatori } from '../../src/fingerprint/satori.ts'
import { guessHopDistance, guessInitialTtl } from '../../src/fingerprint/ttl.ts'
import { ja4t } from '../../src/ja4t/index.ts'
import { parseSyn, type Syn } from '../../src/wire/syn.ts'
import { syn, syn6 } from '../lab/linux-syn.ts'
import { FLAG, linuxOptions, option, type PacketFields, tcpOptions } from '../lab/packet.ts'
import { createRandom, randomSynBytes } from '../support/random.ts'
import vectors from '../vectors/syn.json' with { type: 'json' }

const field = (text: string, index: number): string => text.split(':')[index]!

describe('vectors', () => {
  for (const row of vectors) {
    test(`${row.name} (${row.provenance})`, () => {
      const decoded = parseSyn(row.hex)
      if (row.p0f !== undefined) expect(formatP0f(decoded)).toBe(row.p0f)
      if (row.muonfp !== undefined) expect(formatMuonFp(decoded)).toBe(row.muonfp)
      if (row.haproxy !== undefined) expect(formatHaproxy(decoded)).toBe(row.haproxy)
      if (row.haproxy7 !== undefined) expect(formatHaproxy(decoded, 7)).toBe(row.haproxy7)
      if (row.satori !== undefined) expect(formatSatori(decoded)).toBe(row.satori)
      if (row.redbean !== undefined) expect(formatRedbean(decoded)).toBe(row.redbean)
      // JA4T: FoxIO's Wireshark plugin has the list end at octets that are no options, as tshark does.
      if (row.ja4t !== undefined) expect(ja4t(decoded)).toBe(row.ja4t)
    })
  }
})

describe('formatP0f', () => {
  const window = (value: number, mss: number, fields: Partial<PacketFields> = {}): string =>
    field(formatP0f(syn({ window: value, options: linuxOptions(mss), ...fields })), 4).split(',')[0]!

  test.each([
    // Each row is divisible by its own divisor and by none before it.
    [64_240, 1460, 'mss*44'],
    [14_480, 1460, 'mss*10'],
    [13_480, 1360, 'mss*10'],
    [29_200, 1400, 'mss*20'],
    [28_960, 1400, 'mss*20'],
    [28_800, 1400, 'mtu*20'],
    [29_200, 1200, 'mss*20'],
    [27_720, 1346, 'mtu*20'],
    [30_000, 1234, 'mtu*20'],
    [9999, 1460, '9999'],
    [0, 1460, '0'],
    [990, 99, '990'],
    [1000, 100, 'mss*10'],
    [64_240, 0, '64240'],
  ])('window %d with MSS %d is %s', (value, mss, text) => {
    expect(window(value, mss)).toBe(text)
  })

  test('MSS less 12 is tried only with a TSval other than 0', () => {
    const options = (tsVal: number) => linuxOptions(1360, tsVal)
    expect(window(13_480, 1360, { options: options(1) })).toBe('mss*10')
    expect(window(13_480, 1360, { options: options(0) })).toBe('13480')
    expect(window(13_480, 1360, { options: tcpOptions(option.mss(1360)) })).toBe('13480')
  })

  test('the headers as they are count with IP and TCP options', () => {
    const options = tcpOptions(option.mss(1360), option.nop(), option.windowScale(7), option.sackPermitted(), [1, 1])
    const headers = 20 + 20 + options.length
    expect(window((1360 + headers) * 7, 1360, { options })).toBe('mtu*7')
    expect(window((1360 + headers + 8) * 7, 1360, { options })).not.toBe('mtu*7')
    expect(window((1360 + headers + 8) * 7, 1360, { options, ipOptions: new Uint8Array(8).fill(1) })).toBe('mtu*7')
  })

  test('IPv6 has divisors of its own', () => {
    const v6 = (value: number, mss: number): string =>
      field(formatP0f(syn6({ window: value, options: linuxOptions(mss) })), 4).split(',')[0]!
    expect(v6(28_800, 1400)).toBe('mss*20')
    expect(v6(28_560, 1400)).toBe('mss*20')
    expect(v6((1346 + 60) * 7, 1346)).toBe('mtu*7')
    expect(window(28_560, 1400)).toBe('28560')
    expect(window((1346 + 60) * 7, 1346, { options: tcpOptions(option.mss(1346)) })).toBe('9842')
  })

  test.each([
    ['df', { ipId: 0 }, 'df'],
    ['id+', {}, 'df,id+'],
    ['id-', { ipId: 0, dontFragment: false }, 'id-'],
    ['none of them', { dontFragment: false }, ''],
    ['ecn by the IP header', { tos: 2 }, 'df,id+,ecn'],
    ['no ecn by DSCP', { tos: 0xb8 }, 'df,id+'],
    ['ecn by ECE', { flags: FLAG.SYN | FLAG.ECE }, 'df,id+,ecn'],
    ['ecn by CWR', { flags: FLAG.SYN | FLAG.CWR }, 'df,id+,ecn'],
    ['ecn by AE', { flags: FLAG.SYN | FLAG.AE }, 'df,id+,ecn'],
    ['0+', { reservedFlag: true }, 'df,id+,0+'],
    ['seq-', { sequence: 0 }, 'df,id+,seq-'],
    ['ack+ by any bit', { acknowledgment: 1 }, 'df,id+,ack+'],
    ['ack-', { flags: FLAG.SYN | FLAG.ACK }, 'df,id+,ack-'],
    ['no ack quirk with ACK and a number', { flags: FLAG.SYN | FLAG.ACK, acknowledgment: 5 }, 'df,id+'],
    ['uptr+', { urgentPointer: 1 }, 'df,id+,uptr+'],
    ['urgf+, not uptr+', { urgentPointer: 1, flags: FLAG.SYN | FLAG.URG }, 'df,id+,urgf+'],
    ['pushf+', { flags: FLAG.SYN | FLAG.PSH }, 'df,id+,pushf+'],
    ['ts1-', { options: linuxOptions(1460, 0) }, 'df,id+,ts1-'],
    ['ts2+', { options: tcpOptions(option.timestamps(1, 1)) }, 'df,id+,ts2+'],
    ['no ts2+ with ACK', { options: tcpOptions(option.timestamps(1, 1)), flags: 0x12, acknowledgment: 1 }, 'df,id+'],
    ['opt+', { options: Uint8Array.of(0, 0, 1, 0) }, 'df,id+,opt+'],
    ['exws', { options: tcpOptions(option.windowScale(15)) }, 'df,id+,exws'],
    ['no exws at 14', { options: tcpOptions(option.windowScale(14)) }, 'df,id+'],
    ['bad', { options: Uint8Array.of(2, 0, 0, 0) }, 'df,id+,bad'],
  ] as [string, Partial<PacketFields>, string][])('quirks: %s', (_, fields, quirks) => {
    expect(field(formatP0f(syn(fields)), 6)).toBe(quirks)
  })

  test('IPv6 has flow for a label and none of the IPv4 quirks', () => {
    expect(field(formatP0f(syn6()), 6)).toBe('')
    expect(field(formatP0f(syn6({ flowLabel: 1 })), 6)).toBe('flow')
  })

  test.each([
    [0, '0+32'],
    [1, '1+31'],
    [32, '32+0'],
    [33, '33+31'],
    [64, '64+0'],
    [92, '92+?'],
    [93, '93+35'],
    [128, '128+0'],
    [219, '219+?'],
    [220, '220+35'],
    [255, '255+0'],
  ])('TTL %d is written %s', (ttl, text) => {
    expect(field(formatP0f(syn({ ttl })), 1)).toBe(text)
    expect(field(formatP0f(syn6({ ttl })), 1)).toBe(text)
  })

  test('olen has IPv4 options and IPv6 extension headers, pclass the data the IP header states', () => {
    expect(field(formatP0f(syn({ ipOptions: new Uint8Array(40).fill(1) })), 2)).toBe('40')
    const first = { first: 60, bytes: Uint8Array.of(6, 0, 1, 4, 0, 0, 0, 0) }
    expect(field(formatP0f(syn6({ extensionHeaders: first })), 2)).toBe('8')
    expect(field(formatP0f(syn6({ extensionHeaders: first })), 7)).toBe('0')
    expect(field(formatP0f(syn({ payload: Uint8Array.of(1) })), 7)).toBe('+')
    expect(field(formatP0f(syn6({ payload: Uint8Array.of(1) })), 7)).toBe('+')
    expect(field(formatP0f(syn()), 7)).toBe('0')
  })
})

describe('formatHaproxy', () => {
  test('has TTL classes, DF, options, data and flags in octet 1', () => {
    const octet = (decoded: Syn): string => formatHaproxy(decoded).slice(2, 4)
    expect([32, 33, 64, 65, 128, 129].map((ttl) => octet(syn({ ttl })))).toEqual(['40', '50', '50', '60', '60', '70'])
    expect(octet(syn({ dontFragment: false }))).toBe('10')
    expect(octet(syn({ ipOptions: new Uint8Array(4) }))).toBe('58')
    expect(octet(syn({ payload: Uint8Array.of(1) }))).toBe('54')
    expect(octet(syn({ flags: FLAG.SYN | FLAG.ECE }))).toBe('51')
    expect(octet(syn({ flags: FLAG.SYN | FLAG.CWR }))).toBe('52')
    expect(octet(syn6())).toBe('D0')
    expect(octet(syn6({ extensionHeaders: { first: 0, bytes: Uint8Array.of(6, 0, 1, 4, 0, 0, 0, 0) } }))).toBe('D8')
  })

  test('has header length and scale in octet 2: none 0, else one more, at most 15', () => {
    const octet = (scale: number): string =>
      formatHaproxy(syn({ options: tcpOptions(option.windowScale(scale)) })).slice(4, 6)
    expect([0, 7, 13, 14, 15, 255].map(octet)).toEqual(['61', '68', '6E', '6F', '6F', '6F'])
    expect(formatHaproxy(syn({ options: new Uint8Array(0) })).slice(4, 6)).toBe('50')
  })

  test.each([
    [option.mss(1), '01'],
    [option.windowScale(1), '02'],
    [option.sackPermitted(), '04'],
    [option.unknown(5, new Array(8).fill(0)), '08'],
    [option.unknown(6), '10'],
    [option.unknown(7), '20'],
    [option.timestamps(1), '40'],
    [option.unknown(9), '80'],
    [option.unknown(255), '80'],
    [[...option.unknown(30), ...option.mss(1)], '81'],
    [option.nop(), '00'],
    [[], '00'],
  ])('has a bit for each of the kinds 2 to 8 and one for the rest in octet 7: %p', (options, octet) => {
    expect(formatHaproxy(syn({ options: tcpOptions(options) })).slice(14)).toBe(octet)
  })

  test('modes append TTL, kinds without End of Option List, and the source address', () => {
    const decoded = syn({ options: tcpOptions(option.mss(1460), option.nop(), [0]) })
    const fixed = formatHaproxy(decoded)
    expect(formatHaproxy(decoded, HAPROXY_MODE.TTL)).toBe(`${fixed}40`)
    expect(formatHaproxy(decoded, HAPROXY_MODE.OPTIONS)).toBe(`${fixed}0201`)
    expect(formatHaproxy(decoded, HAPROXY_MODE.ADDRESS)).toBe(`${fixed}C000020A`)
    expect(formatHaproxy(decoded, 7)).toBe(`${fixed}400201C000020A`)
    expect(formatHaproxy(syn6(), 4).slice(16)).toBe('20010DB8000000000000000000000001')
  })

  test('refuses other modes', () => {
    for (const mode of [-1, 8, 0.5, Number.NaN]) expect(() => formatHaproxy(syn(), mode)).toThrow(RangeError)
  })

  test('walks malformed options by their stated length and does not count the one that ends the walk', () => {
    const walked = (...octets: number[]): string =>
      formatHaproxy(syn({ options: Uint8Array.from(octets) }), 2).slice(14)
    expect(walked(4, 3, 0, 2, 4, 5, 0xb4, 1)).toBe('0504' + '0201')
    expect(walked(1, 1, 8, 0)).toBe('00' + '0101')
    expect(walked(1, 1, 1, 34)).toBe('00' + '010101')
    expect(formatHaproxy(syn({ options: Uint8Array.of(2, 3, 0x8e, 0) })).slice(10, 14)).toBe('8E00')
  })
})

describe('other formats', () => {
  test('formatMuonFp tells absent from zero', () => {
    expect(formatMuonFp(syn({ window: 0, options: new Uint8Array(0) }))).toBe('0:::')
    expect(formatMuonFp(syn({ options: tcpOptions(option.mss(0), option.windowScale(0), [1]) }))).toBe(
      '64240:2-3-1:0:0',
    )
  })

  test('ja4t tells neither', () => {
    expect(ja4t(syn({ window: 0, options: new Uint8Array(0) }))).toBe('0_00_00_00')
    expect(ja4t(syn({ options: tcpOptions(option.mss(0), option.windowScale(0), [1]) }))).toBe('64240_2-3-1_00_00')
    expect(ja4t(syn({ options: tcpOptions(option.mss(7)) }))).toBe('64240_2_07_00')
    expect(ja4t(syn({ flags: FLAG.SYN | FLAG.ECE | FLAG.CWR }))).toBe('64240_2-4-8-1-3_1460_7')
  })

  test('ja4t lists an option with an impossible length, not one that does not fit', () => {
    const of = (...octets: number[]): string => ja4t(syn({ options: Uint8Array.from(octets) })).split('_')[1]!
    expect(of(1, 1, 1, 2)).toBe('1-1-1')
    expect(of(1, 4, 3, 0)).toBe('1-4')
    expect(of(8, 0, 0, 0)).toBe('00')
    expect(of(1, 9, 1, 0)).toBe('1')
  })

  test('formatSatori gives its oddities in order, and nothing where Satori gives nothing', () => {
    expect(
      formatSatori(
        syn({
          ipId: 0,
          dontFragment: false,
          ttl: 20,
          acknowledgment: 1,
          ipOptions: new Uint8Array(4),
          payload: Uint8Array.of(1),
          options: tcpOptions(option.timestamps(1, 1)),
        }),
      ),
    ).toBe('64240:32:0:56:T,E,E:PZIDAT')
    expect(
      formatSatori(
        syn({
          options: tcpOptions(
            option.unknown(6, [1, 2, 3, 4]),
            option.unknown(7, [1, 2, 3, 4]),
            option.unknown(99),
            [1, 1],
          ),
        }),
      ),
    ).toContain(':J,F,U,N,N:')
    expect(formatSatori(syn6())).toBeUndefined()
    expect(formatSatori(syn({ options: new Uint8Array(0) }))).toBeUndefined()
    expect(formatSatori(syn({ flags: FLAG.SYN | FLAG.ECE | FLAG.CWR }))).toBeUndefined()
    expect([0, 16, 17, 33, 65, 129].map((ttl) => field(formatSatori(syn({ ttl }))!, 1))).toEqual([
      '0',
      '16',
      '32',
      '64',
      '128',
      '255',
    ])
  })

  test('formatRedbean stops at the first uncommon kind', () => {
    const of = (...parts: number[][]): string => formatRedbean(syn({ options: tcpOptions(...parts) }))
    expect(of(option.mss(1), option.fastOpen(), [1, 1])).toBe(of(option.mss(9), option.unknown(200), [1, 1]))
    expect(of(option.mss(1))).not.toBe(of(option.sackPermitted(), [1, 1]))
    expect(formatRedbean(syn({ ttl: 64 }))).toBe(formatRedbean(syn({ ttl: 40 })))
    expect(formatRedbean(syn({ ttl: 64 }))).not.toBe(formatRedbean(syn({ ttl: 65 + 1 })))
    for (const ttl of [0, 1, 2]) expect(formatRedbean(syn({ ttl }))).toMatch(/^0x[0-9a-f]{8}$/)
  })

  test('guessInitialTtl and guessHopDistance round up', () => {
    expect([0, 32, 33, 64, 65, 128, 129, 255].map(guessInitialTtl)).toEqual([32, 32, 64, 64, 128, 128, 255, 255])
    expect([0, 32, 33, 129].map(guessHopDistance)).toEqual([32, 0, 31, 126])
  })

  test('formatQuirks writes every set in p0f order', () => {
    expect(formatQuirks(0)).toBe('')
    expect(formatQuirks(0x1ffff)).toBe(QUIRK_WORDS.join(','))
    for (const [bit, word] of QUIRK_WORDS.entries()) expect(formatQuirks(1 << bit)).toBe(word)
    expect(formatQuirks(QUIRK.BAD | QUIRK.DF)).toBe('df,bad')
    const random = createRandom(6)
    for (let i = 0; i < 2000; i++) {
      const quirks = random.below(0x20000)
      expect(formatQuirks(quirks)).toBe(quirkWords(quirks).join(','))
    }
  })
})

describe('sharing', () => {
  test('strings do not depend on what was formatted before', () => {
    const random = createRandom(7)
    const packets = Array.from({ length: 4000 }, (_, i) => randomSynBytes(random, i).bytes)
    const all = (bytes: Uint8Array): string => {
      const decoded = parseSyn(bytes)
      return JSON.stringify([
        fingerprints(decoded),
        formatHaproxy(decoded, 7),
        formatSatori(decoded),
        formatRedbean(decoded),
        ja4t(decoded),
      ])
    }
    const first = packets.map(all)
    // Backwards, and with what was kept driven out by other SYNs in between.
    for (let i = 0; i < 30_000; i++) fingerprints(parseSyn(randomSynBytes(random, i).bytes))
    const second = packets.toReversed().map(all).toReversed()
    expect(second).toEqual(first)
  })

  test('each field that a string depends on tells SYNs apart', () => {
    const base: Partial<PacketFields> = { options: linuxOptions(1400, 5), window: 1234 }
    const changes: Partial<PacketFields>[] = [
      {},
      { ttl: 63 },
      { tos: 4 },
      { tos: 1 },
      { ipId: 0 },
      { dontFragment: false },
      { reservedFlag: true },
      { window: 1235 },
      { options: linuxOptions(1401, 5) },
      { options: linuxOptions(0, 5) },
      { options: linuxOptions(1400, 0) },
      { options: tcpOptions(option.sackPermitted(), option.timestamps(5), option.nop(), option.windowScale(7)) },
      {
        options: tcpOptions(
          option.mss(1400),
          option.sackPermitted(),
          option.timestamps(5),
          option.nop(),
          option.windowScale(8),
        ),
      },
      {
        options: tcpOptions(
          option.mss(1400),
          option.sackPermitted(),
          option.timestamps(5, 1),
          option.nop(),
          option.windowScale(7),
        ),
      },
      { flags: FLAG.SYN | FLAG.ECE },
      { flags: FLAG.SYN | FLAG.CWR },
      { flags: FLAG.SYN | FLAG.AE },
      { flags: FLAG.SYN | FLAG.ACK },
      { flags: FLAG.SYN | FLAG.URG },
      { flags: FLAG.SYN | FLAG.PSH },
      { payload: Uint8Array.of(1) },
      { ipOptions: new Uint8Array(4) },
      { ipOptions: new Uint8Array(8) },
      { sequence: 0 },
      { acknowledgment: 1 },
      { urgentPointer: 1 },
    ]
    const strings = changes.map((change) => {
      const decoded = syn({ ...base, ...change })
      return JSON.stringify([fingerprints(decoded), decoded.tcp.flags.ae, formatHaproxy(decoded, 1)])
    })
    expect(new Set(strings).size).toBe(changes.length)
  })
})
