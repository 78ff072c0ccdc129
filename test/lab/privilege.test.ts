import { expect, test } from 'bun:test'
import { missing, needs } from './privilege.ts'

function runFixture(ci: string): { exitCode: number; output: string } {
  const done = Bun.spawnSync([process.execPath, 'test', './test/lab/fixture-privilege.ts'], {
    cwd: `${import.meta.dir}/../..`,
    env: { ...process.env, CI: ci },
  })
  return { exitCode: done.exitCode, output: done.stdout.toString() + done.stderr.toString() }
}

test('needs skips with the reason in the output where something is missing', () => {
  const { exitCode, output } = runFixture('')
  expect(output).toContain('skipping tests: no such thing here')
  expect(output).toContain('1 pass')
  expect(output).toContain('2 skip')
  expect(output).not.toContain('ran all the same')
  expect(exitCode).toBe(0)
})

test('needs fails where something is missing and CI is true', () => {
  const { exitCode, output } = runFixture('true')
  expect(output).toContain('CI must run this test, and cannot: no such thing here')
  expect(output).toContain('2 fail')
  expect(output).not.toContain('ran all the same')
  expect(exitCode).not.toBe(0)
})

test('needs names everything that is missing', () => {
  const guarded = needs({ reason: 'no first' }, { reason: undefined }, { reason: 'no second' })
  expect(guarded.available).toBe(false)
  expect(guarded.reason).toBe('no first; no second')
})

test('missing says on other systems that Linux is needed, and nothing on Linux', () => {
  if (process.platform === 'linux') expect(missing('linux')).toBeUndefined()
  else expect(missing('linux')).toContain('needs Linux')
})
