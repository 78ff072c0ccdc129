import { describe, expect, test } from 'bun:test'
import { DecodeFailure } from '../../src/wire/errors.ts'
import { MAX_SYN_OCTETS, parseSyn, type Syn, safeParseSyn } from '../../src/wire/syn.ts'
import { buildPacket, extensionHeaders, parsePacket } from '../lab/packet.ts'
import { hex, toText } from '../support/hex.ts'
import { ODD_SYNS, randomSyn } from '../support/odd-syns.ts'
import { createRandom, randomSynBytes } from '../support/random.ts'
import { SYN as LINUX } from '../support/samples.ts'
import vectors from '../vectors/syn.json' with { type: 'json' }

const V6 = `6012abcd0028064020010db8000000000000000000000001${'20010db8000000000000000000000007'}${LINUX.slice(40)}`
/** An IPv4 SYN with these TCP options in hexadecimal. */
const withOptions = (options: string): string =>
  `450000000000400040060000${'01020304'}05060708${'0001000200000003'}00000000${(5 + options.length / 8).toString(16)}002ffff00000000${options}`

const tcpOf = (options: string): Syn['tcp'] => parseSyn(withOptions(options)).tcp

describe('parseSyn', () => {
  test('gives the record of INTERFACE for a Linux SYN', () => {
    expect(JSON.parse(JSON.stringify(parseSyn(LINUX.toUpperCase())))).toEqual({
      hex: LINUX,
      ip: {
        version: 4,
        headerLength: 20,
        dscp: 0,
        ecn: 0,
        totalLength: 60,
        identification: 4660,
        reservedFlag: false,
        dontFragment: true,
        moreFragments: false,
        timeToLive: 57,
        protocol: 6,
        headerChecksum: 17219,
        source: '192.0.2.10',
        destination: '198.51.100.7',
        optionsLength: 0,
      },
      tcp: {
        sourcePort: 43210,
        destinationPort: 443,
        sequenceNumber: 287454020,
        acknowledgmentNumber: 0,
        dataOffset: 10,
        flags: {
          ae: false,
          cwr: false,
          ece: false,
          urg: false,
          ack: false,
          psh: false,
          rst: false,
          syn: true,
          fin: false,
        },
        window: 64240,
        checksum: 0,
        urgentPointer: 0,
        optionKinds: [2, 4, 8, 1, 3],
        mss: 1460,
        windowScale: 7,
        sackPermitted: true,
        timestamps: { value: 10597059, echoReply: 0 },
      },
    })
  })

  test('gives the IPv6 fields', () => {
    expect(JSON.parse(JSON.stringify(parseSyn(V6).ip))).toEqual({
      version: 6,
      trafficClass: 1,
      dscp: 0,
      ecn: 1,
      flowLabel: 0x2abcd,
      payloadLength: 40,
      nextHeader: 6,
      hopLimit: 64,
      source: '2001:db8::1',
      destination: '2001:db8::7',
      extensionHeaders: [],
      extensionsLength: 0,
    })
  })

  test('leaves absent facts out of the record and undefined in the object', () => {
    const { tcp } = parseSyn(vectors.find(({ name }) => name === 'no options')!.hex)
    expect(tcp.mss).toBeUndefined()
    expect(tcp.windowScale).toBeUndefined()
    expect(tcp.timestamps).toBeUndefined()
    expect(tcp.malformed).toBeUndefined()
    expect(tcp.padding).toBeUndefined()
    expect(tcp.sackPermitted).toBe(false)
    expect(Object.keys(tcp.toJSON())).toEqual([
      'sourcePort',
      'destinationPort',
      'sequenceNumber',
      'acknowledgmentNumber',
      'dataOffset',
      'flags',
      'window',
      'checksum',
      'urgentPointer',
      'optionKinds',
    ])
  })

  test('throws what safeParseSyn returns', () => {
    expect(() => parseSyn('45')).toThrow(DecodeFailure)
    expect(() => parseSyn('45')).toThrow('Cannot decode SYN: truncated at offset 0, 20 octets needed, 1 there')
    try {
      parseSyn(LINUX.slice(0, 100))
      throw new Error('it decoded')
    } catch (failure) {
      expect((failure as DecodeFailure).error).toEqual({ reason: 'truncated', offset: 20, needed: 60, available: 50 })
    }
  })

  test('refuses what is neither text nor octets', () => {
    for (const wrong of [undefined, null, 4, {}, [], new ArrayBuffer(60), new DataView(new ArrayBuffer(60))]) {
      expect(() => parseSyn(wrong as unknown as string)).toThrow(TypeError)
      expect(() => safeParseSyn(wrong as unknown as string)).toThrow(TypeError)
    }
  })

  test('takes white space around text and nothing else', () => {
    expect(parseSyn(`\t ${LINUX}\r\n`).hex).toBe(LINUX)
    const error = (text: string) => {
      const result = safeParseSyn(text)
      return result.ok ? undefined : result.error
    }
    expect(error('')).toEqual({ reason: 'empty', offset: 0 })
    expect(error(' \n')).toEqual({ reason: 'empty', offset: 0 })
    expect(error(`0x${LINUX}`)).toEqual({ reason: 'bad-hex', offset: 1 })
    expect(error(`${LINUX.slice(0, 4)} ${LINUX.slice(4)}`)).toEqual({ reason: 'bad-hex', offset: 4 })
    expect(error(`  ${LINUX.slice(0, 5)}g${LINUX.slice(6)}`)).toEqual({ reason: 'bad-hex', offset: 7 })
    expect(error(`${LINUX}4`)).toEqual({ reason: 'bad-hex', offset: 121 })
    expect(error('4５')).toEqual({ reason: 'bad-hex', offset: 1 })
    expect(error('\u0000')).toEqual({ reason: 'bad-hex', offset: 0 })
  })

  test('refuses more octets than a packet has', () => {
    const bytes = new Uint8Array(MAX_SYN_OCTETS + 1)
    bytes.set(hex(LINUX))
    expect(safeParseSyn(bytes)).toMatchObject({ ok: false, error: { reason: 'too-long' } })
    expect(safeParseSyn(toText(bytes))).toMatchObject({ ok: false, error: { reason: 'too-long' } })
    expect(safeParseSyn('4'.repeat(1_000_000))).toMatchObject({ ok: false, error: { reason: 'too-long' } })
    expect(safeParseSyn(bytes.subarray(0, MAX_SYN_OCTETS)).ok).toBe(true)
  })

  test('names each reason and its offset', () => {
    const error = (change: [offset: number, octet: number][], text = LINUX) => {
      const bytes = hex(text)
      for (const [offset, octet] of change) bytes[offset] = octet
      const result = safeParseSyn(bytes)
      return result.ok ? undefined : [result.error.reason, result.error.offset]
    }
    expect(error([[0, 0x55]])).toEqual(['bad-version', 0])
    expect(error([[0, 0x44]])).toEqual(['bad-header-length', 0])
    expect(error([[9, 17]])).toEqual(['not-tcp', 9])
    expect(error([[7, 1]])).toEqual(['fragment', 6])
    expect(error([[6, 0x21]])).toEqual(['fragment', 6])
    expect(error([[6, 0x20]])).toBeUndefined()
    expect(error([[32, 0x40]])).toEqual(['bad-data-offset', 32])
    expect(error([[32, 0xb0]])).toEqual(['truncated', 20])
    expect(error([[33, 0x10]])).toEqual(['not-syn', 33])
    expect(error([[33, 0x06]])).toEqual(['not-syn', 33])
    expect(error([[33, 0x12]])).toBeUndefined()
    expect(error([[33, 0x03]])).toBeUndefined()
    expect(error([[6, 17]], V6)).toEqual(['not-tcp', 6])
    expect(error([[6, 50]], V6)).toEqual(['not-tcp', 6])
    expect(error([[6, 59]], V6)).toEqual(['not-tcp', 6])
  })

  test('keeps what follows the TCP header in bytes only', () => {
    const syn = parseSyn(`${LINUX}474554`)
    expect(syn.hex).toBe(`${LINUX}474554`)
    expect(syn.tcp.optionKinds).toEqual([2, 4, 8, 1, 3])
    expect(syn.payloadLength).toBe(0)
  })

  test('reads every flag, AE and the reserved bits too', () => {
    const bytes = hex(LINUX)
    for (const [name, offset, bit] of [
      ['ae', 32, 1],
      ['cwr', 33, 0x80],
      ['ece', 33, 0x40],
      ['urg', 33, 0x20],
      ['ack', 33, 0x10],
      ['psh', 33, 8],
      ['fin', 33, 1],
    ] as const) {
      const changed = bytes.slice()
      changed[offset]! |= bit
      const { flags } = parseSyn(changed).tcp
      expect(
        Object.entries(flags)
          .filter(([, set]) => set)
          .map(([flag]) => flag)
          .sort(),
      ).toEqual(['syn', name].sort())
    }
    bytes[32]! |= 0x0e
    expect(parseSyn(bytes).tcp.reserved).toBe(7)
  })

  test('shares nothing that can be changed', () => {
    const { tcp } = parseSyn(LINUX)
    expect(() => (tcp.optionKinds as number[]).sort()).toThrow(TypeError)
    expect(() => Object.assign(tcp.flags, { syn: false })).toThrow(TypeError)
    expect(parseSyn(LINUX).tcp.optionKinds).toEqual([2, 4, 8, 1, 3])
  })
})

