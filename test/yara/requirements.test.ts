import { expect, test } from 'bun:test'
import { Candidates } from '../../src/yara/candidates.ts'
import { plansOf } from '../../src/yara/dependencies.ts'
import { expressionOf, type Seen } from '../../src/yara/expression.ts'
import { partsOf } from '../../src/yara/literals.ts'
import type { Requirements } from '../../src/yara/requirements.ts'

const TYPES: Record<string, string | number> = { ttl: 0, mss: 0, window: 0, options: '', label: '' }
const isNumber = (name: string): boolean | undefined => (name in TYPES ? typeof TYPES[name] === 'number' : undefined)

function of(condition: string, strings = ''): Requirements {
  const text = `rule r { ${strings === '' ? '' : `strings: ${strings}`} condition: ${condition} }`
  return plansOf([text], Object.keys(TYPES), ['r'], isNumber)[0]!.requirements
}

/**
 * As text: `equals ttl 1`, those of one list joined by `&`, lists by `|`; `!` in front where they are all that matters, `fits label` of an
 * expression that is not left to libyara.
 */
function told(required: Requirements): string {
  if (required === undefined) return ''
  const lists = required.any.map((list) =>
    list
      .map(({ kind, of = '*', value }) =>
        of.startsWith('matches ')
          ? `${value === 'not' ? 'not ' : ''}${of.replace('matches', 'fits')}`
          : `${kind} ${of} ${value}`,
      )
      .join(' & '),
  )
  return `${required.isExact ? '!' : ''}${lists.join(' | ')}`
}

test('requirementsOf finds what must hold, and whether that is all', () => {
  for (const [condition, expected] of [
    ['ttl == 1 and mss != 0x10', '!equals ttl 1 & holds mss 16'],
    ['ttl == 1 or (mss == -1 and (window >= 5))', '!equals ttl 1 | equals mss -1 & holds window 5'],
    ['ttl == 1 and (mss == 2 or mss == 3)', '!equals ttl 1 & equals mss 2 | equals ttl 1 & equals mss 3'],
    ['ttl == 1 and window == 4 * mss', 'equals ttl 1'],
    ['ttl == 1 and other', 'equals ttl 1'],
    ['ttl == 1 and mss == 1KB', 'equals ttl 1'],
    ['5 < ttl and 3 == mss', '!holds ttl 5 & equals mss 3'],
    // expressions
    ['uint16be(34) == 5 and uint8(8) & 1 == 0', '!equals uint16be(34) 5 & equals (uint8(8)&1) 0'],
    ['uint32(0) <= 7 and int8(1 + 2 * 3) == -2', '!holds uint32(0) 7 & equals int8(7) -2'],
    ['uint8((uint8(0) & 0x0f) * 4 + 13) == filesize', ''],
    ['uint8((uint8(0) & 0x0f) * 4 + 13) == 2', '!equals uint8((((uint8(0)&15)*4)+13)) 2'],
    ['uint8(ttl - 1) == 1 << 2', ''],
    ['uint32(0) & 255 == 1', ''],
    ['uint32(0) * uint32(4) == 1', ''],
    ['uint8(0) >> ttl == 1', ''],
    ['ttl \\ 2 == 1', ''],
    // texts
    ['options == "2,\\"\\x41" and label contains "x"', '!equals options 2,"A & contains label x'],
    ['options startswith "2,4" and label endswith "x"', 'equals options 3 2,4 & contains label x'],
    [
      'options matches /^2,4\\.?,8+/ and label matches /a*bcd(e|f)g/',
      '!equals options 3 2,4 & contains options ,8 & contains options 8 & fits options & contains label bcd & contains label g & fits label',
    ],
    ['label icontains "x1" and label iequals "2"', 'contains label x.1 & contains label 2'],
    ['label matches /abc/i and options != "2"', '!contains label a.b.c & fits label & holds options 2'],
    ['label matches /abc(b[0-2]|c)d?/', '!contains label abc & fits label'],
    ['label matches /(ab|[c-e]f)+d?/', '!contains label ab & fits label | contains label cde.f & fits label'],
    // negations
    ['ttl == 1 and not mss == 2', '!equals ttl 1 & holds mss not'],
    ['not (ttl == 1 or ttl > 5)', '!holds ttl not'],
    ['not (ttl == 1 or mss == 5)', ''],
    ['not (uint8(99) == 1)', ''],
    ['not label contains "x"', ''],
    // loops
    ['for any i in (1..2): (uint8(40 + i) == i)', '!equals uint8(41) 1 | equals uint8(42) 2'],
    [
      'for all i in (1, 3): (uint8(i) == 8 and ttl == 1)',
      '!equals uint8(1) 8 & equals ttl 1 & equals uint8(3) 8 & equals ttl 1',
    ],
    ['for any i in (0..999): (uint8(i) == 1 and ttl == 1)', 'equals ttl 1'],
    ['for any i in (0..ttl): (uint8(i) == 1 and ttl == 1)', 'equals ttl 1'],
    ['for all i in (0..ttl): (uint8(i) == 1 and ttl == 1)', ''],
    ['for all i in (5..4): (ttl == 1)', ''],
    ['for 2 i in (1..3): (ttl == 1)', ''],
    ['for any i in (1..2): (for any k in (1..2): (uint8(i + k) == 1))', ''],
    // lengths
    ['label matches /^.{17}$/', '!equals length label 17 & fits label'],
    ['label matches /^([^x].|..){2,3}\\W?$/', '!holds length label 4 to 7 & fits label'],
    ['label matches /^.{64,}/ and ttl == 1', 'holds length label 64 to 65536 & equals ttl 1'],
    ['label matches /^.{3}$|^..$/s', '!holds length label 2 to 3 & fits label'],
    ['label matches /^.{3}$|^..a?/', '!fits label'],
    ['label matches /.{3}$/', '!fits label'],
    ['label matches /^.{3}/', '!fits label'],
    ['label matches /^.+$/', '!fits label'],
    ['not label matches /^.{17}$/', ''],
    ['not label matches /^.{3}/', '!not fits label'],
    // Nothing is certain.
    ['ttl == 1 or mss > window', ''],
    ['label == "\u00e9"', ''],
    ['label == "\\xe9"', ''],
    ['label matches /\\xc3/', '!fits label'],
    ['label matches /x\\b/', 'contains label x'],
    ['label matches /(x?)*y|^^z|a$b/', 'contains label y | equals label 1 z | contains label ab'],
    ['true', ''],
  ] as const)
    expect([condition, told(of(condition))]).toEqual([condition, expected])
})

