import { Hono } from 'hono'
import { type Fingerprint, type FingerprintVariables, fingerprint } from 'tcpfingerprint/bun'

/** Signs that the connection ends at somebody else's machine: a SOCKS proxy, a port forward, a tunnel. */
function signsOfRelay({ timing, label, connection }: Fingerprint): string[] {
  const signs: string[] = []
  const delay = timing.firstDataDelayMilliseconds
  const rtt = timing.handshakeRtt?.microseconds
  // A client that speaks for itself asks at once. Behind a proxy the request is still on its way when the handshake ends.
  // A browser that connected in advance is late too, by seconds: that is why there is an upper bound.
  if (connection?.request === 1 && delay !== undefined && rtt !== undefined) {
    if (delay > 20 + rtt / 1000 && delay < 1000) signs.push(`first data came ${delay} ms after the handshake`)
  }
  if (label?.link !== undefined && /tunnel|VPN|overlay/i.test(label.link)) signs.push(`link: ${label.link}`)
  return signs
}

const app = new Hono<{ Variables: FingerprintVariables }>()
app.use(fingerprint())
app.get('/', (c) => c.json({ signs: signsOfRelay(c.var.fingerprint) }))

const server = Bun.serve({ fetch: app.fetch }) // on PORT, or 3000
console.log(`listening on ${server.url}`)
