import { describe, expect, test } from 'bun:test'
import { type Database, type DatabaseOptions, joinDatabases } from '../../src/label/database.ts'
import { loadP0f } from '../../src/label/database-parser.ts'
import { type LabelRecord, type MatchOptions, match } from '../../src/label/match.ts'
import { nearest } from '../../src/label/nearest.ts'
import { parseSyn, type Syn } from '../../src/wire/syn.ts'
import { syn, syn6 } from '../lab/linux-syn.ts'
import { FLAG, linuxOptions, option, tcpOptions } from '../lab/packet.ts'
import { createRandom, randomSynBytes } from '../support/random.ts'
import { synOf } from './syn-of.ts'

/** A database of `[type, class, name, sig]` rows. */
const database = (rows: readonly (readonly [string, string, string, string])[], options?: DatabaseOptions): Database =>
  loadP0f(
    `classes = unix,win\n[mtu]\nlabel = Ethernet\nsig = 1500\n[tcp:request]\n${rows
      .map(
        ([type, family, name, sig]) =>
          `label = ${type}:${family}:${name}:\n${family === '!' ? 'sys = @unix\n' : ''}sig = ${sig}\n`,
      )
      .join('')}`,
    options,
  )
const record = (db: Database, decoded: Syn, options?: MatchOptions): LabelRecord =>
  JSON.parse(JSON.stringify(match(db, decoded, options)))
const nameOf = (sig: string, decoded: Syn, options?: DatabaseOptions): string | undefined => {
  const label = match(database([['s', 'unix', 'X', sig]], options), decoded)
  return label.name === undefined ? undefined : label.match
}
const LAYOUT = 'mss,sok,ts,nop,ws'

