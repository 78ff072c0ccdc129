/**
 * Processor time of one request in each variant of the hello-world, all in one process: `bun test/bench/http-paired.ts [SECONDS]`.
 *
 * The variants take turns of a few thousand requests in an order drawn anew each round, under one unbroken load by wrk (Debian
 * package `wrk`). What the machine does besides falls on all alike, so that differences of a few hundredths can be told on one
 * where requests per second (`http.ts`) swing by a tenth. The first quarter of the rounds is for the compilers.
 * @module
 */
import { getConnInfo } from 'hono/bun'
import { fingerprint } from '../../src/bun.ts'
import { appOf, sink } from './http-apps.ts'
import { median, ratio, report } from './pairs.ts'

const seconds = Number(process.argv[2] ?? 60)
/** Requests in one turn. */
const TURN = 3000

const names = [
  'bare',
  'empty middleware',
  'getConnInfo',
  'getConnInfo in a middleware',
  'nothing of ours',
  'reads syn',
  'resolve read, unread',
  'handler() reads syn',
  'handler(), resolve read, unread',
]
const apps = names.map((name) => ({ name, fetch: appOf(name, { fingerprint, getConnInfo }).fetch }))
type Server = Bun.Server<undefined>

for (const hostname of ['127.0.0.1', '::']) {
  const results = new Map(names.map((name) => [name, [] as number[]]))
  let order = apps
  let turn = 0
  let left = TURN
  let before = process.cpuUsage()

  const next = (): void => {
    const { user, system } = process.cpuUsage(before)
    results.get(order[turn]!.name)!.push((user + system) / TURN)
    if (++turn === order.length) {
      turn = 0
      order = shuffled(apps)
    }
    // The request that ends a turn is the first of the next.
    left = TURN - 1
    before = process.cpuUsage()
  }

  const server = Bun.serve({
    port: 0,
    hostname,
    fetch(request: Request, server: Server) {
      if (left-- === 0) next()
      return order[turn]!.fetch(request, server)
    },
  })
  const wrk = Bun.spawn(['wrk', '-t1', '-c32', `-d${seconds}s`, `http://127.0.0.1:${server.port}/`], { stdout: 'pipe' })
  const text = await new Response(wrk.stdout).text()
  await server.stop(true)
  if (/Non-2xx/.test(text)) throw new Error(`wrk: ${text}`)

  const rounds = Math.min(...[...results.values()].map((values) => values.length))
  const warm = new Map([...results].map(([name, values]) => [name, values.slice(rounds >> 2, rounds)]))
  const medians = new Map([...warm].map(([name, values]) => [name, [median(values)]]))
  report(`bun: keep-alive, bound to ${hostname}, ${rounds - (rounds >> 2)} rounds`, 'µs of processor time', medians)
  for (const [name, base] of [
    ['reads syn', 'getConnInfo'],
    ['reads syn', 'getConnInfo in a middleware'],
    ['reads syn', 'nothing of ours'],
    ['reads syn', 'bare'],
    ['nothing of ours', 'getConnInfo'],
    ['nothing of ours', 'bare'],
    ['resolve read, unread', 'empty middleware'],
    ['handler() reads syn', 'getConnInfo'],
    ['handler() reads syn', 'bare'],
    ['handler(), resolve read, unread', 'empty middleware'],
    ['handler(), resolve read, unread', 'bare'],
  ] as const) {
    console.log(`  ${`${name} / ${base}`.padEnd(48)} ${(1 / ratio(warm, name, base)).toFixed(3)} as many requests`)
  }
}
if (sink < 0) console.log(sink)

function shuffled<T>(values: readonly T[]): T[] {
  return values
    .map((value) => ({ value, key: Math.random() }))
    .sort((a, b) => a.key - b.key)
    .map(({ value }) => value)
}
