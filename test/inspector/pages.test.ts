import { describe, expect, test } from 'bun:test'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { defaultDatabase, match } from '../../src/index.ts'
import { decodePage } from '../../src/inspector/decode-page.tsx'
import { decodeDump } from '../../src/inspector/dump.ts'
import vectors from '../vectors/syn.json' with { type: 'json' }

const hexes = (vectors as unknown as { hex: string }[]).map(({ hex }) => hex)

/** What the page for a dump shows. */
async function pageFor(hex: string): Promise<string> {
  const result = decodeDump(hex, 'auto')
  const decoded = result.ok ? result.value : undefined
  const label = decoded?.kind === 'syn' ? match(defaultDatabase(), decoded.syn) : undefined
  const error = result.ok ? undefined : result.error
  return String(await decodePage({ text: hex, kind: 'auto', decoded, label, error }).body())
}

const CELLS = readFileSync(join(import.meta.dir, '../../src/inspector/cells.css'), 'utf8')

/** What a missing value looks like when it is printed. */
const HOLES = /undefined|NaN|\[object|>null</

describe('decodePage', () => {
  test('shows every vector without a hole', async () => {
    for (const hex of hexes) {
      const page = await pageFor(hex)
      const hole = HOLES.exec(page)
      expect(hole === null ? '' : `${hex}: ${hole[0]}`).toBe('')
      for (const [, width] of page.matchAll(/<button class="b(\d+) /g)) expect(CELLS).toContain(`.b${width} {`)
    }
  })
  test('shows every truncation of some, and every value of each octet of the options of one', async () => {
    const changed: string[] = []
    for (const hex of hexes.slice(0, 5)) {
      for (let end = 0; end < hex.length; end += 2) changed.push(hex.slice(0, end))
    }
    const [first] = hexes
    for (let at = 80; at < first!.length; at += 2) {
      for (const octet of ['00', '01', '02', '05', '1e', '22', 'ac', 'fd', 'ff']) {
        changed.push(first!.slice(0, at) + octet + first!.slice(at + 2))
      }
    }
    for (const hex of changed) {
      const hole = HOLES.exec(await pageFor(hex))
      expect(hole === null ? '' : `${hex}: ${hole[0]}`).toBe('')
    }
  })
})