describe('match', () => {
  test('gives the object of INTERFACE', () => {
    const db = database([['s', 'unix', 'Linux', `*:64:0:*:mss*44,7:${LAYOUT}:df,id+:0`]])
    expect(record(db, syn({ ttl: 57 }))).toEqual({
      name: 'Linux',
      kind: 'os',
      match: 'exact',
      generic: false,
      family: 'linux',
      distance: 7,
      link: 'Ethernet',
      mtu: 1500,
    })
  })

  test('gives distance, link and MTU without a name', () => {
    const db = database([])
    expect(record(db, syn({ ttl: 57 }))).toEqual({ distance: 7, link: 'Ethernet', mtu: 1500 })
    expect(record(db, syn({ ttl: 57, options: linuxOptions(1400) }))).toEqual({ distance: 7, mtu: 1440 })
    expect(record(db, syn({ ttl: 200, options: new Uint8Array(0) }))).toEqual({ distance: 55 })
    expect(record(db, syn6())).toEqual({ distance: 0, link: 'Ethernet', mtu: 1500 })
    expect(match(db, syn()).evidence).toBeUndefined()
  })

  test('gives no link for tools, nor for the probes of p0f-sendsyn', () => {
    const db = database([['s', '!', 'Tool', `*:64-:0:*:*,*:${LAYOUT}:df,id+:0`]])
    expect(record(db, syn({ ttl: 60 }))).toEqual({
      name: 'Tool',
      kind: 'app',
      match: 'exact',
      generic: false,
      family: 'tool',
      distance: 4,
    })
    expect(record(db, syn({ ipId: 0, options: tcpOptions(option.mss(1331)), window: 1337 }))).toEqual({ distance: 0 })
    expect(record(db, syn({ ipId: 0, options: tcpOptions(option.mss(1331)), window: 1338 }))).toEqual({
      distance: 0,
      mtu: 1371,
    })
  })

  test.each([
    [`*:64:0:*:*,*:${LAYOUT}:df,id+:0`, 'exact'],
    [`4:64:0:1460:64240,7:${LAYOUT}:df,id+:0`, 'exact'],
    [`*:64:0:*:%8192,*:${LAYOUT}:df,id+:0`, undefined],
    [`*:64:0:*:%80,*:${LAYOUT}:df,id+:0`, 'exact'],
    [`*:64:0:*:mss*44,*:${LAYOUT}:df,id+:0`, 'exact'],
    [`*:64:0:*:mtu*44,*:${LAYOUT}:df,id+:0`, undefined],
    [`*:64:0:*:mss*45,*:${LAYOUT}:df,id+:0`, undefined],
    [`*:64:0:*:64241,*:${LAYOUT}:df,id+:0`, undefined],
    [`*:64:0:1461:*,*:${LAYOUT}:df,id+:0`, undefined],
    [`*:64:0:*:*,8:${LAYOUT}:df,id+:0`, undefined],
    [`*:64:8:*:*,*:${LAYOUT}:df,id+:0`, undefined],
    [`*:64:0:*:*,*:mss,sok,ts,nop,ws,nop:df,id+:0`, undefined],
    [`*:64:0:*:*,*:${LAYOUT}:df,id+:+`, undefined],
    [`*:64:0:*:*,*:${LAYOUT}:df,id+:*`, 'exact'],
    // Quirks: df and id+ may be missing, id- and ecn may be there.
    [`*:64:0:*:*,*:${LAYOUT}:df:0`, undefined],
    [`*:64:0:*:*,*:${LAYOUT}::0`, undefined],
    [`*:64:0:*:*,*:${LAYOUT}:df,id+,ecn:0`, undefined],
    [`*:64:0:*:*,*:${LAYOUT}:df,id+,id-:0`, undefined],
    // TTL: at most 35 below.
    [`*:99:0:*:*,*:${LAYOUT}:df,id+:0`, 'exact'],
    [`*:100:0:*:*,*:${LAYOUT}:df,id+:0`, 'fuzzy'],
    [`*:63:0:*:*,*:${LAYOUT}:df,id+:0`, 'fuzzy'],
    [`*:63-:0:*:*,*:${LAYOUT}:df,id+:0`, undefined],
    [`*:255-:0:*:*,*:${LAYOUT}:df,id+:0`, 'exact'],
  ])('a Linux SYN and %s: %p', (sig, expected) => {
    expect(nameOf(sig, syn())).toBe(expected)
  })

  test('quirks may change as p0f allows, one or several', () => {
    const sig = `*:64:0:*:*,*:${LAYOUT}:df,id+:0`
    expect(nameOf(sig, syn({ ipId: 0 }))).toBe('fuzzy')
    expect(nameOf(sig, syn({ dontFragment: false }))).toBe('fuzzy')
    expect(nameOf(sig, syn({ dontFragment: false, ipId: 0 }))).toBe('fuzzy')
    expect(nameOf(sig, syn({ tos: 1 }))).toBe('fuzzy')
    expect(nameOf(sig, syn({ tos: 1, ttl: 65 }))).toBe('fuzzy')
    expect(nameOf(sig, syn({ flags: FLAG.SYN | FLAG.PSH }))).toBeUndefined()
    expect(nameOf(sig, syn({ sequence: 0 }))).toBeUndefined()
  })

  test('quirks of the other IP version do not count in a signature for both', () => {
    expect(nameOf(`*:64:0:*:*,*:${LAYOUT}:df,id+:0`, syn6())).toBe('exact')
    expect(nameOf(`*:64:0:*:*,*:${LAYOUT}:df,id+,flow:0`, syn())).toBe('exact')
    expect(nameOf(`*:64:0:*:*,*:${LAYOUT}:flow:0`, syn6(), { tolerant: false })).toBeUndefined()
    expect(nameOf(`*:64:0:*:*,*:${LAYOUT}:flow:0`, syn6({ flowLabel: 1 }), { tolerant: false })).toBe('exact')
  })

  test('the version is compared only where the database says so', () => {
    expect(nameOf(`6:64:0:*:*,*:${LAYOUT}::0`, syn({ dontFragment: false }))).toBe('exact')
    expect(nameOf(`6:64:0:*:*,*:${LAYOUT}::0`, syn({ dontFragment: false }), { versioned: true })).toBeUndefined()
    expect(nameOf(`6:64:0:*:*,*:${LAYOUT}::0`, syn6(), { versioned: true })).toBe('exact')
    expect(nameOf(`4:64:0:*:*,*:${LAYOUT}::0`, syn6(), { versioned: true })).toBeUndefined()
    expect(nameOf(`*:64:0:*:*,*:${LAYOUT}::0`, syn6(), { versioned: true })).toBe('exact')
  })

  test('specific goes before generic before fuzzy, each in the order of the file', () => {
    const fuzzy = `*:30:0:*:*,*:${LAYOUT}:df,id+:0`
    const wide = `*:64:0:*:*,*:${LAYOUT}:df,id+:0`
    const narrow = `*:64:0:*:mss*44,7:${LAYOUT}:df,id+:0`
    const name = (...rows: (readonly [string, string, string, string])[]) => {
      const label = match(database(rows), syn())
      return [label.name, label.match, label.generic]
    }
    expect(name(['s', 'unix', 'Fuzzy', fuzzy], ['g', 'unix', 'Wide', wide], ['s', 'unix', 'Narrow', narrow])).toEqual([
      'Narrow',
      'exact',
      false,
    ])
    expect(name(['s', 'unix', 'Fuzzy', fuzzy], ['g', 'unix', 'Wide', wide], ['g', 'unix', 'Narrow', narrow])).toEqual([
      'Wide',
      'exact',
      true,
    ])
    expect(name(['s', 'unix', 'Narrow', narrow], ['s', 'unix', 'Wide', wide])).toEqual(['Narrow', 'exact', false])
    expect(name(['s', 'unix', 'Wide', wide], ['s', 'unix', 'Narrow', narrow])).toEqual(['Wide', 'exact', false])
    expect(name(['g', 'unix', 'One', fuzzy], ['s', 'unix', 'Two', fuzzy])).toEqual(['One', 'fuzzy', true])
  })

  test('a fuzzy tool is no match, and what comes after it is not looked at', () => {
    const db = database([
      ['s', '!', 'Tool', `*:30:0:*:*,*:${LAYOUT}:df,id+:0`],
      ['s', 'unix', 'System', `*:30:0:*:64240,*:${LAYOUT}:df,id+:0`],
    ])
    expect(record(db, syn({ ttl: 57 }))).toEqual({ distance: 7, link: 'Ethernet', mtu: 1500 })
    // p0f 3.09b logs a distance of 0 then.
    expect(record(db, syn({ ttl: 57 }), { tolerant: false })).toEqual({ distance: 0, link: 'Ethernet', mtu: 1500 })
  })

  test('gives an object that nobody can change', () => {
    const db = database([['s', 'unix', 'Linux', `*:64:0:*:*,*:${LAYOUT}:df,id+:0`]])
    expect(() => Object.assign(match(db, syn()), { name: 'Other' })).toThrow(TypeError)
    expect(match(db, syn()).name).toBe('Linux')
  })

  test('the distance is the signature TTL less the observed one, or a guess where these are at odds', () => {
    const distance = (sig: string, ttl: number) =>
      match(database([['s', 'unix', 'X', `*:${sig}:0:*:*,*:${LAYOUT}:df,id+:0`]]), syn({ ttl })).distance
    expect(distance('80', 50)).toBe(30)
    expect(distance('30', 50)).toBe(14)
    expect(distance('128', 50)).toBe(14)
    expect(distance('128-', 50)).toBe(78)
  })

  test('tells why', () => {
    const db = database([['g', 'unix', 'Linux', `*:64:0:*:*,*:${LAYOUT}:df,id+:0`]])
    expect(match(db, syn({ ttl: 20, dontFragment: false, ipId: 0, tos: 2 })).evidence).toEqual({
      signature: `*:64:0:*:*,*:${LAYOUT}:df,id+:0`,
      line: 7,
      family: 'unix',
      system: 'Linux',
      flavor: '',
      runsOn: [],
      missingQuirks: ['df', 'id+'],
      extraQuirks: ['id-', 'ecn'],
      toleratedQuirks: [],
      ttlDiffers: true,
      randomTtl: false,
    })
  })
})

