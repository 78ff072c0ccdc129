/**
 * Processor time of one request in each variant of an app, all in one process under one unbroken load by wrk (Debian package `wrk`).
 *
 * The variants take turns of a few thousand requests in an order drawn anew each round. What the machine does besides falls on all
 * alike, so that differences of a few hundredths can be told on one where requests per second swing by a tenth. The first quarter of the
 * rounds is for the compilers.
 * @module
 */
import { load } from './load.ts'

/** Requests in one turn. */
const TURN = 3000

/** An app, as `Bun.serve` calls it. */
export interface TurnApp {
  readonly name: string
  fetch(request: Request, server: Bun.Server<undefined>): Response | Promise<Response>
}

/** Microseconds of each round by name, warm. Keep-alive, 32 clients that stay. */
export async function runTurns(
  apps: readonly TurnApp[],
  hostname: string,
  seconds: number,
): Promise<Map<string, number[]>> {
  const results = new Map(apps.map(({ name }) => [name, [] as number[]]))
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
    fetch(request: Request, server: Bun.Server<undefined>) {
      if (left-- === 0) next()
      return order[turn]!.fetch(request, server)
    },
  })
  await load(`http://127.0.0.1:${server.port}/`, seconds)
  await server.stop(true)
  const rounds = Math.min(...[...results.values()].map((values) => values.length))
  return new Map([...results].map(([name, values]) => [name, values.slice(rounds >> 2, rounds)]))
}

function shuffled<T>(values: readonly T[]): T[] {
  return values
    .map((value) => ({ value, key: Math.random() }))
    .sort((a, b) => a.key - b.key)
    .map(({ value }) => value)
}
