/**
 * `npm run bench -- packets [ROUNDS [SECONDS]]`: what SYNs from the wire cost. Exit code 1 where a bound is missed.
 *
 * 1. A SYN drained, on Bun, Deno, Node 24 and 26, by processor time: 2 µs at most (median of ten drains of 5,000).
 * 2. Keep-alive behind nginx, processor time of nginx and the application together: an app that reads its client's SYN and TCP_INFO
 *    with the option `packets` reaches 0.90 of the same chain without the option, which has TCP_INFO alone (`RUNTIME=deno` for Deno).
 *    Beside it the chain whose app reads the facts of the proxy's connection, and the one without fingerprints.
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
import { load, processorMicroseconds } from './load.ts'
import { machine, median, ratio, report, runPairs } from './pairs.ts'

const rounds = Number(process.argv[2] ?? 6)
const seconds = Number(process.argv[3] ?? 3)
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

/** Where each variant has the SYN from. */
const SOURCES: Readonly<Record<string, string>> = { fingerprint: 'kernel', address: 'header', packets: 'packet' }

async function chain(variant: string): Promise<number> {
  await using app = await startServer(server, 'test/bench/packets-server.ts', {}, { runtime, arguments: [variant] })
  const edge = await startEdge(server, 'nginx', app.port)
  try {
    const inClients = ['ip', 'netns', 'exec', clients.name]
    const url = `http://${ipv4[0]}:${EDGE_PORTS.plain}/`
    const source = clients.exec(['curl', '-s', `${url}source`]).stdout
    if (SOURCES[variant] !== undefined && source !== SOURCES[variant]) throw new Error(`${variant}: ${source}`)
    await load(url, 2, [], inClients)
    const used = (): number => processorMicroseconds(app.pid) + processorMicroseconds(edge.pid)
    const before = used()
    const { requests } = await load(url, seconds, [], inClients)
    return (used() - before) / requests
  } finally {
    await edge.stop()
  }
}

const chains = await runPairs(
  ['bare', 'fingerprint', 'address', 'packets'].map((name) => ({ name, measure: () => chain(name) })),
  rounds,
)
report(`keep-alive behind nginx, ${runtime}`, 'µs of processor time a request, nginx and application', chains)
const reached = 1 / ratio(chains, 'packets', 'address')
judge('packets against address', reached, reached >= LEAST_RATIO, `at least ${LEAST_RATIO}`)
for (const base of ['fingerprint', 'bare'])
  console.log(`  packets against ${base}: ${(1 / ratio(chains, 'packets', base)).toFixed(2)}`)
console.log(`  ${machine()}`)
process.exitCode = isMissed ? 1 : 0