describe('tolerance', () => {
  const rows = [['s', 'unix', 'Old', `*:64:0:*:*,*:${LAYOUT}:df,id+:0`]] as const
  const accurate = FLAG.SYN | FLAG.AE | FLAG.CWR | FLAG.ECE

  test('a flow label and Accurate ECN match exactly where the signature knows neither', () => {
    const db = database(rows)
    for (const decoded of [syn6({ flowLabel: 7 }), syn({ flags: accurate }), syn6({ flowLabel: 7, flags: accurate })]) {
      expect(match(db, decoded)).toMatchObject({ name: 'Old', match: 'exact' })
    }
    expect(match(db, syn6({ flowLabel: 7, flags: accurate })).evidence).toMatchObject({
      extraQuirks: ['ecn', 'flow'],
      toleratedQuirks: ['ecn', 'flow'],
      missingQuirks: [],
    })
  })

  test('classic ECN stays fuzzy', () => {
    expect(match(database(rows), syn({ flags: FLAG.SYN | FLAG.CWR | FLAG.ECE })).match).toBe('fuzzy')
  })

  test('without it p0f 3.09b decides', () => {
    for (const [db, options] of [
      [database(rows, { tolerant: false }), {}],
      [database(rows), { tolerant: false }],
    ] as const) {
      expect(match(db, syn6({ flowLabel: 7 }), options).name).toBeUndefined()
      expect(match(db, syn({ flags: accurate }), options)).toMatchObject({ name: 'Old', match: 'fuzzy' })
    }
    expect(match(database(rows, { tolerant: false }), syn6({ flowLabel: 7 }), { tolerant: true }).name).toBe('Old')
  })

  test('a signature that names the quirk goes first, whatever the order', () => {
    const modern = ['s', 'unix', 'New', `6:64:0:*:*,*:${LAYOUT}:flow:0`] as const
    expect(match(database([...rows, modern]), syn6({ flowLabel: 7 })).name).toBe('New')
    expect(match(database([...rows, modern]), syn6()).name).toBe('Old')
    expect(match(joinDatabases(database(rows), database([modern])), syn6({ flowLabel: 7 })).name).toBe('New')
    const generic = ['g', 'unix', 'New', `6:64:0:*:*,*:${LAYOUT}:flow:0`] as const
    expect(match(database([...rows, generic]), syn6({ flowLabel: 7 })).name).toBe('Old')
  })
})