describe('the Ethernet header in front', () => {
  const ethernet = '000000000000000000000000'
  test('is found for IPv4, IPv6 and behind VLAN tags', () => {
    for (const [front, packet, vlans] of [
      [`${ethernet}0800`, LINUX, []],
      [`${ethernet}86dd`, V6, []],
      ['ffeeddccbbaa0a0b0c0d0e0f8100206486dd', V6, [100]],
      ['ffeeddccbbaa0a0b0c0d0e0f88a8000181000fff0800', LINUX, [1, 4095]],
    ] as const) {
      const syn = parseSyn(front + packet)
      expect(syn.link).toMatchObject({ length: front.length / 2, vlans: [...vlans] })
      expect(syn.hex).toBe(front + packet)
      expect(JSON.stringify(syn.tcp)).toBe(JSON.stringify(parseSyn(packet).tcp))
      expect(syn.ip.source).toBe(parseSyn(packet).ip.source)
    }
    expect(parseSyn(`ffeeddccbbaa0a0b0c0d0e0f0800${LINUX}`).link).toEqual({
      destination: 'ff:ee:dd:cc:bb:aa',
      source: '0a:0b:0c:0d:0e:0f',
      etherType: 0x0800,
      vlans: [],
      length: 14,
    })
    expect(parseSyn(LINUX).link).toBeUndefined()
  })

  test('is not seen in a source address of 8.0.64.0', () => {
    expect(parseSyn(`4500003c123440003906434308004501${LINUX.slice(32)}`).link).toBeUndefined()
  })

  test('is seen when the address looks like an IP header', () => {
    const syn = parseSyn(`4500003c1234400040060000${'0800'}${LINUX}`)
    expect(syn.link?.length).toBe(14)
    expect(syn.ip.source).toBe('192.0.2.10')
  })

  test('tells its own reason where the packet behind it is broken', () => {
    expect(safeParseSyn(`${ethernet}0800${LINUX.slice(0, 60)}`)).toMatchObject({
      error: { reason: 'truncated', offset: 34 },
    })
    expect(safeParseSyn(`${ethernet}0806${LINUX}`)).toMatchObject({ error: { reason: 'bad-version', offset: 0 } })
  })
})

