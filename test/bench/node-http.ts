/**
 * Requests on Node with and without the fingerprint: `npm run bench -- node-http [SECONDS] [ROUNDS]`, `RUNTIME=node-24` for one release.
 *
 * Keep-alive: processor time of a request, all variants of a framework in one process in turns, as in `http-paired.ts`; the first quarter of
 * the turns is for the compilers. `Connection: close`: variants in fresh processes by turns, because a process reads the SYN of every
 * connection or of none; requests/s, and the server's processor time. Load comes from wrk (Debian package `wrk`).
 * @module
 */
import { readFileSync } from 'node:fs'
import type { TestServer } from '../lab/server.ts'
import { chosenNodes, startOnNode } from './measured.ts'
import { median, ratio, report, runPairs } from './pairs.ts'

const seconds = Number(process.argv[2] ?? 20)
const rounds = Number(process.argv[3] ?? 7)
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

/** Runs wrk against a server; requests per second. */
async function load({ port }: TestServer, duration: number, ...fields: string[]): Promise<number> {
  const headers = fields.flatMap((field) => ['-H', field])
  const argv = ['wrk', '-t1', '-c32', `-d${duration}s`, ...headers, `http://127.0.0.1:${port}/`]
  const text = await new Response(Bun.spawn(argv, { stdout: 'pipe' }).stdout).text()
  const found = /Requests\/sec:\s*([\d.]+)/.exec(text)
  if (found === null || /Non-2xx/.test(text)) throw new Error(`wrk: ${text}`)
  return Number(found[1])
}

/** Processor time that a process has taken, microseconds. */
function processorOf(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]!.split(' ')
  // utime and stime, ticks of 10 ms.
  return (Number(fields[11]) + Number(fields[12])) * 10_000
}

function compare(what: string, value: number, wanted?: string): void {
  console.log(`  ${what.padEnd(44)} ${value.toFixed(3)}${wanted === undefined ? '' : `  (at least ${wanted})`}`)
}

for (const node of chosenNodes(process.env.RUNTIME ?? 'node')) {
  for (const [kind, pairs] of Object.entries(PAIRS)) {
    await using server = await startOnNode(node, SCRIPT, kind)
    await load(server, seconds)
    const answer = await fetch(`http://127.0.0.1:${server.port}/figures`)
    const times = Object.entries((await answer.json()) as Record<string, number[]>)
    const turns = Math.min(...times.map(([, values]) => values.length))
    const warm = new Map(times.map(([name, values]) => [name, values.slice(turns >> 2, turns)]))
    const medians = new Map([...warm].map(([name, values]) => [name, [median(values)]]))
    report(`${node.name}, ${kind}: keep-alive, ${turns - (turns >> 2)} turns`, 'µs of processor time', medians)
    for (const [name, base, wanted] of pairs) compare(`${name} / ${base}`, 1 / ratio(warm, name, base), wanted)
  }
  const processor = new Map<string, number[]>()
  const variants = ['bare', 'reads syn'].map((name) => ({
    name,
    measure: async () => {
      await using server = await startOnNode(node, SCRIPT, 'http', name)
      await load(server, 2, 'Connection: close')
      const before = processorOf(server.pid)
      const perSecond = await load(server, 3, 'Connection: close')
      const spent = (processorOf(server.pid) - before) / (perSecond * 3)
      processor.set(name, [...(processor.get(name) ?? []), spent])
      return perSecond
    },
  }))
  const perSecond = await runPairs(variants, rounds)
  report(`${node.name}, http: Connection: close`, 'requests/s', perSecond)
  report('  the same', 'µs of processor time', processor)
  compare('reads syn / bare, requests/s', ratio(perSecond, 'reads syn', 'bare'), '0.93')
  compare('reads syn / bare, processor time', 1 / ratio(processor, 'reads syn', 'bare'))
}
