/**
 * Memory per tracked connection: `bun test/bench/memory.ts [CONNECTIONS] [ROUNDS]`. The growth of the heap (JavaScript objects and
 * what they hold) and of resident memory with 10,000 connections that made one request each, minus that of the bare server.
 * `RUNTIME=node-24` and the like measure Node.
 * @module
 */
import { connect, type Socket } from 'node:net'
import { runtimeName, startMeasured } from './measured.ts'
import { median, report, runPairs, type Variant } from './pairs.ts'

const connections = Number(process.argv[2] ?? 10_000)
const rounds = Number(process.argv[3] ?? 3)
const resident = new Map<string, number[]>()

async function growth(variant: string): Promise<number> {
  const server = await startMeasured('soak-server', variant)
  const { port } = server
  const state = async (): Promise<{ rss: number; heap: number }> =>
    (await fetch(`http://127.0.0.1:${port}/state`, { headers: { connection: 'close' } })).json() as never
  const held: Socket[] = []
  const open = (): Promise<void> =>
    new Promise((resolve, reject) => {
      const socket = connect({ port, host: '127.0.0.1' })
      held.push(socket)
      socket.once('error', reject)
      socket.once('data', () => resolve())
      socket.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n')
    })
  for (let i = 0; i < 200; i++) await open()
  for (const socket of held.splice(0)) socket.destroy()
  await Bun.sleep(3000)
  await state()
  const before = await state()
  for (let i = 0; i < connections; i += 100) await Promise.all(Array.from({ length: 100 }, open))
  const after = await state()
  for (const socket of held) socket.destroy()
  await server.stop()
  resident.set(variant, [...(resident.get(variant) ?? []), (after.rss - before.rss) / connections])
  return (after.heap - before.heap) / connections
}

const variants: Variant[] = ['bare', 'fingerprint'].map((name) => ({ name, measure: () => growth(name) }))
const heap = await runPairs(variants, rounds)
report(`${runtimeName()}: heap growth per connection, ${connections} connections`, 'octets', heap)
report('resident growth per connection', 'octets', resident)
const cost = median(heap.get('fingerprint')!) - median(heap.get('bare')!)
console.log(
  `  per tracked connection: heap ${cost.toFixed(0)} octets (at most 1024), resident ${(median(resident.get('fingerprint')!) - median(resident.get('bare')!)).toFixed(0)} octets`,
)