describe('IPv6 extension headers', () => {
  const tcp = LINUX.slice(40)
  const address = '20010db8'.padEnd(32, '0')
  const fixed = (next: string): string => `600000000000${next}40${address}${address}`
  const chain = (headers: readonly [kind: number, body: string][]): string => {
    const kinds = [...headers.map(([kind]) => kind), 6].map((kind) => kind.toString(16).padStart(2, '0'))
    return fixed(kinds[0]!) + headers.map(([, body], i) => kinds[i + 1]! + body).join('') + tcp
  }
  const plain = '00010400000000'
  for (const [name, headers, length] of [
    ['every kind with a length of eight', [0, 43, 60, 135, 139, 140, 253, 254].map((kind) => [kind, plain]), 64],
    ['a fragment header of offset 0, whose second octet is no length', [[44, 'ff000100000001']], 8],
    ['an Authentication Header in units of four', [[51, `04${'00'.repeat(22)}`]], 24],
    ['the shortest Authentication Header', [[51, `00${'00'.repeat(6)}`]], 8],
    ['a long header', [[60, `02${'00'.repeat(22)}`]], 24],
    ['twenty of one kind', new Array(20).fill([60, plain]), 160],
  ] as [string, [number, string][], number][]) {
    test(`are walked: ${name}`, () => {
      const syn = parseSyn(chain(headers))
      if (syn.ip.version !== 6) throw new Error('not IPv6')
      expect(syn.ip.extensionHeaders).toEqual(headers.map(([kind]) => kind))
      expect(syn.ip.nextHeader).toBe(headers[0]![0])
      expect(syn.ip.extensionsLength).toBe(length)
      expect(syn.tcp.optionKinds).toEqual([2, 4, 8, 1, 3])
    })
  }

  test('stop at later fragments, at other protocols and at the end of the octets', () => {
    expect(safeParseSyn(chain([[44, '00000800000001']]))).toMatchObject({ error: { reason: 'fragment', offset: 42 } })
    expect(safeParseSyn(chain([[60, plain]]).replace(/^(.{80})06/, '$111'))).toMatchObject({
      error: { reason: 'not-tcp', offset: 40 },
    })
    expect(safeParseSyn(chain([[60, `ff${'00'.repeat(6)}`]]))).toMatchObject({
      error: { reason: 'truncated', offset: 40, needed: 40 + 2048 },
    })
    expect(safeParseSyn(fixed('3c'))).toMatchObject({ error: { reason: 'truncated', needed: 48 } })
    expect(safeParseSyn(fixed('3c') + '3c00000000000000'.repeat(8000))).toMatchObject({
      error: { reason: 'truncated' },
    })
  })

  test('of a builder come out as they went in', () => {
    const headers = extensionHeaders({ kind: 0 }, { kind: 60, options: [1, 2, 0, 0] })
    const syn = parseSyn(
      buildPacket({
        source: { address: '2001:db8::1', port: 1 },
        destination: { address: '2001:db8::2', port: 2 },
        extensionHeaders: headers,
      }),
    )
    expect(syn.ip.toJSON()).toMatchObject({ extensionHeaders: [0, 60], extensionsLength: headers.bytes.length })
  })
})

