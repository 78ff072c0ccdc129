import { afterAll, expect, test } from 'bun:test'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openLibyara } from '../../ffi/libyara.bun.ts'
import type { Libyara } from '../../ffi/libyara.ts'
import { createFingerprinter } from '../../src/bun.ts'
import { fingerprints } from '../../src/fingerprint/index.ts'
import { defaultDatabase } from '../../src/label/default.ts'
import { match } from '../../src/label/match.ts'
import type { RuleLabel } from '../../src/label/rule.ts'
import { parseSyn } from '../../src/wire/syn.ts'
import { type YaraError, yara } from '../../src/yara/index.ts'
import { Rules } from '../../src/yara/rules.ts'
import { BUN, DENO, type Runtime, tcpfingerprint } from '../cli/run.ts'
import { synOf } from '../label/syn-of.ts'
import { createRandom } from '../support/random.ts'

const EXAMPLE = join(import.meta.dir, '../examples/stacks.yar')
const directory = mkdtempSync(join(tmpdir(), 'tcpfingerprint-yara-'))
afterAll(() => rmSync(directory, { recursive: true }))

const opened = openLibyara()
const missing = 'message' in opened ? opened.message : undefined
if (missing !== undefined) console.log(`skipped: ${missing}`)
const withYara = test.skipIf(missing !== undefined && process.env.CI !== 'true')

const LINUX = synOf('4:57:0:1460:64240,7:mss,sok,ts,nop,ws:df,id+:0')

function ask(rules: string, bytes: Uint8Array = LINUX, userAgent?: string): RuleLabel | undefined {
  const syn = parseSyn(bytes)
  return yara({ rules })(syn, { fingerprints: fingerprints(syn), label: match(defaultDatabase(), syn), userAgent })
}

function problem(make: () => unknown): YaraError {
  try {
    make()
  } catch (error) {
    return error as YaraError
  }
  throw new Error('nothing was thrown')
}

withYara('rules see the octets and every external variable', () => {
  for (const condition of [
    'uint8(8) <= 64 and mss == 1460',
    'ttl == 57 and initial_ttl == 64 and distance == 7',
    'window == 64240 and scale == 7 and ip_version == 4',
    'options matches /^2,4,8/',
    'p0f startswith "4:57+7:0:1460:mss*44,7" and muonfp == "64240:2-4-8-1-3:1460:7"',
    'label contains "Linux"',
    'user_agent contains "curl"',
    'filesize == 60',
  ]) {
    expect([condition, ask(`rule r { condition: ${condition} }`, LINUX, 'curl/8')?.name]).toEqual([condition, 'r'])
  }
  expect(ask('rule r { strings: $a = { 02 04 ?? ?? 04 02 08 0A } condition: $a at 40 }')?.name).toBe('r')
  const bare = synOf('6:64:0:0:8192,0::flow:0')
  expect(ask('rule r { condition: mss == -1 and scale == -1 and ip_version == 6 and options == "" }', bare)?.name).toBe(
    'r',
  )
})

withYara('meta and tags become the label, the first rule that matches counts', () => {
  const label = (head: string, meta = ''): RuleLabel | undefined =>
    ask(
      `rule first { condition: false }\nrule r ${head} { ${meta === '' ? '' : `meta: ${meta}`} condition: true }\nrule last { condition: true }`,
    )
  expect(label('')).toEqual({ name: 'r', family: undefined, kind: 'os' })
  expect(label(': quick tool', 'label = "a tool"')).toEqual({ name: 'a tool', family: 'tool', kind: 'app' })
  expect(label(': linux', 'family = "relay" kind = "app" score = 3 sure = true')).toEqual({
    name: 'r',
    family: 'relay',
    kind: 'app',
  })
  expect(label('', 'label = "Gerät é"')?.name).toBe('Gerät é')
  expect(ask('rule r { condition: ttl == 1 }')).toBeUndefined()
})

withYara('rules that do not compile stop the start, with file and line', () => {
  const file = join(directory, 'broken.yar')
  writeFileSync(file, 'rule a { condition: true }\n\nrule b { condition: nothing == 1 }\n')
  const error = problem(() => yara({ rules: file }))
  expect(error).toMatchObject({ name: 'YaraError', file, line: 3 })
  expect(error.message).toBe(`Cannot compile rules: ${file}:3: undefined identifier "nothing"`)
  expect(problem(() => yara({ rules: [EXAMPLE, file] })).line).toBe(3)
  const none = join(directory, 'none.yar')
  expect(problem(() => yara({ rules: none })).message).toStartWith(`Cannot read the rules "${none}": ENOENT`)
  expect(problem(() => yara({ rules: [] })).message).toContain('no rules given')
  expect(problem(() => yara({ rules: 'rule a { condition: ' })).line).toBe(1)
})

