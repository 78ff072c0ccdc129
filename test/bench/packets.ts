/**
 * `npm run bench -- packets [SECONDS]`: what SYNs from the wire cost. Exit code 1 where a bound is missed.
 *
 * 1. A SYN drained, on Bun, Deno, Node 24 and 26, by processor time: 2 µs at most (median of ten drains of 5,000).
 * 2. Keep-alive behind nginx, requests per second of one app whose variants take turns under one load: one that reads its client's SYN
 *    and TCP_INFO with the option `packets` reaches 0.90 of the same app without the option, which has a trusted header alone
 *    (`RUNTIME=deno` for Deno). Beside it those that `packets-turns-server.ts` names, and processor time.
 *
 * Needs root, nginx and wrk. `PART=drain` or `PART=chain` for one of the two.
 * @module
 */
import { join } from 'node:path'
import { syn } from '../lab/linux-syn.ts'
import { createNetns, createVethPair } from '../lab/netns.ts'
import { NODES } from '../lab/nodes.ts'
import { ROOT, type Runtime, runtimePath, startServer } from '../lab/server.ts'
import { createTunPeer } from '../lab/tun-peer.ts'
import { EDGE_PORTS, startEdge } from '../proxy/edge-proxies.ts'
import { load } from './load.ts'
import { machine, median, report } from './pairs.ts'

const seconds = Number(process.argv[2] ?? 40)
const MOST_MICROSECONDS = 2
const LEAST_RATIO = 0.9
const SYNS = 5000
const DRAINS = 10
let isMissed = false

function judge(what: string, value: number, isMet: boolean, bound: string): void {
  isMissed ||= !isMet
  console.log(`  ${what}: ${value.toFixed(2)} (${bound})${isMet ? '' : ' MISSED'}`)
}

/** Processor microseconds of each SYN, for each drain. */
async function drains(argv: readonly string[]): Promise<number[]> {
  await using ns = createNetns()
  const peer = createTunPeer(ns)
  const child = Bun.spawn(['ip', 'netns', 'exec', ns.name, ...argv], {
    cwd: ROOT,
    stdin: 'pipe',
    stdout: 'pipe',
    stderr: 'inherit',
  })
  const reader = child.stdout.getReader()
  const line = async (): Promise<string> => new TextDecoder().decode((await reader.read()).value)
  try {
    await line()
    const found: number[] = []
    for (let round = 0; round <= DRAINS; round++) {
      for (let i = 0; i < SYNS; i++) {
        const source = { address: `10.99.${round}.${i >> 8}`, port: 1024 + (i & 255) }
        peer.inject(syn({ source, destination: { address: peer.ipv4, port: 80 }, sequence: i }).bytes)
      }
      child.stdin.write('\n')
      child.stdin.flush()
      const [came, micros, , dropped] = (await line()).split(' ').map(Number)
      if (dropped! > 0) throw new Error(`the kernel dropped ${dropped} SYNs`)
      // The first is for the compiler; of others the timer may have taken some.
      if (round > 0 && came! > SYNS / 2) found.push(micros! / came!)
    }
    return found
  } finally {
    child.kill('SIGKILL')
    await child.exited
  }
}

const script = join(import.meta.dir, 'packets-drain-server.ts')
const PROGRAMS: Readonly<Record<string, readonly string[]>> = {
  Bun: [runtimePath('bun'), script],
  Deno: [runtimePath('deno'), 'run', '-A', '--no-lock', script],
  // Types are stripped since Node 22.18.
  ...Object.fromEntries(NODES.slice(1).map(({ name, path }) => [name, [path, script]])),
}
const { PART: part } = process.env
const drained = new Map<string, number[]>()
for (const [name, argv] of part === 'chain' ? [] : Object.entries(PROGRAMS)) drained.set(name, await drains(argv))
if (part !== 'chain') report('a SYN drained', 'µs of processor time', drained)
for (const [name, values] of drained) {
  const value = median(values)
  judge(name, value, value <= MOST_MICROSECONDS, `at most ${MOST_MICROSECONDS}`)
}

if (part === 'drain') process.exit(isMissed ? 1 : 0)
await using server = createNetns()
await using clients = createNetns()
const { ipv4 } = createVethPair(server, clients)
const runtime = (process.env.RUNTIME ?? 'bun') as Runtime

/** Where each variant has facts from. */
const SOURCES: Readonly<Record<string, string>> = {
  fingerprint: 'kernel',
  header: 'none',
  unread: 'packet',
  packets: 'packet',
}
const VARIANTS = ['bare', 'native', 'fingerprint', 'header', 'unread', 'packets']
type Taken = Readonly<Record<'app' | 'proxy' | 'elapsed', readonly number[]>>

await using app = await startServer(server, 'test/bench/packets-turns-server.ts', {}, { runtime, arguments: VARIANTS })
const edge = await startEdge(server, 'nginx', app.port)
const url = `http://${ipv4[0]}:${EDGE_PORTS.plain}/`
const post = (path: string): string => clients.exec(['curl', '-s', '-X', 'POST', `${url}${path}`]).stdout
for (const [name, source] of Object.entries(SOURCES)) {
  const found = post(`source?of=${name}`)
  if (found !== source) throw new Error(`${name}: ${found}`)
}
post(`start?proxy=${edge.pid}`)
await load(url, seconds, [], ['ip', 'netns', 'exec', clients.name])
const taken = JSON.parse(post('results')) as Record<string, Taken>
await edge.stop()

// The first quarter is for the compilers.
const turns = Math.min(...Object.values(taken).map(({ elapsed }) => elapsed.length))
const warm = (what: keyof Taken, name: string): number => median(taken[name]![what].slice(turns >> 2, turns))
console.log(`\nkeep-alive behind nginx, ${runtime}, µs a request (medians of ${turns - (turns >> 2)} turns)`)
for (const name of VARIANTS) {
  const [elapsed, ofApp, ofProxy] = (['elapsed', 'app', 'proxy'] as const).map((what) => warm(what, name).toFixed(1))
  console.log(`  ${name.padEnd(12)} elapsed ${elapsed}   processor: application ${ofApp}, nginx ${ofProxy}`)
}
const perSecond = (base: string): number => warm('elapsed', base) / warm('elapsed', 'packets')
const processor = (name: string): number => warm('app', name) + warm('proxy', name)
judge(
  'packets against header, requests/s',
  perSecond('header'),
  perSecond('header') >= LEAST_RATIO,
  `at least ${LEAST_RATIO}`,
)
for (const base of VARIANTS.slice(0, -1)) {
  const ofTime = (processor(base) / processor('packets')).toFixed(2)
  console.log(`  packets against ${base}: ${perSecond(base).toFixed(2)} of requests/s, ${ofTime} by processor time`)
}
console.log(`  ${machine()}`)
process.exitCode = isMissed ? 1 : 0
