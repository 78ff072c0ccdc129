/**
 * What the first request of a connection costs beside many open connections: `bun test/bench/first-request.ts [ROUNDS]`.
 *
 * A server keeps N idle connections open that another process made; then short connections come one after another, and the
 * server times each call of `fromBun`. With churn, every twentieth short connection is followed by one long-lived connection closing
 * and another opening. Reported: mean and p99 in microseconds, and the ratios between 10,000 and 10 idle connections.
 * `RUNTIME=node-24` and the like measure Node, where accepting the connection is timed as well.
 * @module
 */
import { runtimeName, startMeasured } from './measured.ts'
import { median, ratio, report, runPairs, type Variant } from './pairs.ts'

const CONNECTIONS = 3000
const rounds = Number(process.argv[2] ?? 5)

interface Figures {
  readonly mean: number
  readonly p99: number
  readonly probes: number
}

async function lines(stream: ReadableStream<Uint8Array>): Promise<() => Promise<string>> {
  const reader = stream.getReader()
  const decoder = new TextDecoder()
  let text = ''
  return async () => {
    for (;;) {
      const end = text.indexOf('\n')
      if (end >= 0) {
        const line = text.slice(0, end)
        text = text.slice(end + 1)
        return line
      }
      const { value, done } = await reader.read()
      if (done) throw new Error('the process ended')
      text += decoder.decode(value, { stream: true })
    }
  }
}

async function measure(idle: number, churn: boolean): Promise<Figures> {
  const server = await startMeasured('first-request-server')
  const client = Bun.spawn([process.execPath, `${import.meta.dir}/first-request-client.ts`], {
    stdin: 'pipe',
    stdout: 'pipe',
    stderr: 'inherit',
  })
  try {
    const heard = await lines(client.stdout)
    client.stdin.write(`${server.port} ${idle} ${CONNECTIONS} ${churn ? 1 : 0}\n`)
    await client.stdin.flush()
    return JSON.parse(await heard()) as Figures
  } finally {
    client.kill()
    await Promise.all([client.exited, server.stop()])
  }
}

for (const churn of [false, true]) {
  const p99 = new Map<string, number[]>()
  const variants: Variant[] = [10, 1000, 10_000].map((idle) => ({
    name: `${idle} idle`,
    measure: async () => {
      const figures = await measure(idle, churn)
      const name = `${idle} idle`
      if (process.env.VERBOSE) console.log(name, JSON.stringify(figures))
      p99.set(name, [...(p99.get(name) ?? []), figures.p99])
      return figures.mean
    },
  }))
  const means = await runPairs(variants, rounds)
  report(
    `${runtimeName()}: first request of a connection${churn ? ', long-lived connections come and go' : ''}: mean`,
    'µs',
    means,
  )
  report('  p99', 'µs', p99)
  console.log(
    `  mean, 10,000 idle / 10 idle         ${ratio(means, '10000 idle', '10 idle').toFixed(3)}  (at most 1.2)`,
  )
  const above = median(p99.get('10000 idle')!) - median(p99.get('10 idle')!)
  console.log(`  p99, 10,000 idle - 10 idle          ${above.toFixed(1)} µs  (at most 500)`)
}
