import { httpInstrumentationMiddleware } from '@hono/otel'
import { trace } from '@opentelemetry/api'
import { ConsoleSpanExporter, NodeTracerProvider, SimpleSpanProcessor } from '@opentelemetry/sdk-trace-node'
import { Hono } from 'hono'
import { toAttributes } from 'tcpfingerprint'
import { fingerprint } from 'tcpfingerprint/bun'

new NodeTracerProvider({ spanProcessors: [new SimpleSpanProcessor(new ConsoleSpanExporter())] }).register()

const app = new Hono()
  .use(fingerprint(), httpInstrumentationMiddleware())
  .use(async (c, next) => {
    trace.getActiveSpan()?.setAttributes(toAttributes(c.var.fingerprint))
    await next()
  })
  .get('/', (c) => c.text('hello\n'))

const server = Bun.serve({ fetch: app.fetch })
console.log(`listening on ${server.url}`)
