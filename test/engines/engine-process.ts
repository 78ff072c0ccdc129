/**
 * The other end of `elsewhere.ts`: SQLite in a thread, called by lines of JSON.
 * @module
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import { createInterface } from 'node:readline'
import { openApart } from '../store/apart.ts'

const directory = mkdtempSync(join(tmpdir(), 'tcpfingerprint-engine-'))
const engine = (await openApart(join(directory, 'seen.sqlite'))) as unknown as Record<
  string,
  (...values: unknown[]) => Promise<unknown>
>

for await (const line of createInterface({ input: process.stdin })) {
  const { method, values } = JSON.parse(line) as { method: string; values: unknown[] }
  let answer: object
  try {
    answer = { value: await engine[method]!(...values) }
  } catch (error) {
    answer = { error: String((error as Error).message) }
  }
  process.stdout.write(`${JSON.stringify(answer)}\n`)
}
rmSync(directory, { recursive: true })