describe('the index', () => {
  test('finds what a scan over all signatures finds', () => {
    const random = createRandom(8)
    const { pick } = random
    const layouts = [LAYOUT, 'mss', '', 'mss,nop,ws', 'mss,nop,ws,nop,nop,sok']
    const rows = Array.from({ length: 600 }, (_, i) => {
      const window = pick(['*', '64240', 'mss*44', 'mss*10', 'mtu*4', '%1024', '%100', '8192', '1024'])
      const sig = `${pick(['*', '*', '4'])}:${pick(['64', '128', '255', '64-'])}:0:${pick(['*', '1460', '1400', '0'])}:${window},${pick(['*', '7', '8', '0'])}:${pick(layouts)}:${pick(['df,id+', 'df', '', 'id-', 'df,id+,ecn'])}:${pick(['0', '*', '+'])}`
      return [pick(['s', 's', 'g']), pick(['unix', 'unix', '!']), `S${i}`, sig] as const
    })
    const whole = database(rows)
    // The same rules, one signature at a time: the rank of each alone, then the first of the best.
    const alone = rows.map((row) => database([row]))
    for (let i = 0; i < 3000; i++) {
      const decoded = parseSyn(randomSynBytes(random, i).bytes)
      const found = match(whole, decoded)
      const ranks = alone.map((db, at) => {
        const label = match(db, decoded)
        if (label.name === undefined) return undefined
        const rank = label.match === 'fuzzy' ? 2 : label.generic ? 1 : 0
        const tolerated = label.evidence!.toleratedQuirks.length > 0 && rank < 2 ? 0.5 : 0
        return { name: rows[at]![2], rank: rank + tolerated }
      })
      const best = ranks.filter((rank) => rank !== undefined).sort((a, b) => a.rank - b.rank)[0]
      if (best !== undefined && best.rank < 2) expect(found.name).toBe(best.name)
      // A tool that fits loosely stands in the way of a later fuzzy match, and alone gives none.
      else if (found.name !== undefined) expect<string | undefined>(best?.name).toBe(found.name)
    }
  })

  test('a match on the same SYN after another database and other options is its own', () => {
    const a = database([['s', 'unix', 'A', `*:64:0:*:*,*:${LAYOUT}:df,id+:0`]])
    const b = database([['s', 'unix', 'B', `*:64:0:*:*,*:${LAYOUT}:df,id+:0`]])
    const decoded = syn6({ flowLabel: 3 })
    for (let i = 0; i < 3; i++) {
      expect(match(a, decoded).name).toBe('A')
      expect(match(b, decoded).name).toBe('B')
      expect(match(b, decoded, { tolerant: false }).name).toBeUndefined()
      expect(match(b, decoded, { tolerant: true }).name).toBe('B')
    }
  })
})

test('a signature may state the identification of zmap, over IPv4, and no other', () => {
  const text = (quirks: string, version = '4'): string =>
    `classes = x\n[tcp:request]\nlabel = s:x:zmap:\nsig = ${version}:255:0:*:65535,0:mss:${quirks}:0\n`
  const database = loadP0f(text('id=54321'))
  const nameOf = (id: number): string | undefined =>
    match(database, parseSyn(synOf(`4:250:0:1460:65535,0:mss:id=${id}:0`))).name
  expect([54_321, 54_320, 1].map(nameOf)).toEqual(['zmap', undefined, undefined])
  const [near] = nearest(database, parseSyn(synOf('4:250:0:1460:65535,0:mss:id=7:0')))
  expect(near!.differences).toEqual([{ field: 'quirks', signature: 'id=54321', syn: '' }])
  for (const quirks of ['id=1', 'id=', 'id=54321?', 'id=054321']) expect(() => loadP0f(text(quirks))).toThrow(quirks)
  for (const version of ['6', '*']) expect(() => loadP0f(text('id=54321', version))).toThrow('id=54321')
})
