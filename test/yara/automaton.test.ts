import { expect, test } from 'bun:test'
import { openLibyara } from '../../ffi/libyara.bun.ts'
import { Automaton } from '../../src/yara/automaton.ts'
import { foundIn } from '../../src/yara/literals.ts'
import { Rules } from '../../src/yara/rules.ts'
import { createRandom } from '../support/random.ts'

const opened = openLibyara()
const missing = 'message' in opened ? opened.message : undefined
if (missing !== undefined) console.log(`skipped: ${missing}`)
const withYara = test.skipIf(missing !== undefined && process.env.CI !== 'true')

function rules(text: string): Rules {
  if ('message' in opened) throw new Error(opened.message)
  return new Rules(opened, [{ name: 'rules', text }], { mss: 0, label: '' })
}

const alternativesOf = (expression: string) => foundIn(expression)?.alternatives

/** If an expression fits a text; `undefined` where it is left to libyara. */
function fits(expression: string, text: string): boolean | undefined {
  const automaton = new Automaton()
  const alternatives = alternativesOf(expression)
  const told = alternatives && automaton.add(alternatives)
  return told?.(automaton.run(text))
}

test('expressions fit what they say', () => {
  for (const [expression, ...texts] of [
    ['/^[^A]+$/', 'abc', '!', '!Abc', '!abcA'],
    ['/[0-9]{2,3}x?$/', 'a12', '123x', '!1', '!12xx', 'x12'],
    ['/^(a|bc)*d/', 'd', 'abcad', '!abd', '!xd'],
    ['/^ab|cd$/i', 'ABx', 'xCD', '!xab', '!cdx'],
    ['/(a|)b+?c{0,1}/', 'b', 'xabc', '!a', '!'],
    ['/^.x/', 'ax', '!\nx', '!\u00e9x'],
    ['/^.x/s', '\nx', '!axx'.slice(1)],
    ['/^..$/', '\u00e9', '!e'],
    ['/[\\xa9]/', '\u00e9', '!a'],
    ['/\\xe9/i', '!\u00c9', '!\u00e9'],
    ['/^[^\\s]+$/', '\u00a0', '! '],
    ['/a*/', 'b', '!'],
    ['/a*$/', 'a', 'ba', '!b', '!'],
    ['/^a*/', 'b', '!'],
  ] as const)
    for (const text of texts) {
      const isFit = !text.startsWith('!')
      expect([expression, text, fits(expression, isFit ? text : text.slice(1))]).toEqual([expression, text, isFit])
    }
})

test('expressions that libyara reads in its own way, or of more than 32 places, are left to it', () => {
  for (const expression of [
    '/a\\b/',
    '/a^b/',
    '/a$b/',
    '/(^a|b)c/',
    '/(a?)*b/',
    '/(a*|b)+/',
    '/((a?b)+)+/',
    '/a{33}/',
    '/((.{9}){9}){9}/',
  ])
    expect([expression, fits(expression, 'ab')]).toEqual([expression, undefined])
  expect(fits('/a{32}/', 'a'.repeat(32))).toBe(true)
  const automaton = new Automaton()
  const long = alternativesOf('/a{32}/')!
  expect(Array.from({ length: 1025 }, () => automaton.add(long)).indexOf(undefined)).toBe(1024)
})

test('answers stay the same once more sets of places were seen than are remembered', () => {
  const automaton = new Automaton()
  const expressions = Array.from(
    { length: 40 },
    (_, i) => `/^[^${String.fromCharCode(97 + (i % 26))}]{0,${i % 7}}[^x]+$/`,
  )
  const told = expressions.map((one) => automaton.add(alternativesOf(one)!)!)
  const random = createRandom(5)
  let found = 0
  for (let i = 0; i < 4000; i++) {
    const text = Array.from({ length: random.below(30) }, () => String.fromCharCode(97 + random.below(26))).join('')
    const at = random.below(40)
    const answer = told[at]!(automaton.run(text))
    expect([expressions[at], text, answer]).toEqual([
      expressions[at],
      text,
      new RegExp(expressions[at]!.slice(1, -1)).test(text) && text !== '',
    ])
    if (answer) found++
  }
  expect(found).toBeGreaterThan(500)
})

