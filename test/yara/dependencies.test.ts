import { expect, test } from 'bun:test'
import { dependenciesOf, plansOf } from '../../src/yara/dependencies.ts'

const NAMES = ['ttl', 'mss', 'window', 'options', 'label', 'user_agent']
const of = (...texts: string[]): { variables: string[]; octets: readonly number[] | undefined; isLong: boolean } => {
  const { variables, octets, isLong } = dependenciesOf(texts, NAMES)
  return { variables: [...variables].sort(), octets, isLong }
}
const rule = (condition: string): string => `rule r { condition: ${condition} }`

test('dependenciesOf finds the variables and the octets at fixed places that conditions read', () => {
  for (const [text, variables, octets] of [
    [rule('ttl == 1 and mss != 2'), ['mss', 'ttl'], []],
    [rule('uint8(8) <= 64 and window == 1'), ['window'], [8]],
    [rule('uint16be(4) != 0 or int32( 0x18 ) == 0 or uint8(4) == 1'), [], [4, 5, 24, 25, 26, 27]],
    [rule('options matches /^2,4 ttl "/ and options != "mss \\" window"'), ['options'], []],
    [rule('options matches /* a */ /ttl "/ and mss == 1 // "window'), ['mss', 'options'], []],
    [rule('options matches /http:\\/\\// and mss == 1 /* window */'), ['mss', 'options'], []],
    ['rule r : tool { meta: label = "ttl" user_agent = 3 condition: mss == 1 }', ['mss'], []],
    [rule('true'), [], []],
    [rule('filesize == 60'), [], [-1]],
  ] as const) {
    expect([text, of(text)]).toEqual([text, { variables: [...variables], octets: [...octets], isLong: false }])
  }
})

test('dependenciesOf: any octet may decide where strings, modules, other files or computed places are read', () => {
  for (const condition of ['uint8(ttl) == 1', 'uint8(4 + 4) == 1', 'uint8(1KB) == 1', 'uint8(9999) == 1']) {
    expect([condition, of(rule(condition)).octets]).toEqual([condition, undefined])
  }
  expect(of('rule r { strings: $a = { 02 04 } condition: $a at 40 }').octets).toBeUndefined()
  expect(of('import "math" rule r { condition: ttl == 1 }')).toEqual({
    variables: ['ttl'],
    octets: undefined,
    isLong: true,
  })
  // what another file names is not seen
  expect(of('include "other.yar"')).toEqual({ variables: [...NAMES].sort(), octets: undefined, isLong: true })
  expect(of(rule('for all i in (0..3): (uint8(i) == 0)'))).toEqual({ variables: [], octets: undefined, isLong: true })
  // one rule among many
  expect(of(rule('ttl == 1'), rule('uint8(ttl) == 1')).octets).toBeUndefined()
})

const related = (text: string, ...identifiers: string[]): (readonly number[])[] =>
  plansOf([text], NAMES, identifiers, () => undefined).map((plan) => plan.related)
const named = (name: string, condition: string): string => `rule ${name} { condition: ${condition} }\n`

test('plansOf puts rules together that name each other', () => {
  const [a, b] = [named('a', 'ttl == 1'), named('b', 'mss == 1')]
  expect(related(a + b, 'a', 'b')).toEqual([[0], [1]])
  expect(related(a + b + named('c', 'a and window == 1'), 'a', 'b', 'c')).toEqual([[0, 2], [1], [0, 2]])
  expect(related(named('lwip_a', 'ttl == 1') + b + named('c', 'any of (lwip*)'), 'lwip_a', 'b', 'c')).toEqual([
    [0, 2],
    [1],
    [0, 2],
  ])
  // a private rule is none of those that libyara lists, and its facts are those of the rules that name it
  const [one, other] = plansOf([`private ${a}${b}${named('c', 'a')}`], NAMES, ['b', 'c'], () => undefined)
  expect([one!.related, other!.related]).toEqual([[0], [1]])
  expect([...other!.dependencies.variables]).toEqual(['ttl'])
  const quoted = 'rule s { strings: $a = /"ttl/ $b = /x"/ condition: mss == 1 and any of them }\n'
  expect([...plansOf([quoted], NAMES, ['s'], () => undefined)[0]!.dependencies.variables]).toEqual(['mss'])
})

test('plansOf keeps all together where a rule concerns all, or the text does not show the rules', () => {
  const [a, b] = [named('a', 'ttl == 1'), named('b', 'mss == 1')]
  for (const text of [`global ${a}${b}`, `import "math" ${a}${b}`, `include "c.yar" ${a}${b}`])
    expect([text, ...related(text, 'a', 'b')]).toEqual([text, [0, 1], [0, 1]])
  expect(related(a + b, 'a', 'other')).toEqual([
    [0, 1],
    [0, 1],
  ])
})