test('requirementsOf reads strings of rules', () => {
  const upTo15 = String.fromCharCode(...Array(16).keys())
  const [octets, jump, text] = ['$a = { 41 42 43 }', '$a = { 41 ?? [2-4] 42 (43 | 44) 45 46 }', '$a = "A\\x42"']
  for (const [strings, condition, expected] of [
    [octets, '$a', '!contains * ABC'],
    [octets, '$a at 40', '!equals at 40 43 ABC'],
    [octets, '$a at ttl', 'contains * ABC'],
    [octets, '$a in (0..9)', 'contains * ABC'],
    [octets, '#a > 1', ''],
    [jump, '$a at 4', 'equals at 4 5 A & contains * B & contains * EF'],
    ['$a = { 41 42 0? [1] 43 }', '$a', `contains * a.b.${upTo15} & contains * C`],
    ['$a = { 80 ( 41 42 | 43 44 45 ) }', '$a', 'contains * AB | contains * CDE'],
    [text, '$a', '!contains * AB'],
    [`${text} fullword`, '$a', 'contains * AB'],
    [`${text} nocase`, '$a', 'contains * a.b'],
    [`${text} wide ascii`, '$a', ''],
    ['$a = /x"y{2}zz/ $b = "q"', '$a and $b', 'contains * x"y & contains * yzz & contains * q'],
    ['$a = "x" $b = "y" xor', 'any of them', ''],
    ['$a = "x" $b = "y" xor', 'all of them', 'contains * x'],
    ['$a = "x" $b = "y"', 'any of them', '!contains * x | contains * y'],
    ['$a = "x" $b = "y"', 'any of ($a)', '!contains * x'],
    ['$a = "x" $a2 = "z" $b = "y"', 'all of ($a*)', '!contains * x & contains * z'],
    ['$a = "x" $b = "y"', '2 of them', 'contains * x | contains * y'],
    ['$a = "x" $b = "y"', 'none of them', ''],
    ['$a = "x" $b = "y"', 'for any of them : ($ at 4)', ''],
    ['$ = "x" $ = { 79 }', 'all of them', '!contains * x & contains * y'],
  ] as const)
    expect([strings, condition, told(of(condition, strings))]).toEqual([strings, condition, expected])
})

