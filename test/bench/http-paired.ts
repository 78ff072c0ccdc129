/**
 * Processor time of one request in each variant of the hello-world, all in one process: `[ONLY=TCP_INFO] bun test/bench/http-paired.ts [SECONDS]`.
 *
 * How the variants take turns: `turns.ts`.
 * @module
 */
import { getConnInfo } from 'hono/bun'
import { fingerprint } from '../../src/bun.ts'
import { appOf, sink } from './http-apps.ts'
import { median, ratio, report } from './pairs.ts'
import { runTurns, type TurnApp } from './turns.ts'

const seconds = Number(process.argv[2] ?? 60)
/** `ONLY`: a part of the names of those to compare. */
const only = process.env.ONLY ?? ''
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
  'handler() reads TCP_INFO',
  'handler() reads TCP_INFO and delivery',
].filter((name) => name.includes(only))
const apps: TurnApp[] = names.map((name) => ({ name, fetch: appOf(name, { fingerprint, getConnInfo }).fetch }))
for (const hostname of ['127.0.0.1', '::']) {
  const warm = await runTurns(apps, hostname, seconds)
  const rounds = Math.min(...[...warm.values()].map((values) => values.length))
  const medians = new Map([...warm].map(([name, values]) => [name, [median(values)]]))
  report(`bun: keep-alive, bound to ${hostname}, ${rounds} rounds`, 'µs of processor time', medians)
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
    ['handler() reads TCP_INFO and delivery', 'handler() reads TCP_INFO'],
    ['handler(), resolve read, unread', 'empty middleware'],
    ['handler(), resolve read, unread', 'bare'],
  ] as const) {
    if (!warm.has(name) || !warm.has(base)) continue
    console.log(`  ${`${name} / ${base}`.padEnd(48)} ${(1 / ratio(warm, name, base)).toFixed(3)} as many requests`)
  }
}
if (sink < 0) console.log(sink)