test('a file of rules is read up to a bound', () => {
  const { message, file } = problem(() => yara({ rules: '/dev/zero' }))
  expect({ message, file }).toEqual({
    message: 'Cannot read the rules "/dev/zero": it has more than 16 MiB',
    file: '/dev/zero',
  })
})

test('without libyara the error names the package', () => {
  const error = problem(() => yara({ rules: 'rule a { condition: true }', library: join(directory, 'libyara.so.9') }))
  expect(error.message).toContain('Cannot label with YARA: libyara cannot be opened (Debian package libyara9')
})

withYara('a library that is none of libyara is refused, and the process lives', () => {
  const error = problem(() => yara({ rules: 'rule a { condition: true }', library: 'libc.so.6' }))
  expect(error.message).toContain('cannot be opened')
})

withYara('the example labels tools and devices as the signatures do', () => {
  const labeller = yara({ rules: EXAMPLE })
  const rows = [
    ...(JSON.parse(readFileSync(join(import.meta.dir, '../vectors/stacks.json'), 'utf8')) as { hex: string }[]),
    ...readFileSync(join(import.meta.dir, '../vectors/devices.ndjson'), 'utf8')
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as { hex: string }),
  ]
  const seen = new Map<string, number>()
  for (const { hex } of rows) {
    const syn = parseSyn(hex)
    const label = match(defaultDatabase(), syn)
    const answer = labeller(syn, { fingerprints: fingerprints(syn), label, userAgent: undefined })
    if (answer === undefined) continue
    expect([hex, answer.name, answer.kind, answer.family]).toEqual([hex, label.name!, label.kind!, label.family!])
    seen.set(answer.name, (seen.get(answer.name) ?? 0) + 1)
  }
  expect(seen.size).toBe(8)
})

withYara(
  'answers that are remembered are those of a scan: octets and variables that rules read make the difference',
  () => {
    const [syn, other] = [LINUX, LINUX.slice()]
    other[5] = other[5]! ^ 1
    const factsOf = (bytes: Uint8Array, userAgent = '') => ({
      fingerprints: fingerprints(parseSyn(bytes)),
      label: match(defaultDatabase(), parseSyn(bytes)),
      userAgent,
    })
    for (const [condition, bytes, userAgent] of [
      [`uint16be(4) == ${(syn[4]! << 8) | syn[5]!}`, other, ''],
      [`uint8(5) == ${syn[5]!} and mss == 1460`, other, ''],
      [`for any i in (5..5): (uint8(i) == ${syn[5]!})`, other, ''],
      [`uint8(filesize - ${syn.length - 5}) == ${syn[5]!}`, other, ''],
      ['user_agent == ""', syn, 'curl'],
      ['filesize == 60', synOf('4:57:0:1460:64240,7:mss,sok,ts,nop,ws,nop,nop,nop,nop:df,id+:0'), ''],
    ] as const) {
      const labeller = yara({ rules: `rule r { condition: ${condition} }` })
      const ask = (octets: Uint8Array, agent: string): string | undefined =>
        labeller(parseSyn(octets), factsOf(octets, agent))?.name
      const answers = [ask(syn, ''), ask(bytes, userAgent), ask(syn, ''), ask(bytes, userAgent)]
      expect([condition, ...answers]).toEqual([condition, 'r', undefined, 'r', undefined])
    }
    // more shapes than are remembered
    const labeller = yara({ rules: 'rule even { condition: window % 2 == 0 }' })
    for (let window = 0; window < 3000; window++) {
      const bytes = synOf(`4:57:0:1460:${window},7:mss,sok,ts,nop,ws:df,id+:0`)
      expect(labeller(parseSyn(bytes), factsOf(bytes))?.name).toBe(window % 2 === 0 ? 'even' : undefined)
    }
  },
)

