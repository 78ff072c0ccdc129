/**
 * Requests on Node with and without the fingerprint: `npm run bench -- node-http [SECONDS] [ROUNDS] [PROCESSES]`, `RUNTIME=node-24` for one
 * release.
 *
 * What V8 compiles and where it lies differs from process to process by more than what is measured: everything is repeated in PROCESSES
 * processes one after the other, and what counts is the median of them.
 *
 * Keep-alive: processor time of a request, all variants of a framework in one process in turns, as in `http-paired.ts`; the first quarter of
 * the turns is for the compilers. `Connection: close`: a process for each variant, because a process reads the SYN of every connection or of
 * none; all are warm before they are measured, and take turns of a second. Two ratios to the bare server of the same processes: of its
 * requests/s, with the load on another core, and of its processor time of a request, all threads. `two calls` is the floor: a server without
 * the library that makes two system calls for each connection. Load comes from wrk (Debian package `wrk`).
 * @module
 */
import type { NodeRelease } from '../lab/nodes.ts'
import type { TestServer } from '../lab/server.ts'
import { load, threadMicroseconds } from './load.ts'
import { chosenNodes, startOnNode } from './measured.ts'
import { median, ratio, report } from './pairs.ts'

const seconds = Number(process.argv[2] ?? 15)
const rounds = Number(process.argv[3] ?? 6)
const processes = Number(process.argv[4] ?? 5)
/** Seconds for the compilers, of each server whose connections end. */
const WARM_UP = 5
const SCRIPT = 'node-http-server.mjs'

/** Variant, what it is compared with, and what is wanted at least. */
const PAIRS: Readonly<Record<string, readonly (readonly [name: string, base: string, wanted?: string])[]>> = {
  http: [
    ['reads syn', 'bare', '0.97'],
    ['reads syn and tcpInfo', 'bare', '0.88'],
  ],
  express: [
    ['reads syn', 'bare', '0.97'],
    ['reads syn and tcpInfo', 'bare', '0.88'],
  ],
  hono: [
    ['reads syn', 'two variables', '0.95'],
    ['reads syn and tcpInfo', 'two variables', '0.88'],
    ['two variables', 'bare'],
    ['reads syn', 'bare'],
  ],
}

const urlOf = ({ port }: TestServer): string => `http://127.0.0.1:${port}/`
const CLOSE = ['Connection: close']

function compare(what: string, value: number, wanted?: string): void {
  console.log(`  ${what.padEnd(44)} ${value.toFixed(3)}${wanted === undefined ? '' : `  (at least ${wanted})`}`)
}

type Results = Map<string, number[]>

function append(to: Results, name: string, value: number): void {
  to.set(name, [...(to.get(name) ?? []), value])
}

/** Microseconds of processor time a request, by variant: of one process. */
async function keepAlive(
  node: NodeRelease,
  kind: string,
): Promise<readonly (readonly [name: string, median: number])[]> {
  await using server = await startOnNode(node, SCRIPT, kind)
  await load(urlOf(server), seconds)
  const answer = await fetch(`${urlOf(server)}figures`)
  const times = Object.entries((await answer.json()) as Record<string, number[]>)
  const turns = Math.min(...times.map(([, values]) => values.length))
  return times.map(([name, values]) => [name, median(values.slice(turns >> 2, turns))] as const)
}

/** `Connection: close` with a process for each variant: requests/s and microseconds of processor time a request, medians of the rounds. */
async function closing(
  node: NodeRelease,
  names: readonly string[],
): Promise<readonly [perSecond: Results, processor: Results]> {
  await using stack = new AsyncDisposableStack()
  const servers: { readonly name: string; readonly server: TestServer }[] = []
  for (const name of names) {
    const server = stack.use(await startOnNode(node, SCRIPT, 'http', name))
    await load(urlOf(server), WARM_UP, CLOSE)
    servers.push({ name, server })
  }
  const [perSecond, processor]: [Results, Results] = [new Map(), new Map()]
  for (let round = 0; round < rounds; round++) {
    // Each comes first, second and third as often.
    for (let i = 0; i < servers.length; i++) {
      const { name, server } = servers[(round + i) % servers.length]!
      const before = threadMicroseconds(server.pid)
      const counted = await load(urlOf(server), 1, CLOSE)
      append(processor, name, (threadMicroseconds(server.pid) - before) / counted.requests)
      append(perSecond, name, counted.perSecond)
    }
  }
  return [perSecond, processor]
}

async function compareClosing(node: NodeRelease): Promise<void> {
  const names = ['bare', 'two calls', 'reads syn']
  const [perSecond, processor]: [Results, Results] = [new Map(), new Map()]
  for (let i = 0; i < processes; i++) {
    // The variant whose process is the first differs.
    const order = names.map((_, at) => names[(i + at) % names.length]!)
    const [counted, used] = await closing(node, order)
    for (const name of names) {
      append(perSecond, name, median(counted.get(name)!))
      append(processor, name, median(used.get(name)!))
    }
  }
  report(`${node.name}, http: Connection: close, a process each`, 'requests/s', perSecond)
  report('  the same', 'µs of processor time', processor)
  for (const name of ['two calls', 'reads syn']) {
    compare(`${name} / bare, requests/s`, ratio(perSecond, name, 'bare'), name === 'reads syn' ? '0.93' : undefined)
    compare(`${name} / bare, processor time`, 1 / ratio(processor, name, 'bare'))
  }
}

for (const node of chosenNodes(process.env.RUNTIME ?? 'node')) {
  for (const [kind, pairs] of Object.entries(PAIRS)) {
    const medians: Results = new Map()
    for (let i = 0; i < processes; i++) {
      for (const [name, value] of await keepAlive(node, kind)) append(medians, name, value)
    }
    report(`${node.name}, ${kind}: keep-alive, a process each`, 'µs of processor time', medians)
    for (const [name, base, wanted] of pairs) compare(`${name} / ${base}`, 1 / ratio(medians, name, base), wanted)
  }
  await compareClosing(node)
}
