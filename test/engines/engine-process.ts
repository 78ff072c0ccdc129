/**
 * The other end of `elsewhere.ts`: SQLite in memory, called by lines of JSON.
 * @module
 */
import process from 'node:process'
import { createInterface } from 'node:readline'
import { openSqlite } from '../../src/store/sqlite.ts'

const engine = (await openSqlite(':memory:')) as unknown as Record<string, (...values: unknown[]) => Promise<unknown>>

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