withYara(
  'rules that are scanned because they may match say what all say together',
  () => {
    if ('message' in opened) throw new Error(opened.message)
    const random = createRandom(14)
    const types = { ttl: 0, mss: 0, window: 0, options: '', label: '' }
    const conditions = [
      () => `ttl == ${random.below(4)}`,
      () => `mss == ${random.below(4)} and window > ${random.below(3)}`,
      () => `window == ${random.below(3)} or ttl == ${random.below(4)}`,
      () => `options matches /^${random.below(4)},/`,
      () => `label == "${random.below(4)}"`,
      () => `uint8(8) == ${random.below(4)}`,
      () => `uint16be(${random.below(12)}) <= 0x${random.below(4)}0${random.below(4)}`,
      () => `(ttl == ${random.below(4)} and (mss == 1 or window != ${random.below(4)})) or not options startswith "1"`,
      () => `options contains "${random.below(4)},4" or label endswith "${random.below(4)}"`,
      () => `not (ttl == 1 or mss == 2) and window >= ${random.below(4)}`,
      () => `options matches /${random.pick(['2?,4', '[12],', '^(1|2),', '3,4+$', '\\x31,', '1|3', '^2*'])}/`,
      () => `-1 < ttl and mss == ${random.below(2)} + 1`,
      () => `not (ttl == ${random.below(4)} or ttl > 2) and ${random.below(3)} <= window`,
      () => `not ${random.pick(['options', 'label'])} ${random.pick(['==', '!=', 'icontains'])} "${random.below(4)}"`,
      () =>
        `uint8(uint8(${random.below(14)}) + ${random.below(9)}) ${random.pick(['==', '!=', '<'])} ${random.below(4)}`,
      () => `uint16${random.pick(['', 'be'])}(${random.below(12)}) & 0x${random.below(4)}03 == ${random.below(4)}`,
      () => `int8(${random.below(12)}) >> ${random.pick(['1', '31', '40', '63', '64'])} == ${random.pick(['0', '-1'])}`,
      () =>
        `int32(${random.below(12)}) ${random.pick(['>>', '|', '^', '-', '*'])} ${random.below(4)} > ${random.below(999)}`,
      () => `window == ${random.below(3)} * mss + ${random.below(2)} or filesize - mss == ${8 + random.below(4)}`,
      () => `for ${random.pick(['any', 'all', '2'])} i in (${random.pick(['0..2', '1,3', '2..1', '0..ttl', '8..13'])}): (
        uint8(i${random.pick(['', ' + 1', ' * 2'])}) ${random.pick(['==', '!='])} ${random.pick(['i', '1'])} ${random.pick(['and', 'or'])} ttl > 1)`,
      () =>
        `label matches /${random.pick(['[x-z]L?', 'LINU[w-y] .', 'x|ux', '^l(i|y)n+', '(LIN|BSD).*[12]', '[^0-9] ?\\d$'])}/${random.pick(['', 'i'])}`,
      () =>
        `label ${random.pick(['iequals', 'istartswith', 'iendswith', 'icontains'])} "${random.pick(['linux 1', 'Lin', 'X 2', '3'])}"`,
      () =>
        `label matches /${random.pick(['\\xe9', '\\xc3\\xa9', '[\\x80-\\xff]', '.1', '\\w{5} \\d', '\\bL', '1{1,2}$'])}/`,
    ]
    const patterns = [
      () => `{ 0${random.below(4)} 02 }`,
      () => `{ 0${random.below(4)} ?? 0${random.below(4)} }`,
      () => `{ ?0 0${random.below(4)} 0? 01 }`,
      () => `{ 0${random.below(4)} [0-2] ( 01 | 02 03 ) }`,
      () => `"\\x0${random.below(4)}\\x01"`,
      () => `"\\x0${random.below(4)}\\x01" wide ascii`,
      () => `/\\x0${random.below(4)}.?\\x02/`,
      () => `/(\\x01|\\x02\\x03)+\\x00/ private`,
      () => `"aB${random.below(2)}" nocase`,
      () => `{ 0${random.below(4)} ( 4? | 6? ) ${random.pick(['?2', '??', '42'])} [1] 0? }`,
      () => `/a[b-c]?${random.below(2)}{1,2}\\x0${random.below(4)}/i`,
    ]
    const uses = [
      '$a',
      '$a at 0',
      '$a at 3',
      '$a in (2..5)',
      'any of them',
      'all of them',
      '#a > 0',
      '($a or $b)',
      'not $a',
      '2 of them',
      'all of ($a*)',
      'none of them',
      '#a == 1',
      '@b[1] < 4',
      '!a[1] == 2',
      'for any of them : ($ at 3)',
      'for all of ($b) : ($ in (0..5))',
    ]
    let found = 0
    for (let round = 0; round < 40; round++) {
      const names: string[] = []
      const rules = Array.from({ length: 2 + random.below(8) }, (_, i) => {
        const name = `${random.pick(['a', 'b'])}${i}`
        const own = random.pick(conditions)()
        const condition = random.chance(0.3) && names.length > 0 ? `${random.pick(names)} and ${own}` : own
        const strings = random.chance(0.4)
          ? `strings: $a = ${random.pick(patterns)()} $b = ${random.pick(patterns)()}`
          : ''
        const use = `${random.pick(uses)} ${random.pick(['and', 'and', 'or'])} ($a or $b or true)`
        names.push(name)
        const isPrivate = random.chance(0.2) ? 'private ' : ''
        return `${isPrivate}rule ${name} { ${strings} condition: ${strings === '' ? condition : `${use} and ${own}`} }`
      })
      // Its set of rules must be the last to be named.
      if (rules.some((rule) => /rule a/.test(rule)))
        rules.push(`rule last { condition: any of (a*) and ${random.pick(conditions)()} }`)
      const text = rules.join('\n')
      const compile = (source: string): Rules => new Rules(opened, [{ name: 'rules', text: source }], types)
      const [grouped, together] = [compile(text), compile(`private global rule every { condition: true }\n${text}`)]
      for (let k = 0; k < 30; k++) {
        const octets = Uint8Array.from({ length: 12 }, () => random.pick([0, 1, 2, 3, 0x41, 0x62, 0xff]))
        const [ttl, mss, window] = [random.below(4), random.below(4), random.below(4)]
        const [options, label] = [`${random.below(4)},4`, random.pick(['1', '3', 'Linux 1', 'LINUX \u00e92', 'a lynx'])]
        const facts = {
          ttl: () => ttl,
          mss: () => mss,
          window: () => window,
          options: () => options,
          label: () => label,
        }
        const answers = [grouped, together].map((one) => one.firstMatch(octets, facts)?.identifier)
        expect([text, answers[0]]).toEqual([text, answers[1]])
        if (answers[0] !== undefined) found++
      }
    }
    expect(found).toBeGreaterThan(400)
  },
  30_000,
)

