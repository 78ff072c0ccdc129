/**
 * Requests on Node with and without the fingerprint: `npm run bench -- node-http [SECONDS] [ROUNDS]`, `RUNTIME=node-24` for one release.
 *
 * Keep-alive: processor time of a request, all variants of a framework in one process in turns, as in `http-paired.ts`; the first quarter of
 * the turns is for the compilers. `Connection: close`: variants in fresh processes by turns, because a process reads the SYN of every
 * connection or of none; requests/s, and the server's processor time. Load comes from wrk (Debian package `wrk`).
 * @module
 */
import type { TestServer } from '../lab/server.ts'
import { load, processorMicroseconds } from './load.ts'
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

const urlOf = ({ port }: TestServer): string => `http://127.0.0.1:${port}/`
const CLOSE = ['Connection: close']

function compare(what: string, value: number, wanted?: string): void {
  console.log(`  ${what.padEnd(44)} ${value.toFixed(3)}${wanted === undefined ? '' : `  (at least ${wanted})`}`)
}

for (const node of chosenNodes(process.env.RUNTIME ?? 'node')) {
  for (const [kind, pairs] of Object.entries(PAIRS)) {
    await using server = await startOnNode(node, SCRIPT, kind)
    await load(urlOf(server), seconds)
    const answer = await fetch(`${urlOf(server)}figures`)
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
      await load(urlOf(server), 2, CLOSE)
      const before = processorMicroseconds(server.pid)
      const { perSecond, requests } = await load(urlOf(server), 3, CLOSE)
      const spent = (processorMicroseconds(server.pid) - before) / requests
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