describe('TCP options', () => {
  test('of several MSS or window scale options the last counts', () => {
    const tcp = tcpOf('020405b4020405dc0303070103030901')
    expect([tcp.mss, tcp.windowScale]).toEqual([1500, 9])
  })

  test('keep values as sent', () => {
    const tcp = tcpOf('020400000303ff01')
    expect([tcp.mss, tcp.windowScale]).toEqual([0, 255])
  })

  for (const [name, options, kinds, malformed] of [
    ['a zero length', '020405b408000000', [2, 8], { reason: 'bad-length', offset: 4 }],
    ['a length of 1', '0101fe0100000000', [1, 1, 254], { reason: 'bad-length', offset: 2 }],
    ['a kind without a length', '01010102', [1, 1, 1, 2], { reason: 'truncated', offset: 3 }],
    ['a length past the header', '01220b0000000000', [1, 34], { reason: 'truncated', offset: 1 }],
    ['a length that just fits', '22080000000000ff', [34], undefined],
    ['MSS of length 3', '0203050101010101', [2], { reason: 'bad-length', offset: 0 }],
    ['window scale of length 4', '0304070101010101', [3], { reason: 'bad-length', offset: 0 }],
    ['SACK permitted of length 3', '0403000101010101', [4], { reason: 'bad-length', offset: 0 }],
    ['timestamps of length 8', '0808000000000000', [8], { reason: 'bad-length', offset: 0 }],
    ['SACK of length 9', '050900000000000000010101', [5], { reason: 'bad-length', offset: 0 }],
    ['SACK of length 12', '050c00000000000000000000', [5], { reason: 'bad-length', offset: 0 }],
    ['SACK of length 10', '050a00000000000000000101', [5, 1, 1], undefined],
    ['40 no-operations', '01'.repeat(40), new Array(40).fill(1), undefined],
    ['20 SACK permitted', '0402'.repeat(20), new Array(20).fill(4), undefined],
  ] as const) {
    test(`stop, or not, at ${name}`, () => {
      const tcp = tcpOf(options)
      expect(tcp.optionKinds).toEqual([...kinds])
      expect(tcp.malformed).toEqual(malformed)
      expect(tcp.options.map(({ kind }) => kind)).toEqual([...kinds])
    })
  }

  test('take no value from an option with a wrong length, nor from what follows it', () => {
    const tcp = tcpOf('020405b4030407010204010103030701')
    expect([tcp.mss, tcp.windowScale]).toEqual([1460, undefined])
  })

  for (const [options, kinds, padding] of [
    ['00000000', [0, 0, 0, 0], undefined],
    ['020405b401000000', [2, 1, 0, 0, 0], undefined],
    ['01010100', [1, 1, 1, 0], undefined],
    ['020405b400010203', [2, 0], '010203'],
    ['020405b400000003', [2, 0, 0, 0], '03'],
    ['020405b400000300', [2, 0, 0], '0300'],
    ['0000000100000000', [0, 0, 0], '0100000000'],
  ] as const) {
    test(`end at End of Option List: ${options}`, () => {
      const tcp = tcpOf(options)
      expect(tcp.optionKinds).toEqual([...kinds])
      expect(tcp.padding).toBe(padding)
      expect(tcp.malformed).toBeUndefined()
    })
  }

  test('come as typed objects', () => {
    const plain = (options: string) =>
      tcpOf(options).options.map(({ bytes, ...rest }) => ({ ...rest, bytes: toText(bytes) }))
    expect(plain('020405b40402080a01020304050607080103030a')).toEqual([
      { kind: 2, type: 'mss', offset: 0, length: 4, bytes: '020405b4', mss: 1460 },
      { kind: 4, type: 'sack-permitted', offset: 4, length: 2, bytes: '0402' },
      {
        kind: 8,
        type: 'timestamps',
        offset: 6,
        length: 10,
        bytes: '080a0102030405060708',
        value: 0x01020304,
        echoReply: 0x05060708,
      },
      { kind: 1, type: 'no-operation', offset: 16, length: 1, bytes: '01' },
      { kind: 3, type: 'window-scale', offset: 17, length: 3, bytes: '03030a', windowScale: 10 },
    ])
    const first = (options: string) => plain(options)[0]
    expect(first('050a00000001ffffffff0000')).toMatchObject({ type: 'sack', blocks: [{ left: 1, right: 0xffffffff }] })
    expect(first('22020101')).toMatchObject({ type: 'fast-open', cookie: '', experimental: false })
    expect(first('220a01020304050607080101')).toMatchObject({ type: 'fast-open', cookie: '0102030405060708' })
    expect(first('fe04f989')).toMatchObject({ type: 'fast-open', cookie: '', experimental: true })
    expect(first('fd08f989deadbeef')).toMatchObject({ type: 'fast-open', cookie: 'deadbeef', experimental: true })
    expect(first('fe06454e41500101')).toMatchObject({ type: 'experimental', experimentId: 0x454e, data: '4150' })
    expect(first('fd030101')).toMatchObject({ type: 'experimental', data: '01' })
    expect(first('1e040181')).toMatchObject({ type: 'multipath', subtype: 0, version: 1, flags: 0x81 })
    expect(first('1e0c00810102030405060708')).toMatchObject({ subtype: 0, version: 0, key: '0102030405060708' })
    expect(first('1e0c1102aabbccdd01020304')).toMatchObject({
      subtype: 1,
      flags: 1,
      addressId: 2,
      token: 0xaabbccdd,
      nonce: 0x01020304,
    })
    expect(first('1e026001')).toMatchObject({ type: 'unknown', data: '' })
    expect(first('ac0b00000100000200000301')).toMatchObject({ type: 'accurate-ecn', counters: [1, 2, 3] })
    expect(first('ae05ffffff010101')).toMatchObject({ type: 'accurate-ecn', counters: [0xffffff] })
    expect(first('ac020101')).toMatchObject({ type: 'accurate-ecn', counters: [] })
    expect(first('ac040000')).toMatchObject({ type: 'unknown' })
    expect(first(`1312${'ab'.repeat(16)}0101`)).toMatchObject({ type: 'md5-signature', digest: 'ab'.repeat(16) })
    expect(first('1d0801020a0b0c0d')).toMatchObject({
      type: 'authentication',
      keyId: 1,
      receiveNextKeyId: 2,
      code: '0a0b0c0d',
    })
    expect(first('1c0405dc')).toMatchObject({ type: 'user-timeout', seconds: 1500 })
    expect(first('1c048002')).toMatchObject({ type: 'user-timeout', seconds: 120 })
    expect(first('6305010203010101')).toMatchObject({ kind: 99, type: 'unknown', length: 5, data: '010203' })
    expect(first('00000000')).toMatchObject({ kind: 0, type: 'end-of-options', length: 1 })
  })

  test('give what there is of the one at which the walk stops', () => {
    expect(tcpOf('0101010b').options.at(-1)).toMatchObject({ kind: 11, type: 'unknown', length: 0, offset: 3 })
    const cut = tcpOf('080a0000').options.at(-1)!
    expect([cut.type, cut.length, toText(cut.bytes)]).toEqual(['unknown', 10, '080a0000'])
    expect(toText(tcpOf('02030501').options[0]!.bytes)).toBe('020305')
  })
})

