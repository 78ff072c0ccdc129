import { Hono } from 'hono'
import { Kafka } from 'kafkajs'
import { fingerprint } from 'tcpfingerprint/bun'
import { openStore } from 'tcpfingerprint/store'

const brokers = (process.env.KAFKA ?? '127.0.0.1:9092').split(',')
const producer = new Kafka({ clientId: 'web', brokers }).producer()
await producer.connect()

/** One key a connection: a batch sent again, and a compacted topic, keep one message of it. */
const message = (row) => ({ key: `${row.boot} ${row.host} ${row.cookie}`, value: JSON.stringify(row) })
const store = openStore({
  sink: async ({ observations, updates }) => {
    const changed = updates.map(({ first, ...now }) => ({ ...first, ...now }))
    await producer.send({ topic: 'connections', messages: [...observations, ...changed].map(message) })
  },
  onError: (error) => console.error(error.message),
})

const app = new Hono().use(fingerprint(), store.record({ account: (c) => c.req.header('X-User') }))
app.get('/', (c) => c.text('Hello\n'))

const server = Bun.serve({ port: process.env.PORT ?? 3000, fetch: app.fetch })
console.log(`listening on ${server.url}`)
