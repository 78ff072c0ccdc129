/**
 * Clients with stacks of the laboratory against a server that records, and what the store must answer about them.
 * @module
 */
import { fingerprints, parseSyn } from '../../src/index.ts'
import { openStore } from '../../src/store/index.ts'
import type { SynFields } from '../lab/connect-options.ts'
import type { Netns } from '../lab/netns.ts'
import { NODES, type NodeRelease, startNode } from '../lab/nodes.ts'
import { linuxOptions, option, tcpOptions } from '../lab/packet.ts'
import { type Runtime, startServer } from '../lab/server.ts'
import { createTunPeer } from '../lab/tun-peer.ts'

/** Node 20 has no `node:sqlite`. */
export const NODES_WITH_SQLITE: readonly NodeRelease[] = NODES.filter(({ name }) => !name.startsWith('Node 20'))

const NOP = [1]
/** SYNs of six systems. */
const STACKS: readonly SynFields[] = [
  {},
  {
    ttl: 121,
    window: 64_240,
    options: tcpOptions(option.mss(1460), NOP, option.windowScale(8), NOP, NOP, option.sackPermitted()),
  },
  { ttl: 55, window: 65_535, options: linuxOptions(1400) },
  {
    ttl: 60,
    window: 65_535,
    options: tcpOptions(option.mss(1460), NOP, option.windowScale(6), option.sackPermitted(), option.timestamps(7, 0)),
  },
  { ttl: 120, window: 8192, options: tcpOptions(option.mss(1440), NOP, NOP, option.sackPermitted()) },
  { ttl: 250, window: 4128, options: tcpOptions(option.mss(536)) },
]
/** Addresses, clients behind each, stacks that each client comes with. */
const ADDRESSES = 20
const CLIENTS = 10
const STACKS_EACH = 3

/** How much, and where. */
export interface LiveOptions {
  readonly netns: Netns
  readonly runtime: Runtime | NodeRelease
  readonly url: string
  readonly connections: number
}

/** What the store must say of an address or account: connections by stack. */
type Counts = Map<string, Map<string, number>>

function count(counts: Counts, key: string, stack: string): void {
  const inner = counts.get(key) ?? new Map<string, number>()
  counts.set(key, inner.set(stack, (inner.get(stack) ?? 0) + 1))
}

/** Runs the clients and asks the three questions; gives every answer that is not exact. */
export async function runLive({ netns, runtime, url, connections }: LiveOptions): Promise<string[]> {
  const peer = createTunPeer(netns)
  const variables = { STORE: url, HOST: peer.ipv4 }
  const server =
    typeof runtime === 'string'
      ? await startServer(netns, 'test/engines/servers/recording.ts', variables, { runtime })
      : await startNode(runtime, netns, variables, { script: 'node-recording.mjs' })
  const byAddress: Counts = new Map()
  const byAccount: Counts = new Map()
  const accountsOf = new Map<string, Set<string>>()
  const destination = { address: peer.ipv4, port: server.port }
  try {
    let next = 0
    const client = async (): Promise<void> => {
      while (next < connections) {
        const i = next++
        const number = i % (ADDRESSES * CLIENTS)
        const address = `198.51.${100 + (number % 2)}.${10 + (number % ADDRESSES)}`
        const account = `client-${number}`
        const turn = Math.floor(i / (ADDRESSES * CLIENTS)) % STACKS_EACH
        const syn = STACKS[(number + turn) % STACKS.length]!
        const source = { address, port: 10_000 + (Math.floor(i / ADDRESSES) % 50_000) }
        const { connection, response } = await peer.exchange(
          { destination, source, syn },
          `GET /?account=${account} HTTP/1.1\r\nHost: x\r\n\r\n`,
        )
        if (response.status !== 200) throw new Error(`The server answered ${response.status}`)
        connection.rst()
        const stack = stackText(connection.savedSyn)
        count(byAddress, address, stack)
        count(byAccount, account, stack)
        const key = `${address} ${stack}`
        accountsOf.set(key, (accountsOf.get(key) ?? new Set()).add(account))
      }
    }
    await Promise.all(Array.from({ length: 16 }, client))
  } finally {
    // Flushed at SIGTERM.
    await server.stop('SIGTERM')
    peer.close()
  }
  return await compare(url, byAddress, byAccount, accountsOf, connections)
}

/** The p0f signature with the initial TTL, from the octets that were sent. */
function stackText(syn: Uint8Array): string {
  const { p0f } = fingerprints(parseSyn(syn))
  const [version, ttl, ...rest] = p0f.split(':')
  const [seen, hops] = ttl!.split('+').map(Number)
  return [version, seen! + hops!, ...rest].join(':')
}

async function compare(
  url: string,
  byAddress: Counts,
  byAccount: Counts,
  accountsOf: ReadonlyMap<string, ReadonlySet<string>>,
  connections: number,
): Promise<string[]> {
  const wrong: string[] = []
  const check = (what: string, found: unknown, expected: unknown): void => {
    const [a, b] = [JSON.stringify(found), JSON.stringify(expected)]
    if (a !== b) wrong.push(`${what}: ${a} in place of ${b}`)
  }
  const store = openStore({ url })
  const period = { days: 2 }
  for (const [address, stacks] of byAddress) {
    const rows = await store.hosts(address, period)
    check(address, rows.map((row) => [row.stack, row.connections]).sort(), [...stacks].sort())
    for (const row of rows)
      check(`${address} ${row.stack}`, row.accounts, [...accountsOf.get(`${address} ${row.stack}`)!].sort())
  }
  for (const [account, stacks] of byAccount) {
    const rows = await store.stacks(account, period)
    check(account, rows.map((row) => [row.stack, row.connections]).sort(), [...stacks].sort())
  }
  const labels = await store.labels(period)
  check(
    'labels',
    labels.reduce((sum, row) => sum + row.connections, 0),
    connections,
  )
  check('networks', Math.max(...labels.map((row) => row.networks)), 2)
  await store.close()
  return wrong
}
