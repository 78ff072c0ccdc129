import { expect, test } from 'bun:test'
import { join } from 'node:path'

const ROOM = join(import.meta.dir, '../../src/inspector')

test('the script of the page type-checks for browsers', () => {
  const { exitCode, stdout } = Bun.spawnSync([
    join(import.meta.dir, '../../node_modules/.bin/tsc'),
    '-p',
    join(ROOM, 'jsconfig.json'),
    '--noEmit',
  ])
  expect(stdout.toString()).toBe('')
  expect(exitCode).toBe(0)
})

test('style and script do not end the element they stand in', async () => {
  const files = [...new Bun.Glob('*.{css,js}').scanSync(ROOM)]
  expect(files.length).toBeGreaterThan(4)
  for (const file of files) expect(await Bun.file(join(ROOM, file)).text(), file).not.toMatch(/<\/|<!--/)
})
