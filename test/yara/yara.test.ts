import { afterAll, expect, test } from 'bun:test'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openLibyara } from '../../ffi/libyara.bun.ts'
import { fingerprints } from '../../src/fingerprint/index.ts'
import { defaultDatabase } from '../../src/label/default.ts'
import { match } from '../../src/label/match.ts'
import type { RuleLabel } from '../../src/label/rule.ts'
import { parseSyn } from '../../src/wire/syn.ts'
import { type YaraError, yara } from '../../src/yara/index.ts'
import { BUN, DENO, type Runtime, tcpfingerprint } from '../cli/run.ts'
import { synOf } from '../label/syn-of.ts'

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
  expect(problem(() => yara({ rules: join(directory, 'none.yar') })).message).toStartWith('Cannot read rules: ENOENT')
  expect(problem(() => yara({ rules: [] })).message).toContain('no rules given')
  expect(problem(() => yara({ rules: 'rule a { condition: ' })).line).toBe(1)
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

const LINE = Buffer.from(LINUX).toString('hex')
for (const runtime of [
  BUN,
  {
    ...DENO,
    argv: DENO.argv.map((word) => (word === '--allow-read' ? '--allow-read' : word)).toSpliced(-1, 0, '--allow-ffi'),
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