withYara(
  'expressions that say no more than a length match as in a scan of all rules',
  () => {
    if ('message' in opened) throw new Error(opened.message)
    const random = createRandom(15)
    const times = (): string =>
      random.pick([
        '',
        '',
        '?',
        '*',
        '+',
        '+?',
        `{${1 + random.below(8)}}`,
        `{${random.below(9)},}`,
        `{,${1 + random.below(9)}}`,
        '{2,5}?',
      ])
    const one = (): string =>
      random.pick(['.', '.', '[^x]', '\\S', '[^\\n]', '\\W', '[\\x00-\\xff]', '(.|..)', '(.{3}|[^y]+)', '((.)?.{2})'])
    const sequence = (): string =>
      `${random.pick(['^', '^', '', '^.{64}'])}${Array.from({ length: 1 + random.below(3) }, () => one() + times()).join('')}${random.pick(['$', '$', '', '$.?', '\\b', '^'])}`
    const types = { mss: 0, label: '' }
    let found = 0
    for (let round = 0; round < 40; round++) {
      const text = Array.from({ length: 1 + random.below(6) }, (_, i) => {
        const expression = `${sequence()}${random.pick(['', '', `|${sequence()}`])}`
        return `rule r${i} { condition: label matches /${expression}/${random.pick(['', 's', 'i'])} and mss >= ${random.below(2)} }`
      }).join('\n')
      const compile = (source: string): Rules => new Rules(opened, [{ name: 'rules', text: source }], types)
      const [few, together] = [compile(text), compile(`private global rule every { condition: true }\n${text}`)]
      for (let k = 0; k < 40; k++) {
        const length = random.pick([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 12, 63, 64, 65, 70, 71, 140])
        const label = Array.from({ length }, () =>
          random.pick(['a', 'a', 'y', 'x', ' ', '\n', '\r', '\u00e9', '\u20ac', '\0', '\ud800']),
        ).join('')
        const facts = { label: () => label, mss: () => 1 }
        const octets = Uint8Array.of(1)
        let expected: string | undefined
        try {
          expected = together.firstMatch(octets, facts)?.identifier
        } catch {
          continue // libyara gives some repetitions up
        }
        expect([text, label, few.firstMatch(octets, facts)?.identifier]).toEqual([text, label, expected])
        if (expected !== undefined) found++
      }
    }
    expect(found).toBeGreaterThan(700)
  },
  30_000,
)

