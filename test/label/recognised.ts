/**
 * The README's table of what is recognised, made of the database: `bun test/label/recognised.ts` prints it, the README's test compares.
 * @module
 */
import { defaultDatabase } from '../../src/index.ts'

/** Names shown of each family. */
const MOST_NAMES = 3

/** Fewer systems than this are shown by their versions. */
const MOST_SYSTEMS = 4

/** Families as the README names them, in its order. */
const FAMILIES: readonly (readonly [family: string, words: string])[] = [
  ['windows', 'Windows'],
  ['linux', 'Linux, Android'],
  ['apple', 'macOS, iOS'],
  ['bsd', 'BSD, and consoles made of it'],
  ['embedded', 'devices'],
  ['network', 'routers and switches'],
  ['userspace', 'stacks inside a program'],
  ['relay', 'what ends TCP for others'],
  ['tool', 'scanners and tools'],
]

/** The rows: family, signatures, labels, the systems that have most. */
export function recognisedTable(): string {
  const lines = ['| family | signatures | labels | among them |', '| --- | --- | --- | --- |']
  const { signatures } = defaultDatabase()
  for (const [family, words] of FAMILIES) {
    const own = signatures.filter(({ label }) => label.kin === family)
    const systems = new Map<string, number>()
    // Where a family is one system its versions say more.
    const isOne = new Set(own.map(({ label }) => label.system)).size < MOST_SYSTEMS
    for (const { label } of own) {
      const version = label.flavor.replace(/ ?\(.*$|,.*$/, '')
      const name = isOne && version !== '' ? `${label.system} ${version}` : label.system
      systems.set(name, (systems.get(name) ?? 0) + 1)
    }
    const names = [...systems].sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1)).map(([name]) => name)
    const labels = new Set(own.map(({ label }) => label.name)).size
    lines.push(`| \`${family}\`: ${words} | ${own.length} | ${labels} | ${names.slice(0, MOST_NAMES).join(', ')} |`)
  }
  return `${lines.join('\n')}\n`
}

if (import.meta.main) console.log(recognisedTable())
