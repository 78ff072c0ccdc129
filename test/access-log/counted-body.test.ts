import { describe, expect, test } from 'bun:test'
import { connect } from 'node:net'
import { stream } from 'hono/streaming'
import { exchange } from '../apache/wire.ts'
import { until } from '../support/wait.ts'
import { lineOf, logged, serve, undoAfterEach } from './logged.ts'

undoAfterEach()

const streamed = (source: UnderlyingDefaultSource<Uint8Array>): Response => new Response(new ReadableStream(source))

describe('a body that streams', () => {
  test('waits for the end of a stream, with its time and its first octet', async () => {
    const { app, lines } = logged({ format: '%B %X %D %^FB' })
    app.get('/', (c) =>
      stream(c, async (out) => {
        await out.write('a')
        await out.sleep(60)
        await out.write('b')
      }),
    )
    await (await fetch(serve(app.fetch))).text()
    const [octets, state, duration, first] = (await lineOf(lines)).split(' ')
    expect([octets, state]).toEqual(['2', '+'])
    expect(Number(duration)).toBeGreaterThanOrEqual(55_000)
    expect(Number(first)).toBeLessThan(Number(duration) - 40_000)
  })

  test('a client that goes away mid-stream leaves one line, marked X', async () => {
    const { app, lines } = logged({ format: '%>s %B %X' })
    let cancelled = false
    app.get('/', () =>
      streamed({
        async pull(controller) {
          await Bun.sleep(5)
          controller.enqueue(new Uint8Array(10))
        },
        cancel() {
          cancelled = true
        },
      }),
    )
    const url = new URL(serve(app.fetch))
    const socket = connect(Number(url.port), '127.0.0.1')
    socket.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n')
    await new Promise((resolve) => socket.once('data', resolve))
    socket.destroy()
    expect(await lineOf(lines)).toMatch(/^200 \d+ X$/)
    await until('the cancellation of the source', () => cancelled, 5_000)
    await Bun.sleep(20)
    expect(lines).toEqual([])
  })

  test('a stream that fails leaves one line, marked X', async () => {
    const { app, lines } = logged({ format: '%B %X' })
    app.get('/', () =>
      streamed({
        async pull(controller) {
          controller.enqueue(new Uint8Array(3))
          await Bun.sleep(5)
          controller.error(new Error('planned'))
        },
      }),
    )
    await exchange(Number(new URL(serve(app.fetch)).port), 'GET / HTTP/1.1\r\nHost: a\r\n\r\n').catch(() => '')
    expect(await lineOf(lines)).toBe('3 X')
  })

  test('keeps the pace of the client: a stalled one does not fill memory', async () => {
    const { app } = logged()
    let pulled = 0
    app.get('/', () =>
      streamed({
        async pull(controller) {
          await Bun.sleep(0)
          pulled += 65_536
          controller.enqueue(new Uint8Array(65_536))
        },
      }),
    )
    const socket = connect(Number(new URL(serve(app.fetch)).port), '127.0.0.1')
    socket.pause()
    socket.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n')
    await until('the first octets', () => pulled > 0, 5_000)
    await Bun.sleep(300)
    socket.destroy()
    expect(pulled).toBeLessThan(64 * 1024 * 1024)
  })
})
