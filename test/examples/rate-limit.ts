import { Hono } from 'hono'
import { type FingerprintVariables, fingerprint } from 'tcpfingerprint/bun'

const LIMIT = 5
const WINDOW = 60_000
const hits = new Map<string, { count: number; until: number }>()

/** Counts a request; false where its key has had its share of this minute. */
function take(key: string, now = Date.now()): boolean {
  let entry = hits.get(key)
  if (entry === undefined || entry.until <= now) {
    if (hits.size >= 10_000) hits.delete(hits.keys().next().value!) // the oldest
    entry = { count: 0, until: now + WINDOW }
    hits.set(key, entry)
  }
  entry.count += 1
  return entry.count <= LIMIT
}

const app = new Hono<{ Variables: FingerprintVariables }>()
// Behind a proxy: its address in PROXY, and the client is who it names last in X-Forwarded-For.
const { PROXY } = process.env
app.use(
  fingerprint(
    PROXY === undefined ? {} : { trustedHeader: { kind: 'address', header: 'X-Forwarded-For', from: [PROXY] } },
  ),
)
app.use(async (c, next) => {
  const { peer, fingerprints } = c.var.fingerprint
  if (!take(`${peer?.address} ${fingerprints?.muonfp ?? ''}`)) return c.text('Too many requests\n', 429)
  return await next()
})
app.get('/', (c) => c.text('welcome\n'))

const server = Bun.serve({ fetch: app.fetch }) // on PORT, or 3000
console.log(`listening on ${server.url}`)
