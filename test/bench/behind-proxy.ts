/**
 * `npm run bench -- behind-proxy`: requests of many clients through nginx, HAProxy, Apache and Caddy, each compared with what its client
 * sent: right, wrong, ambiguous, missing; then connections one after the other from one port. Exit code 1 where one is wrong or missing,
 * or more than 1 in 1,000 of a proxy's ambiguous. Needs root and the programs. Variables: `RUNTIME` (bun, deno, node-20, node-24,
 * node-26), `REQUESTS` for each proxy (20,000), `PROXY` for one of them.
 * @module
 */
import { EDGE_PORTS, PROXIES, type ProxyName, startEdge } from '../proxy/edge-proxies.ts'
import { createClientNetwork, runLoad, runReconnects } from '../proxy/many-clients.ts'
import { startBehindProxy } from './measured.ts'

const { RUNTIME: runtime = 'bun' } = process.env
const requests = Number(process.env.REQUESTS ?? 20_000)
const proxies = process.env.PROXY === undefined ? PROXIES : [process.env.PROXY as ProxyName]
const KINDS = [
  [4, 'http'],
  [6, 'http'],
  [4, 'https'],
  [6, 'h2'],
] as const

await using network = createClientNetwork(200)
await using server = await startBehindProxy(network.server)
console.log('proxy'.padEnd(9), 'client'.padEnd(8), 'right  wrong  ambiguous  missing  requests/s')
let isMissed = false
for (const name of proxies) {
  let ambiguous = 0
  const edge = await startEdge(network.server, name, server.port)
  for (const [family, protocol] of KINDS) {
    const got = await runLoad(network, {
      clients: network.of[family],
      host: network.addresses[family === 4 ? 0 : 1],
      port: EDGE_PORTS[protocol === 'http' ? 'plain' : 'tls'],
      requests: requests / KINDS.length,
      concurrency: 16,
      perConnection: 10,
      protocol,
    })
    const rate = Math.round(requests / KINDS.length / got.seconds)
    console.log(
      name.padEnd(9),
      `${protocol}/${family}`.padEnd(8),
      String(got.right).padEnd(6),
      String(got.wrong).padEnd(6),
      String(got.ambiguous).padEnd(10),
      String(got.missing).padEnd(8),
      rate,
    )
    for (const example of got.examples.slice(0, 1)) console.log(JSON.stringify(example).slice(0, 1000))
    ambiguous += got.ambiguous
    isMissed ||= got.wrong > 0 || got.missing > 0
  }
  isMissed ||= ambiguous > requests / 1000
  if (runtime === 'bun' || runtime === 'deno') {
    const { right, wrong, none } = await runReconnects(network, 4, EDGE_PORTS.plain, requests / 10, server.port)
    console.log(name.padEnd(9), `one port: right ${right}, wrong ${wrong}, without SYN ${none}`)
    isMissed ||= wrong > 0
  }
  await edge.stop()
}
if (server.stderr() !== '') console.log(server.stderr())
process.exitCode = isMissed ? 1 : 0