const SIGNS =
  'a b A x - . \\. \\/ \\x41 \\xc3 \\xa0 \\\\ \\n \\t \\s \\S \\w \\W \\d \\D [ab] [^ab] [a-c] [^a-c-] []a] [\\]a] [\\w-] [\\s\\d] [^\\s] [\\x80-\\xff] [^\\xa0] [\\\\x9] [A-b] [+--] [^\\W] [.] [$^|] _ 0 1 " : < ] } \\xe0 [^\\xe0] [\\x00-\\x1f]'.split(
    ' ',
  )
const TIMES = ' | | | | |?|*|+|*?|+?|??|{2}|{1,3}|{,2}|{2,}|{0,}|{3}?'.split('|').map((one) => one.trim())
const LETTERS = [...'aaabAcx-.\u00e0\u00c3\u00a0\u20ac\\\n\r\t \x0001_$"\ud800']

withYara(
  'random expressions fit the texts that libyara says, alone and beside others',
  () => {
    const random = createRandom(16)
    let depth = 0
    const one = (): string => {
      if (depth > 1 || random.chance(0.75)) return random.pick(SIGNS)
      depth++
      const group = `(${either(2)})`
      depth--
      return group
    }
    const sequence = (most: number): string =>
      Array.from({ length: 1 + random.below(most) }, () => one() + random.pick(TIMES)).join('')
    const either = (most: number): string =>
      `${sequence(most)}${random.pick(['', '', `|${sequence(most)}`, random.pick(['', '|'])])}`
    const whole = (): string => `${random.pick(['^', ''])}${sequence(4)}${random.pick(['$', ''])}`
    let [compared, found] = [0, 0]
    for (let round = 0; round < 40; round++) {
      const expressions: string[] = []
      while (expressions.length < 6) {
        const text = `/${whole()}${random.pick(['', '', `|${whole()}`])}/${random.pick(['', '', 'i', 's'])}`
        if (alternativesOf(text) !== undefined || foundIn(text) === undefined) expressions.push(text)
      }
      const conditions = expressions.map((expression) => `condition: label matches ${expression} and mss == 1`)
      const every = 'private global rule every { condition: true }'
      const alone = conditions.map((condition) => rules(`${every} rule r { ${condition} }`))
      const automaton = new Automaton()
      const told = expressions.map(alternativesOf).map((all) => all && automaton.add(all))
      const together = rules(conditions.map((condition, i) => `rule r${i} { ${condition} }`).join('\n'))
      for (let k = 0; k < 40; k++) {
        const length = random.below(random.pick([2, 6, 12, 40]))
        const text = Array.from({ length }, () => random.pick(LETTERS)).join('')
        const facts = { label: () => text, mss: () => 1 }
        const octets = Uint8Array.of(1)
        const answers = alone.map((scan) => scan.firstMatch(octets, facts) !== undefined)
        const ends = automaton.run(text.replaceAll('\0', ' '))
        for (const [i, isFit] of told.entries()) {
          if (isFit === undefined) continue
          expect([expressions[i], text, isFit(ends)]).toEqual([expressions[i], text, answers[i]!])
          compared++
          if (answers[i]) found++
        }
        const first = answers.indexOf(true)
        const expected = first < 0 ? undefined : `r${first}`
        expect([expressions, text, together.firstMatch(octets, facts)?.identifier]).toEqual([
          expressions,
          text,
          expected,
        ])
      }
    }
    expect(compared).toBeGreaterThan(8000)
    expect(found).toBeGreaterThan(1000)
  },
  60_000,
)

withYara('an expression that ends the process in libyara stops the start, with its line', () => {
  for (const expression of ['/^((a)??)*x/', '/^((-?)*?)+]/', '/^(([ab]*?){2})*c/', '/^(b??|c){2,}/'])
    expect(() => rules(`rule a { condition: true }\nrule b { condition: label matches ${expression} }`)).toThrow(
      `Cannot use rules: rules:2: libyara may crash of ${expression}`,
    )
  for (const expression of ['/(a?)*b/', '/(a+?b)*c/', '/(a??)?b/'])
    expect(rules(`rule b { condition: label matches ${expression} }`)).toBeInstanceOf(Rules)
})
