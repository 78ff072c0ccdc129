/**
 * Clients of many addresses in a network namespace, each with an MSS, TTL and window of its own by its route, and the count of what a
 * server behind a proxy says of them.
 * @module
 */
import { createNetns, createVethPair, type Netns } from '../lab/netns.ts'
import { ROOT } from '../lab/server.ts'

/** A client's address and what its SYNs look like. */
export interface ClientAddress {
  readonly address: string
  readonly mss: number
  readonly ttl: number
  readonly window: number
}

/** Two namespaces with a cable between them. */
export interface ClientNetwork {
  readonly server: Netns
  readonly clients: Netns
  /** Addresses of the server, IPv4 and IPv6. */
  readonly addresses: readonly [ipv4: string, ipv6: string]
  readonly of: { readonly 4: readonly ClientAddress[]; readonly 6: readonly ClientAddress[] }
  [Symbol.asyncDispose](): Promise<void>
}

/** Makes the network with so many clients of each family; their packets take `delay` milliseconds to the server. */
export function createClientNetwork(count: number, delay: number = 0): ClientNetwork {
  const server = createNetns()
  const clients = createNetns()
  const { ipv4, ipv6 } = createVethPair(server, clients)
  const device = /^\d+: (veth\w+)/m.exec(clients.ip('-o', 'link', 'show', 'type', 'veth'))![1]!
  const network4 = ipv4[0].replace(/\.\d+$/, '')
  const network6 = ipv6[0].replace(/::1$/, '')
  const of = { 4: [] as ClientAddress[], 6: [] as ClientAddress[] }
  for (let i = 0; i < count; i++) {
    for (const family of [4, 6] as const) {
      const address = family === 4 ? `${network4}.${10 + i}` : `${network6}::${(0x100 + i).toString(16)}`
      const one = { address, mss: 1200 + i, ttl: 30 + i, window: 20_000 + 100 * i }
      const table = String((family === 4 ? 1000 : 2000) + i)
      const flag = `-${family}`
      const network = family === 4 ? `${network4}.0/24` : `${network6}::/64`
      clients.ip(
        flag,
        'addr',
        'add',
        family === 4 ? `${address}/24` : `${address}/64`,
        'dev',
        device,
        ...(family === 6 ? ['nodad'] : []),
      )
      const shape = ['advmss', String(one.mss), 'hoplimit', String(one.ttl), 'window', String(one.window)]
      clients.ip(flag, 'route', 'add', network, 'dev', device, 'table', table, ...shape)
      clients.ip(flag, 'rule', 'add', 'from', address, 'table', table)
      of[family].push(one)
    }
  }
  if (delay > 0) {
    const set = clients.exec([
      'tc',
      'qdisc',
      'add',
      'dev',
      device,
      'root',
      'netem',
      'delay',
      `${delay}ms`,
      'limit',
      '100000',
    ])
    if (set.exitCode !== 0) throw new Error(`Cannot delay packets: ${set.stderr}`)
  }
  return {
    server,
    clients,
    addresses: [ipv4[0], ipv6[0]],
    of,
    async [Symbol.asyncDispose]() {
      await clients.close()
      await server.close()
    },
  }
}

/** What is asked, and how. */
export interface Load {
  readonly clients: readonly ClientAddress[]
  readonly host: string
  readonly port: number
  readonly requests: number
  /** Connections at a time. */
  readonly concurrency: number
  /** Requests of a connection. */
  readonly perConnection: number
  readonly protocol: 'http' | 'https' | 'h2'
}

/** What the server said of the requests. */
export interface LoadCount {
  readonly right: number
  readonly wrong: number
  readonly ambiguous: number
  readonly missing: number
  /** The first answers that were not right. */
  readonly examples: readonly object[]
  /** Milliseconds, sorted: RTTs of the clients and of the hops. */
  readonly rtts: readonly number[]
  readonly hops: readonly number[]
  readonly seconds: number
}

/** Sends the requests out of the namespace of the clients. */
export async function runLoad(network: ClientNetwork, load: Load): Promise<LoadCount> {
  const child = network.clients.spawn(
    [process.execPath, 'test/proxy/servers/load-client.ts', JSON.stringify(load)],
    {},
    ROOT,
  )
  const [text, errors] = await Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text()])
  await child.exited
  if (child.exitCode !== 0) throw new Error(`Cannot run clients: ${errors}`)
  return JSON.parse(text) as LoadCount
}
