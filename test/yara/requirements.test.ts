import { expect, test } from 'bun:test'
import { Candidates } from '../../src/yara/candidates.ts'
import { plansOf } from '../../src/yara/dependencies.ts'
import { requiredPart } from '../../src/yara/literals.ts'
import type { Requirements, Seen } from '../../src/yara/requirements.ts'

const TYPES: Record<string, string | number> = { ttl: 0, mss: 0, window: 0, options: '', label: '' }
const isNumber = (name: string): boolean | undefined => (name in TYPES ? typeof TYPES[name] === 'number' : undefined)

function of(condition: string, strings = ''): Requirements {
  const text = `rule r { ${strings === '' ? '' : `strings: ${strings}`} condition: ${condition} }`
  return plansOf([text], Object.keys(TYPES), ['r'], isNumber)[0]!.requirements
}

/** As text: `equals ttl 1`, those of one list joined by `&`, lists by `|`; `!` in front where they are all that matters. */
function told(required: Requirements): string {
  if (required === undefined) return ''
  const lists = required.any.map((list) => list.map((one) => `${one.kind} ${one.of ?? '*'} ${one.value}`).join(' & '))
  return `${required.isExact ? '!' : ''}${lists.join(' | ')}`
}

test('requirementsOf finds what must hold, and whether that is all', () => {
  for (const [condition, expected] of [
    ['ttl == 1 and mss != 0x10', '!equals ttl 1 & holds mss 16'],
    ['ttl == 1 or (mss == -1 and (window >= 5))', '!equals ttl 1 | equals mss -1 & holds window 5'],
    ['ttl == 1 and (mss == 2 or mss == 3)', '!equals ttl 1 & equals mss 2 | equals ttl 1 & equals mss 3'],
    ['ttl == 1 and not mss == 2', 'equals ttl 1'],
    ['ttl == 1 and window == 4 * mss', 'equals ttl 1'],
    ['ttl == 1 and other', 'equals ttl 1'],
    ['ttl == 1 and mss == 1KB', 'equals ttl 1'],
    ['uint16be(34) == 5 and uint8(8) & 1 == 0', 'equals uint16be 34 5'],
    ['uint32(0) <= 7', '!holds uint32 0 7'],
    ['options == "2,\\"\\x41" and label contains "x"', '!equals options 2,"A & contains label x'],
    ['options startswith "2,4" and label endswith "x"', 'equals options 3 2,4 & contains label x'],
    ['options matches /^2,4\\.?,8+/ and label matches /a*bcd(e|f)g/', 'equals options 3 2,4 & contains label bcd'],
    // Nothing is certain.
    ['ttl == 1 or mss > window', ''],
    ['not (ttl == 1)', ''],
    ['label icontains "x"', ''],
    ['label matches /abc/i', ''],
    ['label == "\u00e9"', ''],
    ['int8(0) == 1', ''],
    ['uint8(ttl) == 1', ''],
    ['for any i in (0..3): (uint8(i) == 1 and ttl == 1)', ''],
    ['true', ''],
  ] as const)
    expect([condition, told(of(condition))]).toEqual([condition, expected])
})

test('requirementsOf reads strings of rules', () => {
  const [octets, jump, text] = ['$a = { 41 42 43 }', '$a = { 41 ?? [2-4] 42 (43 | 44) 45 46 }', '$a = "A\\x42"']
  for (const [strings, condition, expected] of [
    [octets, '$a', '!contains * ABC'],
    [octets, '$a at 40', '!equals at 40 43 ABC'],
    [octets, '$a at ttl', 'contains * ABC'],
    [octets, '$a in (0..9)', 'contains * ABC'],
    [octets, '#a > 1', ''],
    [jump, '$a at 4', 'equals at 4 5 A'],
    ['$a = { ?1 41 42 [1] 43 }', '$a', 'contains * AB'],
    [text, '$a', '!contains * AB'],
    [`${text} fullword`, '$a', 'contains * AB'],
    [`${text} nocase`, '$a', ''],
    [`${text} wide ascii`, '$a', ''],
    ['$a = /x"y{2}zz/ $b = "q"', '$a and $b', 'contains * x" & contains * q'],
    ['$a = "x" $b = "y" xor', 'any of them', ''],
    ['$a = "x" $b = "y" xor', 'all of them', 'contains * x'],
    ['$a = "x" $b = "y"', 'any of them', '!contains * x | contains * y'],
    ['$ = "x" $ = { 79 }', 'all of them', '!contains * x & contains * y'],
  ] as const)
    expect([strings, condition, told(of(condition, strings))]).toEqual([strings, condition, expected])
})

test('requiredPart finds what an expression cannot do without', () => {
  for (const [expression, part] of [
    ['/^ab+c/', 'ab'],
    ['/^a?bc/', 'bc'],
    ['/ab{0,3}cd?/', 'a'],
    ['/x(ab)+longer[^)]z/', 'longer'],
    ['/\\x41\\.\\d+BCDE/', 'BCDE'],
    ['/a|b/', undefined],
    ['/[]x]y/', undefined],
    ['/.*/', undefined],
    ['/\u00e9/', undefined],
  ] as const)
    expect([expression, requiredPart(expression)?.text]).toEqual([expression, part])
})

test('candidates are the rules of which all that is required holds', () => {
  const seen: Seen = {
    octets: new TextEncoder().encode('0123ABCD'),
    text: '0123ABCD',
    variable: (name) => ({ ttl: 64, mss: 1460, window: 64_240, options: '2,4,8', label: '\u2603 Linux' })[name]!,
  }
  const required = [
    ['ttl == 64'],
    ['ttl == 64 and mss < 100'],
    ['label contains "Linux"'],
    ['label contains "L"'],
    ['label contains "inux 5"'],
    ['$a', '$a = "3AB"'],
    ['$a', '$a = "D"'],
    ['$a at 4', '$a = "ABCD"'],
    ['$a at 5', '$a = "ABCD"'],
    ['uint16be(0) == 0x3031 or ttl == 1'],
    ['uint16(7) != 0'],
    ['window > 1 and window < 70000'],
    ['not ttl == 1'],
  ].map(([condition, strings]) => of(condition!, strings))
  const candidates = new Candidates(required)
  expect(candidates.of(seen)).toEqual([0, 2, 3, 5, 6, 7, 9, 11])
  expect(candidates.always).toEqual([12])
})
