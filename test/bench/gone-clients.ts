/**
 * Requests whose client has gone before they are answered, on Deno, which reports them all the same: processor time of each, and how
 * long others wait meanwhile; beside `--open` connections and after these have closed, with the bare app and with ours in turns.
 *
 * `bun test/bench/gone-clients.ts [--open 15000] [--requests 300] [--rounds 2]`. Ends with 1 where ours costs more than 1 ms,
 * or holds others up for more than 25.
 * @module
 */
import { parseArgs } from 'node:util'
import { connectKernel } from '../lab/raw-client.ts'
import { startServer } from '../lab/server.ts'
import { processorMicroseconds } from './load.ts'
import { median } from './pairs.ts'

const MOST_MILLISECONDS = 1
const MOST_WAIT = 25
const BATCH = 250
/** Requests whose client goes, for each of one that waits. */
const GONE_FOR_EACH = 10
/** Milliseconds in which the server comes to rest. */
const REST = 3000

/** Milliseconds: processor time of a request, the longest wait of an ordinary one. */
interface Cost {
  readonly processor: number
  readonly wait: number
}

async function goneClients(port: number, pid: number, requests: number): Promise<Cost> {
  const before = processorMicroseconds(pid)
  let wait = 0
  for (let i = 1; i <= requests; i++) {
    const client = await connectKernel({ destination: { address: '127.0.0.1', port } })
    client.send('GET / HTTP/1.1\r\nHost: x\r\n\r\n')
    client.reset()
    if (i % GONE_FOR_EACH !== 0) continue
    const start = performance.now()
    await (await fetch(`http://127.0.0.1:${port}/`)).text()
    wait = Math.max(wait, performance.now() - start)
  }
  await Bun.sleep(REST / 10)
  return { processor: (processorMicroseconds(pid) - before) / 1000 / requests, wait }
}

async function measure(variant: string, open: number, requests: number): Promise<readonly [Cost, Cost]> {
  await using server = await startServer(
    undefined,
    'test/bench/http-server-deno.ts',
    {},
    {
      runtime: 'deno',
      arguments: [variant, '0.0.0.0'],
      ready: /^(\d+)$/m,
    },
  )
  const { port, pid } = server
  const held: { terminate(): void }[] = []
  for (let left = open; left > 0; left -= BATCH) {
    const batch = Array.from({ length: Math.min(BATCH, left) }, () =>
      Bun.connect({ hostname: '127.0.0.1', port, socket: { data() {} } }),
    )
    held.push(...(await Promise.all(batch)))
  }
  await goneClients(port, pid, requests / 3)
  await Bun.sleep(REST)
  const beside = await goneClients(port, pid, requests)
  for (const one of held) one.terminate()
  await Bun.sleep(REST)
  return [beside, await goneClients(port, pid, requests)]
}

const { values } = parseArgs({
  options: {
    open: { type: 'string', default: '15000' },
    requests: { type: 'string', default: '300' },
    rounds: { type: 'string', default: '2' },
  },
})
const variants = ['bare', 'reads syn']
const costs = new Map(variants.map((name) => [name, [] as (readonly [Cost, Cost])[]]))
for (let round = 0; round < Number(values.rounds); round++) {
  for (const name of variants) costs.get(name)!.push(await measure(name, Number(values.open), Number(values.requests)))
}
for (const [index, when] of [`beside ${values.open} open`, 'after they closed'].entries()) {
  const of = (name: string, of: keyof Cost): number[] => costs.get(name)!.map((both) => both[index]![of])
  const [bare, ours] = variants.map((name) => median(of(name, 'processor'))) as [number, number]
  const [bareWait, ourWait] = variants.map((name) => Math.max(...of(name, 'wait'))) as [number, number]
  console.log(`${when}: ${ours.toFixed(2)} ms of processor time a request, the bare app ${bare.toFixed(2)}`)
  console.log(
    `  an ordinary request meanwhile: ${ourWait.toFixed(1)} ms at most, the bare app's ${bareWait.toFixed(1)}`,
  )
  if (ours > MOST_MILLISECONDS || ourWait > MOST_WAIT) process.exitCode = 1
}
