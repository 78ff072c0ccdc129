/**
 * Clients of many addresses in a network namespace, each with an MSS, TTL and window of its own by its route, and the count of what a
 * server behind a proxy says of them.
 * @module
 */
import { writeFileSync } from 'node:fs'
import { createNetns, createVethPair, type Netns } from '../lab/netns.ts'
import { program } from '../lab/privilege.ts'
import { ROOT } from '../lab/server.ts'
import { temporaryDirectory } from '../support/temporary.ts'

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

/** Makes the network with so many clients of each family, 200 at most; their packets take `delay` milliseconds to the server. */
export function createClientNetwork(count: number, delay: number = 0): ClientNetwork {
  const server = createNetns()
  const clients = createNetns()
  const { ipv4, ipv6 } = createVethPair(server, clients)
  const device = /^\d+: (veth\w+)/m.exec(clients.ip('-o', 'link', 'show', 'type', 'veth'))![1]!
  const network4 = ipv4[0].replace(/\.\d+$/, '')
  const network6 = ipv6[0].replace(/::1$/, '')
  const of = { 4: [] as ClientAddress[], 6: [] as ClientAddress[] }
  // Of a few addresses many connections would come from one port again, as those of no real clients do.
  clients.exec(['sysctl', '-qw', 'net.ipv4.ip_local_port_range=1024 65535'])
  for (const family of [4, 6] as const) {
    const lines: string[] = []
    const prefix = family === 4 ? network4 : network6
    const network = family === 4 ? `${prefix}.0/24` : `${prefix}::/64`
    for (let i = 0; i < count; i++) {
      const address = family === 4 ? `${prefix}.${10 + i}` : `${prefix}::${(0x100 + i).toString(16)}`
      const one = { address, mss: 1200 + i, ttl: 30 + i, window: 20_000 + 100 * i }
      const table = (family === 4 ? 1000 : 2000) + i
      const shape = `advmss ${one.mss} hoplimit ${one.ttl} window ${one.window}`
      lines.push(
        `addr add ${address}/${family === 4 ? 24 : 64} dev ${device}${family === 6 ? ' nodad' : ''}`,
        `route add ${network} dev ${device} table ${table} ${shape}`,
        `rule add from ${address} table ${table}`,
      )
      of[family].push(one)
    }
    const batch = temporaryDirectory()
    writeFileSync(batch.file('commands'), lines.join('\n'))
    clients.ip(`-${family}`, '-batch', batch.file('commands'))
    batch.remove()
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

/** What a server said of connections that come one after the other from one port, by the SYN of each. */
export interface ReconnectCount {
  readonly right: number
  readonly wrong: number
  readonly none: number
}

/** Opens so many connections to the proxy from one port, as fast as they go; `application` is the port of the application behind it. */
export async function runReconnects(
  network: ClientNetwork,
  family: 4 | 6,
  port: number,
  count: number,
  application: number,
): Promise<ReconnectCount> {
  const host = network.addresses[family === 4 ? 0 : 1]
  const own = network.of[family][0]!.address
  const child = network.clients.spawn(
    [program('python3'), 'test/proxy/servers/reconnect.py', own, host, String(port), String(count)],
    {},
    ROOT,
  )
  const errors = await new Response(child.stderr).text()
  if ((await child.exited) !== 0) throw new Error(`Cannot reconnect: ${errors}`)
  const { stdout } = network.server.exec(['curl', '-s', `http://127.0.0.1:${application}/verdicts`])
  return JSON.parse(stdout) as ReconnectCount
}
