import { expect, test } from 'bun:test'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

const ROOM = join(import.meta.dir, '../../src/inspector')

test('a component answers with an element: Hono 4.5 cannot draw one that is null', () => {
  const files = readdirSync(ROOM).filter((name) => name.endsWith('.tsx'))
  expect(files.length).toBeGreaterThan(5)
  for (const file of files) {
    const nullable = readFileSync(join(ROOM, file), 'utf8').match(/JSX\.Element \| (?:null|undefined)|return null\b/g)
    expect(nullable ?? [], file).toEqual([])
  }
})
