/**
 * A million connections in a row: `bun test/bench/soak.ts [CONNECTIONS]`. Memory must be flat, and afterwards no descriptor, watch
 * or map entry may be left. Load comes from wrk (Debian package `wrk`) with `Connection: close`. Exits 1 where something stayed.
 * `RUNTIME=node-24` and the like measure Node.
 * @module
 */
import { runtimeName, startMeasured } from './measured.ts'
import { machine } from './pairs.ts'

const wanted = Number(process.argv[2] ?? 1_000_000)
const server = await startMeasured('soak-server', 'fingerprint')
const url = `http://127.0.0.1:${server.port}/`

interface State {
  readonly rss: number
  readonly heap: number
  readonly descriptors: number
  readonly status: { connections: number; sockets: number; watches: number; requests: { ok: number } }
}
const state = async (): Promise<State> => {
  for (let attempt = 0; ; attempt++) {
    try {
      return (await (await fetch(`${url}state`, { headers: { connection: 'close' } })).json()) as State
    } catch (error) {
      // All ports are in TIME-WAIT, for a minute.
      if (attempt === 90) throw error
      await Bun.sleep(1000)
    }
  }
}
const show = (what: string, { rss, heap, descriptors, status }: State): void => {
  const mib = (octets: number): string => `${(octets / 1048576).toFixed(1)} MiB`
  console.log(
    `${what.padEnd(22)} resident ${mib(rss)}, heap ${mib(heap)}, ${descriptors} descriptors, ${status.connections} connections, ${status.sockets} sockets, ${status.watches} watches`,
  )
}

try {
  console.log(`${runtimeName()}; ${machine()}`)
  const first = await state()
  show('before', first)
  let now = first
  for (let i = 0; now.status.requests.ok < wanted && i < 100; i++) {
    const wrk = Bun.spawn(['wrk', '-t1', '-c64', '-d10s', '-H', 'Connection: close', url], { stdout: 'ignore' })
    await wrk.exited
    now = await state()
    show(`${now.status.requests.ok} connections`, now)
  }
  await Bun.sleep(5000)
  const last = await state()
  show('5 s later', last)
  // The connection that asks for the state is itself open; inotify and epoll are opened once.
  const left =
    last.status.connections > 1 ||
    last.status.sockets > 2 ||
    last.status.watches > 1 ||
    last.descriptors > first.descriptors + 3
  console.log(left ? 'something stayed' : 'nothing stayed')
  process.exitCode = left ? 1 : 0
} finally {
  await server.stop()
}
