import { afterAll, expect, test } from 'bun:test'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { SYN } from '../support/samples.ts'
import { temporaryDirectory } from '../support/temporary.ts'
import { tcpfingerprint } from './run.ts'

const { path: directory, remove } = temporaryDirectory()
afterAll(remove)

function file(text: string): string {
  const path = join(directory, 'x.fp')
  writeFileSync(path, text)
  return path
}

test('a database file is read up to a bound', () => {
  const { code, err } = tcpfingerprint(['parse', '--json', '--p0f-db', '/dev/zero', SYN])
  expect(code).toBe(2)
  expect(err).toContain('Cannot read the database "/dev/zero": it has more than 16 MiB')
})

test('lines of sections that are not used are told, and the labels are there', () => {
  const path = file(
    'classes = unix\n[http:request]\nlabel = s:unix:F:x\nsig = oops\n[tcp:request]\nlabel = s:unix:Linux:\u001b[31mred\u009b2J\nsig = *:64:0:*:*,*:mss,sok,ts,nop,ws:df,id+:0\n',
  )
  for (const args of [['parse', '--json'], ['parse']]) {
    const { code, out, err } = tcpfingerprint([...args, '--p0f-db', path, SYN])
    expect(code).toBe(0)
    expect(err).toContain(`${path}:4: malformed HTTP signature: "oops"; of no use for labels`)
    expect(out).toContain('Linux \\')
    expect(out).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f]/)
  }
})

test('a bad name in a database is an error like any bad line', () => {
  const path = file('classes = unix\n[tcp:request]\nlabel = s:unix:Li\u001bnux:x\nsig = *:64:0:*:*,*:mss:df:0\n')
  const { code, err } = tcpfingerprint(['parse', '--json', '--p0f-db', path, SYN])
  expect(code).toBe(1)
  expect(err).toContain(
    `${path}:3: Cannot load signatures: line 3: malformed name: "Li\\\\x1bnux"; no labels are given`.replace(
      '\\\\x',
      '\\x',
    ),
  )
})