withYara('shifts of negative numbers are what libyara says of them', () => {
  for (const [places, value] of [
    [1, -3],
    [31, -1],
    [40, -1],
    [63, -1],
    [64, 0],
  ]) {
    const rule = `rule r { condition: int8(34) >> ${places} == ${value} }`
    expect([places, ask(rule)?.name]).toEqual([
      places,
      ask(`private global rule every { condition: true } ${rule}`)?.name,
    ])
    expect([places, ask(rule)?.name]).toEqual([places, 'r'])
  }
})

withYara('conditions may be as long and as deep as libyara lets them', () => {
  const condition = 'ttl > 1'
  for (const [what, long] of [
    ['terms', `ttl${' + 1'.repeat(50_000)} > 50000`],
    ['and', Array(20_000).fill(condition).join(' and ')],
    ['or', `${'ttl == 1 or '.repeat(20_000)}${condition}`],
    ['not', `${'not '.repeat(6000)}${condition}`],
    ['parentheses', `${'('.repeat(3000)}${condition}${')'.repeat(3000)}`],
    ['and in parentheses', `${'(ttl > 1 and '.repeat(1500)}${condition}${')'.repeat(1500)}`],
  ])
    expect([what, ask(`rule r { condition: ${long} }`)?.name]).toEqual([what, 'r'])
})

const SLOW = 'for all i in (0..1000000000000): (i + filesize > 1)'

withYara(
  'a rule that does not end is given up once, then its kind is not asked for a minute, and all others are',
  () => {
    let now = 0
    if ('message' in opened) throw new Error(opened.message)
    const text = `rule fast { condition: ttl == 1 } rule slow { condition: ttl == 64 and ${SLOW} } rule last { condition: ttl < 65 }`
    const rules = new Rules(opened, [{ name: 'rules', text }], { ttl: 0 }, () => now)
    const at = (ttl: number): string | undefined => rules.firstMatch(LINUX, { ttl: () => ttl })?.identifier
    expect(() => at(64)).toThrow('a rule takes more than 1 s; rules with loops or modules are not asked for a minute')
    for (const time of [0, 1000, 59_999]) {
      now = time
      expect([at(1), at(64), at(2)]).toEqual(['fast', 'last', 'last'])
    }
    now = 60_000
    expect(at(1)).toBe('fast')
    expect(() => at(64)).toThrow('more than 1 s')
    // one that does not end on the scan which lists the rules stops the start
    expect(problem(() => yara({ rules: `rule slow { condition: ${SLOW.replace(' + filesize', '')} }` })).message).toBe(
      'Cannot use rules: a scan of a single octet takes more than 1 s',
    )
  },
  20_000,
)

withYara(
  'a request with a rule that does not end has the label of the database, and the mistake is told once',
  async () => {
    const messages: string[] = []
    const fingerprinter = createFingerprinter({
      labeller: yara({ rules: `rule slow { condition: filesize > 1 and ${SLOW} }` }),
      onError: (error) => messages.push(String(error)),
    })
    const answer = (request: Request, server: Bun.Server<unknown>): Response =>
      Response.json({ label: fingerprinter.fromBun(request, server).label?.name ?? null })
    const server = Bun.serve({ port: 0, hostname: '127.0.0.1', fetch: answer })
    try {
      // The first connection arms the listener.
      await fetch(server.url, { headers: { connection: 'close' } })
      await Bun.sleep(100)
      for (let i = 0; i < 3; i++) {
        const { label } = (await (await fetch(server.url, { headers: { connection: 'close' } })).json()) as {
          label: string
        }
        expect(label).toStartWith('Linux')
      }
      expect(messages.length).toBe(1)
      expect(messages[0]).toContain('a rule takes more than 1 s')
    } finally {
      await server.stop(true)
    }
  },
  20_000,
)

