import { expect, test } from 'bun:test'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { defaultDatabase, match, parseSyn } from '../../src/index.ts'
import { EXAMPLES } from '../../src/inspector/examples.ts'
import stacks from '../vectors/stacks.json' with { type: 'json' }

const devices = readFileSync(join(import.meta.dir, '../vectors/devices.ndjson'), 'utf8')
  .trim()
  .split('\n')
const vectors = [...stacks, ...devices.map((line) => JSON.parse(line))] as { hex: string; source: string }[]

/** An IPv4 SYN without what was replaced: checksum and addresses of the IP header. */
const essence = (hex: string): string => hex.slice(0, 20) + hex.slice(40)

test.each(EXAMPLES.map((example) => [example.name, example] as const))('%s is a SYN of the vectors', (_, example) => {
  const vector = vectors.find(({ hex }) => essence(hex) === essence(example.hex))
  expect(vector).toBeDefined()
  expect(vector!.source).toContain(example.source.replace(/^Windows 10, /, ''))
  const { ip } = parseSyn(example.hex)
  expect([ip.source, ip.destination]).toEqual(['192.0.2.10', '198.51.100.7'])
  // RFC 1071: the sum of a header with its checksum is all ones.
  const words = example.hex.slice(0, 40).match(/..../g)!
  expect(words.reduce((sum, word) => sum + Number.parseInt(word, 16), 0) % 0xffff).toBe(0)
})

test('examples are of many kinds', () => {
  const families = EXAMPLES.map(({ hex }) => match(defaultDatabase(), parseSyn(hex)).family)
  for (const family of ['windows', 'apple', 'linux', 'embedded', 'bsd', 'tool']) expect(families).toContain(family)
  expect(EXAMPLES).toHaveLength(11)
})
