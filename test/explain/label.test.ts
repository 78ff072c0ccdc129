import { describe, expect, test } from 'bun:test'
import { compareSignature, explainLabel, labelDifferences, labelName } from '../../src/explain/label.ts'
import { explainOptions } from '../../src/explain/options.ts'
import { fingerprints, type Label, loadP0f, match, parseSyn } from '../../src/index.ts'
import { SYN } from '../support/samples.ts'

const syn = parseSyn(SYN)

/** The label that a database of this one signature gives to a SYN. */
function labelOf(signature: string, of = syn): Label {
  return match(loadP0f(`classes = unix\n[tcp:request]\nlabel = s:unix:Example:1.x\nsig = ${signature}\n`), of)
}

describe('labels in words', () => {
  test('say the same of a difference in a table as in a sentence', () => {
    for (const [hex, signature, differences] of [
      [SYN, '*:64:0:*:mss*44,7:mss,sok,ts,nop,ws:df,id+:0', []],
      [SYN.replace('a002', 'a0c2'), '*:64:0:*:mss*44,7:mss,sok,ts,nop,ws:df,id+:0', ['it has ecn besides']],
      [SYN.replace('12344000', '12340000'), '*:64:0:*:mss*44,7:mss,sok,ts,nop,ws:df,id+:0', ['it lacks df, id+']],
      [SYN, '*:32:0:*:mss*44,7:mss,sok,ts,nop,ws:df,id+:0', ['its TTL is not one that the signature leads to']],
    ] as const) {
      const sent = parseSyn(hex)
      const label = labelOf(signature, sent)
      expect(label.name, hex).toBe('Example 1.x')
      expect(labelDifferences(label).map(({ words }) => words)).toEqual([...differences])
      const noted = compareSignature(label, fingerprints(sent).p0f).filter(({ verdict }) => verdict === 'differs')
      expect(noted.map(({ note }) => note)).toEqual(differences.length === 0 ? [] : [differences.join('; ')])
      for (const words of differences) expect(explainLabel(label, 'own.fp').join('\n')).toContain(words)
    }
  })
  test('carry no control character of a database', () => {
    const evil = { ...labelOf('*:64:0:*:*,*:mss,sok,ts,nop,ws:df,id+:0'), name: 'Evil\x1b[2J\u202e' }
    expect(labelName(evil as never)).toBe('Evil\\x1b[2J\\u202e')
  })
})

describe('explainOptions', () => {
  test('lists options in wire order, with what they say', () => {
    const { list, padding, noise } = explainOptions(syn.tcp)
    expect(list.map(({ name, value }) => [name, value])).toEqual([
      ['Maximum segment size', '1460 octets'],
      ['SACK permitted', ''],
      ['Timestamps', 'value 10597059, echo reply 0'],
      ['No operation', ''],
      ['Window scale', '7 (window times 128)'],
    ])
    expect({ padding, noise }).toEqual({ padding: '', noise: undefined })
  })
  test('says where the list cannot be read any more, and what follows its end', () => {
    const head = SYN.slice(0, 80)
    const malformed = explainOptions(parseSyn(`${head}020305b4${SYN.slice(88)}`).tcp).list
    expect(malformed.at(-1)).toMatchObject({ malformed: true, value: 'malformed: its length octet is 3' })
    const ended = explainOptions(parseSyn(`${head}020405b400${'00'.repeat(14)}07`).tcp)
    expect(ended.padding).toBe('15 octets of padding')
    expect(ended.noise).toBe('07')
  })
})
