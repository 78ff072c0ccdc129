import { expect, test } from 'bun:test'
import { loadP0f } from '../../src/label/database-parser.ts'
import { createEvaluator, evaluate } from '../../src/label/evaluate.ts'
import { synOf } from './syn-of.ts'

const database = loadP0f(`classes = linux,windows
[tcp:request]
label = s:linux:Linux:(Android or tuned)
sig = *:64:0:*:65535,*:mss,sok,ts,nop,ws:df,id+:0
label = g:linux:Linux:
sig = *:64:0:*:*,*:mss,sok,ts,nop,ws:df,id+:0
label = s:windows:Windows:10
sig = *:128:0:*:*,8:mss,nop,ws,nop,nop,sok:df,id+:0
`)
const hexOf = (text: string): string => Buffer.from(synOf(text)).toString('hex')
const ANDROID = hexOf('4:64:0:1460:65535,8:mss,sok,ts,nop,ws:df,id+:0')
const LINUX = hexOf('4:64:0:1460:64240,7:mss,sok,ts,nop,ws:df,id+:0')
const WINDOWS = hexOf('4:128:0:1460:64240,8:mss,nop,ws,nop,nop,sok:df,id+:0')
const NONE = hexOf('4:64:0:1460:64240,0:mss:df,id+:0')

test('evaluate counts right, generic, wrong and none, and lists what is not right', () => {
  const rows = [
    { hex: ANDROID, accept: ['Android', 'Linux'] },
    { hex: LINUX, accept: ['Android', 'Linux'] }, // an ancestor only
    { hex: LINUX, accept: ['Linux'] }, // a generic signature
    { hex: LINUX, accept: ['Windows'] },
    { hex: WINDOWS, accept: ['Windows'] },
    { hex: WINDOWS, family: 'windows' },
    { hex: WINDOWS, family: 'linux' },
    { hex: NONE, accept: ['Linux'], family: 'linux' },
    { hex: NONE },
    { hex: 'zz', accept: ['Linux'] },
  ]
  expect(evaluate(database, rows)).toEqual({
    rows: 8,
    right: 3,
    generic: 2,
    wrong: 2,
    none: 1,
    wrongRows: [
      { line: 4, hex: LINUX, label: 'Linux', accept: ['Windows'] },
      { line: 7, hex: WINDOWS, label: 'Windows 10', accept: ['linux'] },
    ],
    noneRows: [{ line: 8, hex: NONE, accept: ['Linux'] }],
  })
})

test('an evaluator says what a row is worth, and which are none', () => {
  const evaluator = createEvaluator(database)
  expect(evaluator.add({ hex: LINUX }, 1)).toEqual({ verdict: undefined })
  expect(evaluator.add({ hex: LINUX, accept: [] }, 2)).toEqual({ verdict: undefined })
  expect(evaluator.add({ hex: '45', family: 'linux' }, 3)).toEqual({ error: 'truncated at octet 0' })
  expect(evaluator.add({ hex: WINDOWS, family: 'windows' }, 4)).toEqual({ verdict: 'right' })
  expect(evaluator.result().rows).toBe(1)
})
