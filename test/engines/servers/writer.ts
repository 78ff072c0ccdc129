/**
 * Records connections as fast as it is told, without a server: `bun writer.ts FILE FIRST COUNT PER-MILLISECOND`.
 *
 * Prints `NUMBER TIME` after the last of each millisecond's connections, and its status at the end.
 * @module
 */
import process from 'node:process'
import { openStore } from '../../../src/store/index.ts'
import { connection, request } from '../../store/fingerprints.ts'

const [, , file, first, count, rate] = process.argv
const end = Number(first) + Number(count)
const store = openStore({ url: `sqlite:${file}` })
await store.ready()
for (let next = Number(first); next < end; ) {
  for (let i = 0; i < Number(rate) && next < end; i++) store.observe(request(connection(next++)))
  process.stdout.write(`${next - 1} ${Date.now()}\n`)
  await new Promise((resolve) => setTimeout(resolve, 1))
}
await store.close()
console.log(JSON.stringify(store.status()))