withYara(
  'regular expressions that explode end soon, and break no request',
  () => {
    const agent = `${'a'.repeat(1023)}!`
    for (const expression of ['(a+)+$', '(a|aa)+b', '(a?){1,30}a{30}b', '(.*,){8}P', '((a*)*)*b']) {
      const start = performance.now()
      let answer: unknown
      try {
        answer = ask(`rule r { condition: user_agent matches /^${expression}/ }`, LINUX, agent)?.name
      } catch (error) {
        answer = (error as Error).name
      }
      expect([undefined, 'YaraError']).toContain(answer as string)
      // a loop without end, not a matter of speed
      expect(performance.now() - start).toBeLessThan(5000)
    }
  },
  60_000,
)

withYara('a library of another version is refused before a rule is read', () => {
  if ('message' in opened) throw new Error(opened.message)
  const sources = [{ name: 'rules', text: 'rule r { condition: true }' }]
  // names that are elsewhere in the structure of a rule, pointers that are none, and calls that fail
  for (const strange of [
    { text: () => 'something' },
    { pointer: () => 1 },
    { pointer: () => 0 },
  ] satisfies Partial<Libyara>[]) {
    expect(problem(() => new Rules({ ...opened, ...strange }, sources, {})).message).toBe(
      'Cannot read rules: libyara is of a version that is not understood (4.2 to 4.5 are)',
    )
  }
  // A variable that is not set has the value of the SYN before: no rule is asked.
  const unset = new Rules(
    { ...opened, yr_scanner_define_integer_variable: () => 1 },
    [{ name: 'rules', text: 'rule r { condition: ttl > ttl - 1 }' }],
    { ttl: 0 },
  )
  expect(problem(() => unset.firstMatch(new Uint8Array(40), { ttl: () => 64 })).message).toBe(
    'Cannot scan the SYN: variable "ttl": libyara says error 1',
  )
  const undefinable = { ...opened, yr_compiler_define_string_variable: () => 1 }
  expect(problem(() => new Rules(undefinable, sources, { label: '' })).message).toBe(
    'Cannot compile rules: variable "label": libyara says error 1',
  )
  for (const [call, words] of [
    ['yr_initialize', 'Cannot start libyara'],
    ['yr_compiler_create', 'Cannot make a compiler: libyara says error 1'],
    ['yr_compiler_get_rules', 'Cannot get the compiled rules: libyara says error 1'],
    ['yr_scanner_create', 'Cannot make a scanner: libyara says error 1'],
    ['yr_scanner_scan_mem', "Cannot read rules: a scan of nothing ends with libyara's error 1"],
  ] as const) {
    expect(problem(() => new Rules({ ...opened, [call]: () => 1 }, sources, {})).message).toBe(words)
  }
})

test('Deno without the permission says what is missing, and asks no question at a terminal', () => {
  const { code, err } = tcpfingerprint(['parse', '--yara', EXAMPLE, '00'], { runtime: DENO })
  expect(code).toBe(2)
  expect(err).toContain('libyara.so.10: Deno needs --allow-ffi')
})

const LINE = Buffer.from(LINUX).toString('hex')
for (const runtime of [
  BUN,
  {
    ...DENO,
    argv: DENO.argv.toSpliced(-1, 0, '--allow-ffi'),
  },
] satisfies Runtime[]) {
  withYara(`parse --yara labels on ${runtime.name}, and the database where no rule matches`, () => {
    const file = join(directory, 'own.yar')
    writeFileSync(file, 'rule own : tool { meta: label = "mine" condition: window == 64240 }\n')
    const windows = Buffer.from(synOf('4:128:0:1460:8192,8:mss,nop,ws,nop,nop,sok:df,id+:0')).toString('hex')
    const { code, out } = tcpfingerprint(['parse', '--json', '--yara', file, LINE, windows], { runtime })
    expect(code).toBe(0)
    const [own, database] = out
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line).label)
    expect(own).toEqual({ name: 'mine', kind: 'app', match: 'rule', generic: false, family: 'tool', distance: 7 })
    expect(database.name).toBe('Windows Vista to 10, or Server 2008 to 2016')
    writeFileSync(file, 'rule own { condition: x }\n')
    for (const command of ['parse', 'serve']) {
      const broken = tcpfingerprint([command, '--yara', file, ...(command === 'parse' ? [LINE] : [])], { runtime })
      expect([command, broken.code]).toEqual([command, 2])
      expect(broken.err).toContain(`Cannot compile rules: ${file}:1: undefined identifier "x"`)
    }
  })
}