test('partsOf finds what an expression cannot do without', () => {
  for (const [expression, ...parts] of [
    ['/^ab+c/', 'ab & bc'],
    ['/^a?bc/', 'bc'],
    ['/ab{0,3}cd?/', 'a & c'],
    ['/ab{2}c/', 'ab & bc'],
    ['/x(ab)+longer[^)]z/', 'x & longer & z'],
    ['/\\x41\\.\\d+BCDE/', '[a][.][0123456789] & [0123456789][b][c][d][e]'],
    ['/\\d-[x-z]/', '[0123456789][-][xyz]'],
    ['/[A-C]\\bx[\\]-]/', '[abc][x][-]]'],
    ['/a|b/', 'a', 'b'],
    ['/a|b*/'],
    ['/^(ab|cd)x/', 'ab', 'cd'],
    ['/[]x]y/', '[]x][y]'],
    ['/\\[][^]ab]b/', '[] & b'],
    ['/a(?b)/'],
    ['/a\\qb/'],
    ['/a**/'],
    ['/(a/'],
    ['/.*/'],
    ['/\u00e9/'],
  ] as const)
    expect([
      expression,
      ...(partsOf(expression) ?? []).map((list) =>
        list.map(({ text, places }) => text ?? places.map((one) => `[${one}]`).join('')).join(' & '),
      ),
    ]).toEqual([expression, ...parts])
})

test('candidates are the rules of which all that is required holds', () => {
  const facts: Record<string, string | number> = {
    ttl: 64,
    mss: 1460,
    window: 64_240,
    options: '2,4,8',
    label: '\u2603 Linux',
  }
  const seen: Seen = {
    octets: new TextEncoder().encode('0123ABCD'),
    text: '0123ABCD',
    variable: (name) => facts[name]!,
  }
  const required = [
    ['ttl == 64 and other'],
    ['ttl == 64 and mss < 100'],
    ['label contains "Linux" and other'],
    ['label contains "L" and other'],
    ['label contains "inux 5"'],
    ['$a and other', '$a = "3AB"'],
    ['$a and other', '$a = "D"'],
    ['$a at 4 and other', '$a = "ABCD"'],
    ['$a at 5', '$a = "ABCD"'],
    ['(uint16be(0) == 0x3031 or ttl == 1) and other'],
    ['uint16(7) != 0'],
    ['window > 1 and window < 70000 and other'],
    ['window == ttl'],
    ['label matches /[k-m]INUX/i and other'],
    ['label matches /[k-m]INUX/'],
    ['not ttl == 1'],
    ['ttl == 64 and other'],
  ].map(([condition, strings]) => of(condition!, strings))
  const candidates = new Candidates(required)
  expect(candidates.of(seen)).toEqual({ rules: [0, 2, 3, 5, 6, 7, 9, 11, 13], certain: 15 })
  expect(candidates.always).toEqual([12])
  expect(new Candidates(required, (rule) => rule !== 15).of(seen)).toEqual({
    rules: [0, 2, 3, 5, 6, 7, 9, 11, 13, 15, 16],
    certain: undefined,
  })
})

test('rules that require what many others do are told apart by all that they require', () => {
  const required = Array.from({ length: 200 }, (_, i) =>
    of(`ttl > 5 and ttl < ${64 + (i % 3)} and mss >= ${1300 + i} and uint8(${i % 2}) == 0x30 and other`),
  )
  const candidates = new Candidates(required)
  for (let round = 0; round < 2; round++)
    for (const [ttl, mss] of [
      [64, 1400],
      [65, 1310],
      [5, 1500],
    ] as const) {
      const seen: Seen = {
        octets: new TextEncoder().encode('01'),
        text: '01',
        variable: (name) => ({ ttl, mss })[name as 'ttl']!,
      }
      const expected = required.flatMap((_, i) =>
        ttl > 5 && ttl < 64 + (i % 3) && mss >= 1300 + i && i % 2 === 0 ? [i] : [],
      )
      expect([ttl, mss, candidates.of(seen).rules]).toEqual([ttl, mss, expected])
    }
})

test('a shift of a negative number keeps its sign up to 63 places, as in libyara', () => {
  const seen = { octets: Uint8Array.of(0x80), text: '\x80', variable: () => 0 }
  const shifted = (places: number): number | undefined =>
    expressionOf(['int8', '(', '0', ')', '>>', String(places)], () => undefined)?.value(seen)
  expect([shifted(1), shifted(31), shifted(32), shifted(63), shifted(64)]).toEqual([-64, -1, -1, -1, 0])
})
