import { expect, test } from 'bun:test'
import { SYN } from '../support/samples.ts'
import { tcpfingerprint } from './run.ts'

const row = (accept: readonly string[]): string => JSON.stringify({ hex: SYN, accept, more: 'of no interest' })

test('evaluate prints counts, as text and as JSON', () => {
  const input = `${row(['Linux'])}\n\n${JSON.stringify({ hex: SYN, family: 'linux' })}\n${JSON.stringify({ hex: SYN, family: null })}\n`
  const { code, out, err } = tcpfingerprint(['evaluate', '-'], { input })
  expect([code, err]).toEqual([0, 'tcpfingerprint: -: 1 row of an unknown sender, passed over\n'])
  expect(out).toBe('2 rows\nright    2  100.0 %\ngeneric  0  0.0 %\nwrong    0  0.0 %\nno label 0  0.0 %\n')
  const json = tcpfingerprint(['evaluate', '--json', '-'], { input })
  expect(JSON.parse(json.out)).toEqual({
    rows: 2,
    right: 2,
    generic: 0,
    wrong: 0,
    none: 0,
    wrongRows: [],
    noneRows: [],
  })
})

test('evaluate exits with 1 where a label is wrong, and shows it', () => {
  const { code, out } = tcpfingerprint(['evaluate', '-'], { input: row(['Win\u001bdows']) })
  expect(code).toBe(1)
  expect(out).toMatch(/\nWrong:\n {2}line 1: "Linux .*" for Win\\x1bdows\n$/)
})

test('evaluate names bad lines, answers the others and exits with 1', () => {
  const input = [
    '[]',
    '{',
    '{"hex":1}',
    '{"hex":"45","family":"linux"}',
    '{"hex":"","accept":"x"}',
    row(['Linux']),
  ].join('\n')
  const { code, out, err } = tcpfingerprint(['evaluate', '--json', '-'], { input })
  expect(code).toBe(1)
  expect(JSON.parse(out)).toMatchObject({ rows: 1, right: 1 })
  expect(err.trim().split('\n')).toEqual([
    'tcpfingerprint: -:1: no JSON object',
    'tcpfingerprint: -:2: no JSON object',
    'tcpfingerprint: -:3: no "hex"',
    'tcpfingerprint: -:4: truncated at octet 0',
    'tcpfingerprint: -:5: "accept" is no list of words',
  ])
  // the empty word is in every label
  expect(tcpfingerprint(['evaluate', '--json', '-'], { input: row(['']) }).out).toContain('"rows":0')
})

test('evaluate wants one file that can be read', () => {
  expect(tcpfingerprint(['evaluate']).code).toBe(2)
  expect(tcpfingerprint(['evaluate', 'a', 'b']).code).toBe(2)
  const missing = tcpfingerprint(['evaluate', '/nonexistent'])
  expect([missing.code, missing.err]).toEqual([1, 'tcpfingerprint: /nonexistent: Cannot read it: no such file\n'])
})

test('learn --rows writes what evaluate reads, with other addresses', () => {
  const records = [
    JSON.stringify({ hex: SYN, label: 'Linux' }),
    JSON.stringify({ p0f: '4:57+7:0:1460:mss*44,7:mss,sok,ts,nop,ws:df,id+:0', label: 'Linux' }),
  ].join('\n')
  const { code, out } = tcpfingerprint(['learn', '--rows', '-'], { input: records })
  expect(code).toBe(0)
  expect(out.trim().split('\n')).toHaveLength(1)
  expect(JSON.parse(out).accept).toEqual(['Linux'])
  expect(out).toContain('c0000201c6336401')
  expect(JSON.parse(tcpfingerprint(['evaluate', '--json', '-'], { input: out }).out)).toMatchObject({
    rows: 1,
    right: 1,
  })
})

test('parse names the closest signatures of a SYN without a label, and the line that adds it', () => {
  const unknown = SYN.replace(/020405b4.*/, '020405b4080a00a1b2c300000000040201030307')
  const { out } = tcpfingerprint(['parse', unknown])
  expect(out).toMatch(/closest signatures\n {2}Linux.* \(line \d+\): .*order of options/)
  expect(out).toContain('sig   = 4:64:0:*:mss*44,7:mss,ts,sok,nop,ws')
})