describe('every input', () => {
  test('every truncation of every vector ends in a result that says what is missing', () => {
    for (const { hex: text } of vectors) {
      const packet = hex(text)
      const bytes = packet.subarray(0, parsePacket(packet)!.headerLength)
      for (let length = 0; length < bytes.length; length++) {
        const result = safeParseSyn(bytes.subarray(0, length))
        if (result.ok) throw new Error(`${length} octets of ${text} decoded`)
        if (length === 0) expect(result.error.reason).toBe('empty')
        else {
          expect(result.error.reason).toBe('truncated')
          expect(result.error.available).toBe(length)
          expect(result.error.needed).toBeGreaterThan(length)
          expect(result.error.needed).toBeLessThanOrEqual(bytes.length)
        }
      }
    }
  })

  test('edge values in every octet never throw, and every field can be read', () => {
    for (const text of [LINUX, V6, vectors.find(({ name }) => name.startsWith('v6 dstopts'))!.hex]) {
      for (let at = 0; at < text.length / 2; at++) {
        for (const octet of [0, 1, 2, 3, 0x7f, 0x80, 0xfe, 0xff]) {
          const bytes = hex(text)
          bytes[at] = octet
          readAll(bytes)
        }
      }
    }
  })

  test('random octets never throw and never read outside', () => {
    const random = createRandom(1)
    for (let i = 0; i < 20_000; i++) {
      const { bytes } = randomSynBytes(random, i)
      for (let n = random.below(4); n > 0; n--) bytes[random.below(bytes.length)] = random.below(256)
      readAll(bytes.subarray(0, random.chance(0.3) ? random.below(bytes.length) : bytes.length))
    }
  })

  test('a view of a larger buffer decodes as its copy does, whatever lies around it', () => {
    const random = createRandom(2)
    for (let i = 0; i < 5000; i++) {
      const { bytes } = randomSynBytes(random, i)
      const cut = bytes.subarray(0, random.chance(0.2) ? random.below(bytes.length) : bytes.length)
      const results = [0, 0xff].map((filler) => {
        const buffer = new Uint8Array(cut.length + 400).fill(filler)
        buffer.set(cut, 200)
        return describeAll(buffer.subarray(200, 200 + cut.length))
      })
      expect(results[0]).toBe(results[1]!)
      expect(results[0]).toBe(describeAll(cut.slice()))
    }
  })

  test('what a builder put in comes out', () => {
    const random = createRandom(3)
    const cases = [...ODD_SYNS, ...Array.from({ length: 3000 }, () => randomSyn(random))]
    for (const { family, syn: fields } of cases) {
      const addresses = family === 'ipv4' ? ['198.51.100.9', '10.1.2.3'] : ['2001:db8::9', 'fd00::1:0:0:3']
      const packet = buildPacket({
        ...fields,
        source: { address: addresses[0]!, port: 40_000 },
        destination: { address: addresses[1]!, port: 80 },
      })
      const expected = parsePacket(packet)!
      const { ip, tcp } = parseSyn(packet.subarray(0, expected.headerLength))
      expect(ip.source).toBe(expected.source.address)
      expect(ip.destination).toBe(expected.destination.address)
      expect(ip.version === 4 ? ip.timeToLive : ip.hopLimit).toBe(expected.ttl)
      expect(ip.dscp * 4 + ip.ecn).toBe(expected.tos)
      if (ip.version === 6) expect(ip.flowLabel).toBe(expected.flowLabel)
      expect(tcp.sequenceNumber).toBe(expected.sequence)
      expect(tcp.acknowledgmentNumber).toBe(expected.acknowledgment)
      expect(tcp.flagBits).toBe(expected.flags)
      expect(tcp.reserved).toBe(fields.reservedBits ?? 0)
      expect(tcp.window).toBe(expected.window)
      expect(tcp.urgentPointer).toBe(expected.urgentPointer)
      expect(toText(tcp.optionBytes)).toBe(toText(expected.options))
      if (tcp.malformed === undefined) {
        const lengths = tcp.options.reduce((sum, { bytes }) => sum + bytes.length, 0)
        const behind = Math.max(0, tcp.paddingLength)
        expect(lengths + behind).toBe(tcp.optionBytes.length)
      }
    }
  })

  test('a hundred thousand extension headers or options take no longer than their octets', () => {
    const long = new Uint8Array(MAX_SYN_OCTETS)
    long.set(hex(V6.slice(0, 80)))
    long[6] = 60
    for (let at = 40; at + 8 <= long.length; at += 8) long[at] = 60
    for (let i = 0; i < 200; i++) expect(safeParseSyn(long).ok).toBe(false)
  })
})

function readAll(bytes: Uint8Array): void {
  describeAll(bytes)
}

/** Everything a SYN says, as text; the error for one that cannot be decoded. */
function describeAll(bytes: Uint8Array): string {
  const result = safeParseSyn(bytes)
  if (!result.ok) {
    expect(result.error.offset).toBeLessThanOrEqual(bytes.length)
    return JSON.stringify(result.error)
  }
  const syn = result.value
  const options = syn.tcp.options.map(({ bytes: octets, ...rest }) => ({ ...rest, octets: toText(octets) }))
  return JSON.stringify([syn, syn.link, options, syn.tcp.padding, syn.payloadLength, toText(syn.ip.sourceBytes)])
}
