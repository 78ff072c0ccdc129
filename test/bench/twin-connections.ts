#!/usr/bin/env bun
/**
 * Twin connections: a client that is connected from one port to two addresses of a server, has half a request sent on one connection
 * and asks over the other. Nothing but that connection's SYN, or `ambiguous`, is a right answer. An ordinary client asks in turn.
 *
 * `bun test/bench/twin-connections.ts [--runtime bun|deno] [--tries 1000] [--scene NAME]`. Scenes: `idle`; `churn` (connections that come
 * and go, `--rate` a second); `opened` (just after `--open` connections came); `peak` (after a peak of `--open`, of which the last
 * stays). `--no-watches`: with no inotify watch left for the server's user. Prints a line of JSON; fails where an answer was wrong.
 * One run after the other needs a network namespace for each, because ports that were used wait for a minute:
 * `unshare -n sh -c 'ip link set lo up; bun test/bench/twin-connections.ts --scene churn'`.
 * @module
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { connectKernel, type KernelConnection } from '../lab/raw-client.ts'
import { startJsonServer } from '../lab/runtimes.ts'

/** What was answered to whom. */
export interface TwinResult {
  tries: number
  /** Requests of the second connection of a pair: another SYN than its own. */
  wrong: number
  ambiguous: number
  right: number
  /** Requests of ordinary clients. */
  ordinary: number
  ordinaryAmbiguous: number
  ordinaryWrong: number
}

export interface TwinOptions {
  readonly port: number
  readonly tries: number
  readonly scene: 'idle' | 'churn' | 'opened' | 'peak'
  /** Connections a second that come and go, for `churn`. */
  readonly rate: number
  /** Connections that come at first, for `opened` and `peak`. */
  readonly open: number
  readonly seed?: number
}

interface Answer {
  readonly syn?: { readonly tcp: { readonly mss: number } }
  readonly reason?: string
}

const HALF = 'GET /json HTTP/1.1\r\n'
const REST = 'Host: x\r\n\r\n'

/** Asks and tallies; the server must be bound to 0.0.0.0 or `::`. */
export async function runTwins({ port, tries, scene, rate, open }: TwinOptions): Promise<TwinResult> {
  const result = { tries, wrong: 0, ambiguous: 0, right: 0, ordinary: 0, ordinaryAmbiguous: 0, ordinaryWrong: 0 }
  const connect = (address: string, mss: number, from = 0): Promise<KernelConnection> =>
    connectKernel({ destination: { address, port }, source: { address: '127.0.0.1', port: from }, mss })
  const ask = async (client: KernelConnection): Promise<Answer> => (await client.request(HALF + REST)).json<Answer>()
  const held: { end(): unknown; terminate?(): unknown }[] = []
  const hold = async (count: number): Promise<void> => {
    for (let left = count; left > 0; left -= 200) {
      const batch = Array.from({ length: Math.min(200, left) }, () =>
        Bun.connect({ hostname: '127.0.0.1', port, socket: { data() {} } }),
      )
      held.push(...(await Promise.all(batch)))
    }
  }
  const first = await connect('127.0.0.1', 999)
  await ask(first)
  first.close()
  let isOver = false
  let churn: Promise<void> | undefined
  if (scene === 'opened' || scene === 'peak') await hold(open)
  if (scene === 'peak') {
    // The server has met them by now; all but the last go.
    await Bun.sleep(3000)
    for (const one of held.splice(0, held.length - 1)) one.end()
    await Bun.sleep(3000)
  }
  if (scene === 'churn') {
    churn = (async () => {
      const alive: { end(): unknown }[] = []
      const start = performance.now()
      for (let made = 0; !isOver; ) {
        const due = Math.floor(((performance.now() - start) * rate) / 1000)
        while (made < due) {
          made++
          void Bun.connect({ hostname: '127.0.0.1', port, socket: { data() {} } }).then(
            (socket) => alive.push(socket),
            () => {},
          )
          // Some 100 ms each.
          if (alive.length > rate / 10) alive.shift()!.end()
        }
        await Bun.sleep(1)
      }
      for (const one of alive) one.end()
    })()
    await Bun.sleep(500)
  }
  for (let i = 0; i < tries; i++) {
    const from = 20_000 + (i % 9000)
    let one: KernelConnection | undefined
    let two: KernelConnection | undefined
    try {
      one = await connect('127.0.0.1', 1001, from)
      // Some have asked before.
      if (i % 3 === 1) await ask(one)
      one.send(HALF)
      two = await connect('127.0.0.2', 1002, from)
      const answer = await ask(two)
      if (answer.syn?.tcp.mss === 1002) result.right++
      else if (answer.syn === undefined) result.ambiguous++
      else result.wrong++
    } catch (error) {
      // The port may be taken by another connection of this machine.
      if (!/EADDR|in use/.test(String(error))) throw error
      result.tries--
    }
    one?.reset()
    two?.reset()
    const ordinary = await connect('127.0.0.1', 1003)
    for (let asked = 0; asked < 2; asked++) {
      const answer = await ask(ordinary)
      result.ordinary++
      if (answer.syn === undefined) result.ordinaryAmbiguous++
      else if (answer.syn.tcp.mss !== 1003) result.ordinaryWrong++
    }
    ordinary.close()
  }
  isOver = true
  await churn
  for (const one of held) one.end()
  return result
}

const WATCHES = '/proc/sys/fs/inotify/max_user_watches'

if (import.meta.main) {
  const { values } = parseArgs({
    options: {
      runtime: { type: 'string', default: 'bun' },
      host: { type: 'string', default: '0.0.0.0' },
      tries: { type: 'string', default: '1000' },
      scene: { type: 'string', default: 'idle' },
      rate: { type: 'string', default: '600' },
      open: { type: 'string', default: '1500' },
      'no-watches': { type: 'boolean', default: false },
    },
  })
  const before = readFileSync(WATCHES, 'utf8')
  if (values['no-watches']) writeFileSync(WATCHES, '0')
  const server = await startJsonServer(values.runtime as 'bun' | 'deno', undefined, {
    HOSTNAME_TO_BIND: values.host,
    FACE: 'plain',
  })
  try {
    const result = await runTwins({
      port: server.port,
      tries: Number(values.tries),
      scene: values.scene as TwinOptions['scene'],
      rate: Number(values.rate),
      open: Number(values.open),
    })
    console.log(JSON.stringify({ ...values, ...result }))
    process.exitCode = result.wrong + result.ordinaryWrong === 0 ? 0 : 1
  } finally {
    if (values['no-watches']) writeFileSync(WATCHES, before)
    await server.stop()
  }
}
