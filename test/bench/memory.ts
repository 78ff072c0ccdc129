/**
 * Memory per tracked connection: `bun test/bench/memory.ts [CONNECTIONS] [ROUNDS]`. The growth of the heap (JavaScript objects and
 * what they hold) and of resident memory with 10,000 connections that made one request each, minus that of the bare server.
 * `RUNTIME=node-24` and the like measure Node.
 *
 * As many connections come and go before: machine code counts as heap, and most of it is there by then. The heap is read once nothing
 * changes any more: some seconds after its last request each connection that is still there is watched.
 * @module
 */
import { connect, type Socket } from 'node:net'
import { runtimeName, startMeasured } from './measured.ts'
import { median, report, runPairs, type Variant } from './pairs.ts'

const connections = Number(process.argv[2] ?? 10_000)
const rounds = Number(process.argv[3] ?? 3)
/** Looks at the server until nothing changes, at most. */
const SETTLES_WITHIN = 20
/** Milliseconds between two looks: a connection is not watched for the first three seconds. */
const LOOK_AGAIN = 4000
const resident = new Map<string, number[]>()

interface State {
  readonly rss: number
  readonly heap: number
  /** Of the bare server none. */
  readonly status?: { readonly watches: number; readonly sockets: number }
}

async function growth(variant: string): Promise<number> {
  const server = await startMeasured('soak-server', variant)
  const { port } = server
  const state = async (): Promise<State> =>
    (await fetch(`http://127.0.0.1:${port}/state`, { headers: { connection: 'close' } })).json() as never
  let held: Socket[] = []
  const open = (): Promise<void> =>
    new Promise((resolve, reject) => {
      const socket = connect({ port, host: '127.0.0.1' })
      held.push(socket)
      socket.once('error', reject)
      socket.once('data', () => resolve())
      socket.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n')
    })
  const openHundred = (): Promise<unknown> => Promise.all(Array.from({ length: 100 }, open))
  const close = (): void => {
    for (const socket of held) socket.destroy()
    held = []
  }
  const settled = async (): Promise<State> => {
    let before = await state()
    for (let left = SETTLES_WITHIN; left > 0; left--) {
      await Bun.sleep(LOOK_AGAIN)
      const now = await state()
      if (now.status?.watches === before.status?.watches && now.status?.sockets === before.status?.sockets) return now
      before = now
    }
    throw new Error('The server does not settle')
  }
  for (let i = 0; i < connections; i += 100) {
    await openHundred()
    close()
  }
  const before = await settled()
  for (let i = 0; i < connections; i += 100) await openHundred()
  const after = await settled()
  close()
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
