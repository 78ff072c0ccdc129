import { describe, expect, test } from 'bun:test'
import { loadP0f } from '../../src/label/database-parser.ts'
import { defaultDatabase } from '../../src/label/default.ts'
import { evaluate } from '../../src/label/evaluate.ts'
import { evaluationRow } from '../../src/label/evaluation-row.ts'
import { match } from '../../src/label/match.ts'
import { nearest } from '../../src/label/nearest.ts'
import { parseSyn } from '../../src/wire/syn.ts'
import { synOf } from './syn-of.ts'

const database = loadP0f(`classes = linux,windows
[tcp:request]
label = s:linux:Linux:old
sig = *:64:0:*:mss*4,7:mss,sok,ts,nop,ws:df,id+:0
sig = *:64:0:*:mss*10,7:mss,sok,ts,nop,ws:df,id+:0
label = s:windows:Windows:10
sig = 4:128:0:1460:%8192,8:mss,nop,ws,nop,nop,sok:df,id+,ecn?:0
label = s:!:tool:
sys = @linux
sig = *:255:0:0:1024,0:::+
`)

describe('nearest', () => {
  test('gives each label once, closest first, with what differs', () => {
    const syn = parseSyn(synOf('4:60:0:1460:14600,9:mss,sok,ts,nop,ws:df,ecn:0'))
    const near = nearest(database, syn, { limit: 2 })
    expect(near).toEqual([
      {
        name: 'Linux old',
        family: 'linux',
        kind: 'os',
        line: 5,
        signature: '*:64:0:*:mss*10,7:mss,sok,ts,nop,ws:df,id+:0',
        differences: [
          { field: 'scale', signature: '7', syn: '9' },
          { field: 'quirks', signature: 'df,id+', syn: 'df,ecn' },
        ],
      },
      {
        name: 'Windows 10',
        family: 'windows',
        kind: 'os',
        line: 7,
        signature: '4:128:0:1460:%8192,8:mss,nop,ws,nop,nop,sok:df,id+,ecn?:0',
        differences: [
          { field: 'ttl', signature: '128', syn: '60+4' },
          { field: 'window', signature: '%8192', syn: 'mss*10' },
          { field: 'scale', signature: '8', syn: '9' },
          { field: 'options', signature: 'mss,nop,ws,nop,nop,sok', syn: 'mss,sok,ts,nop,ws' },
          { field: 'quirks', signature: 'df,id+,ecn?', syn: 'df,ecn' },
        ],
      },
    ])
    expect(nearest(database, syn).map(({ name }) => name)).toEqual(['Linux old', 'Windows 10', 'tool'])
    expect(nearest(database, syn)[2]).toMatchObject({ family: 'tool', kind: 'app' })
  })

  test('has no difference where a signature fits', () => {
    for (const text of [
      '4:64:0:1460:64240,7:mss,sok,ts,nop,ws:df,id+:0',
      '4:57:0:1380:64240,8:mss,nop,ws,nop,nop,sok:df,id+,ecn:0',
      '6:64:0:1440:65535,6:mss,nop,ws,nop,nop,ts,sok,eol+1:flow:0',
      '4:250:0:0:1024,0:::0',
    ]) {
      const syn = parseSyn(synOf(text))
      const label = match(defaultDatabase(), syn)
      const fitting = nearest(defaultDatabase(), syn, { limit: 20 }).filter(
        ({ differences }) => differences.length === 0,
      )
      if (label.match === 'exact')
        expect([text, fitting.map(({ name }) => name)]).toEqual([text, expect.arrayContaining([label.name!])])
    }
  })

  test('survives every SYN and refuses limits out of range', () => {
    const odd = parseSyn(synOf('4:3:0:0:0,0::id-,seq-:+'))
    for (const limit of [0, -1, 1.5, 101, Number.NaN])
      expect(() => nearest(database, odd, { limit })).toThrow(RangeError)
    expect(nearest(database, odd, { limit: 100 })).toHaveLength(3)
    expect(nearest(loadP0f(''), odd)).toEqual([])
    const long = parseSyn(synOf(`4:64:0:0:1,0:${'nop,'.repeat(39)}nop::0`))
    expect(nearest(defaultDatabase(), long, { limit: 1 })).toHaveLength(1)
  })
})

describe('evaluationRow', () => {
  test('replaces addresses, zeroes checksums and keeps what a label depends on', () => {
    for (const text of [
      '4:64:0:1460:64240,7:mss,sok,ts,nop,ws:df,id+:0',
      '6:64:0:1440:65535,6:mss,nop,ws,nop,nop,ts,sok,eol+1:flow:0',
    ]) {
      const bytes = synOf(text)
      const isV4 = bytes[0]! >> 4 === 4
      bytes.set(isV4 ? [10, 1, 2, 3] : [0xfd, 1, 2, 3], isV4 ? 12 : 8)
      const row = evaluationRow(parseSyn(bytes), ['Linux', 'macOS'])
      const syn = parseSyn(row.hex)
      expect(syn.ip.source).toBe(isV4 ? '192.0.2.1' : '2001:db8::1')
      expect(syn.ip.destination).toBe(isV4 ? '198.51.100.1' : '2001:db8::2')
      expect(syn.tcp.checksum).toBe(0)
      expect(match(defaultDatabase(), syn).toJSON()).toEqual(match(defaultDatabase(), parseSyn(bytes)).toJSON())
      expect(evaluate(defaultDatabase(), [row]).wrong).toBe(0)
    }
  })
})
