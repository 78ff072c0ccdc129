import { afterAll, afterEach, describe, expect, test } from 'bun:test'
import { connect, type Socket } from 'node:net'
import { type Context, Hono } from 'hono'
import { cgi } from '../../src/cgi/hono.ts'
import { type IdleTimeout, IdleTimeouts } from '../../src/cgi/idle-timeout.ts'
import type { CgiOptions } from '../../src/cgi/options.ts'
import { ask } from '../apache/wire.ts'
import { until } from '../support/wait.ts'
import { OK, scriptDirectory } from './scripts.ts'

const { root, script, remove } = scriptDirectory()
afterAll(remove)
script('hello', `${OK}; echo hello`)
script('cat', `${OK}; exec cat`)
script('late', `sleep 9; ${OK}; echo late`)
script('paused', `${OK}; echo one; sleep 9; echo two`)
script('deaf', `exec sleep 30`)

const undo: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const step of undo.splice(0).reverse()) await step()
})
/** A server whose idle timeout is the shortest that Bun's clock of four seconds can keep. */
function serve(options: Partial<CgiOptions<Context>> = {}, idleTimeout = 4): { port: number; running: () => number } {
  const handler = cgi({ root, idleTimeout, onError() {}, ...options })
  const app = new Hono().all('/cgi-bin/*', handler)
  const server = Bun.serve({ port: 0, hostname: '127.0.0.1', idleTimeout, fetch: app.fetch })
  undo.push(
    () => server.stop(true),
    () => handler.close(),
  )
  return { port: server.port!, running: () => handler.status().running }
}
/** A connection that is left alone after `text`: what it received, and whether the server has closed it. */
function open(port: number, text: string): { seen: () => string; closed: () => boolean; socket: Socket } {
  const socket = connect(port, '127.0.0.1')
  let seen = ''
  let closed = false
  socket.on('data', (data) => {
    seen += data
  })
  socket.on('error', () => {})
  socket.on('close', () => {
    closed = true
  })
  socket.write(text)
  undo.push(async () => socket.destroy())
  return { seen: () => seen, closed: () => closed, socket }
}
const CHUNKED = 'POST /cgi-bin/cat HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n'
const SIZED = 'POST /cgi-bin/cat HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\nabc'

test("a connection keeps the server's own idle timeout, and a silent script its connection", async () => {
  const { port, running } = serve()
  const get = (path: string): string => `GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`
  const connections = {
    'a path without a script': open(port, get('/cgi-bin/none')),
    'a path that is refused': open(port, get('/cgi-bin/.dot')),
    'a script that is quick': open(port, get('/cgi-bin/hello')),
    'a chunked body that stalls': open(port, CHUNKED),
    'a body that stalls': open(port, SIZED),
    'a script that was silent': open(port, get('/cgi-bin/late')),
    'a script that pauses': open(port, get('/cgi-bin/paused')),
  }
  const late = connections['a script that was silent']
  const paused = connections['a script that pauses']
  await until('the silent scripts', () => late.seen().includes('late') && paused.seen().includes('two'), 15_000)
  // The others had as long as these: more than two of Bun's ticks.
  const left = Object.entries(connections).filter(([, { closed }]) => !closed())
  expect(left.map(([name]) => name)).toEqual(['a script that was silent', 'a script that pauses'])
  await until('the end of the connections', () => late.closed() && paused.closed(), 15_000)
  expect(running()).toBe(0)
}, 40_000)

describe('a body that does not come is 408', () => {
  const limits = { bodyTime: 300, graceTime: 100 }
  test('while it is spooled, with or without its first octets', async () => {
    const { port, running } = serve({ limits }, 0)
    const [some, none] = await Promise.all([
      ask(port, CHUNKED),
      ask(port, 'POST /cgi-bin/cat HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n'),
    ])
    expect([some.status, none.status]).toEqual([408, 408])
    expect(running()).toBe(0)
  })
  test('while the script reads it, before its answer', async () => {
    script('count', `length=$(wc -c); ${OK}; echo $length`)
    const { port, running } = serve({ limits }, 0)
    expect((await ask(port, SIZED.replace('cat', 'count'))).status).toBe(408)
    await until('the end of the script', () => running() === 0, 5_000)
  })
  test('and cuts off an answer that has begun', async () => {
    const { port, running } = serve({ limits }, 0)
    const { seen, closed } = open(port, SIZED)
    await until('the end of the script and the connection', () => running() === 0 && closed(), 5_000)
    expect(seen()).toContain('HTTP/1.1 200')
    expect(seen()).not.toContain('\r\n0\r\n')
  })
  test('but not where it comes slowly, or the script is slow to read', async () => {
    const { port } = serve({ limits: { ...limits, bodyTime: 400 } }, 0)
    const { seen, socket } = open(port, CHUNKED)
    // 250 octets are worth half a second each.
    for (let i = 0; i < 4; i += 1) {
      await Bun.sleep(250)
      socket.write(`fa\r\n${'x'.repeat(250)}\r\n`)
    }
    socket.write('0\r\n\r\n')
    await until('the answer', () => seen().includes('\r\n0\r\n'), 5_000)
    expect(seen()).toContain(`abc${'x'.repeat(1000)}`)
    script('sleepy', `sleep 1; ${OK}; exec wc -c`)
    const size = 1_000_000
    const answer = await ask(
      port,
      `POST /cgi-bin/sleepy HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: ${size}\r\n\r\n${'x'.repeat(size)}`,
    )
    expect(answer.body.trim()).toBe(`${size}`)
  })
})

test('a client that goes while its body lies unread is noticed in bounded time', async () => {
  const { port, running } = serve({ limits: { headerTime: 1_000, graceTime: 100 } }, 0)
  const { socket } = open(
    port,
    `POST /cgi-bin/deaf HTTP/1.1\r\nHost: a\r\nContent-Length: 8000000\r\n\r\n${'x'.repeat(4_000_000)}`,
  )
  await until('the script', () => running() === 1, 5_000)
  socket.destroy()
  await until('the end of the script', () => running() === 0, 5_000)
})

describe('IdleTimeouts', () => {
  const made = (clientAwaited: () => boolean = () => false): { idle: IdleTimeout; set: number[] } => {
    const set: number[] = []
    return { idle: new IdleTimeouts(7).of((seconds) => void set.push(seconds), clientAwaited), set }
  }
  test('sets nothing for a script that answers at once', async () => {
    const { idle, set } = made()
    for (let i = 0; i < 5; i += 1) {
      idle.await()
      await Bun.sleep(1)
      idle.over()
    }
    await Bun.sleep(50)
    expect(set).toEqual([])
  })
  test('sets a finite value while a script is silent, and the own one afterwards', async () => {
    const { idle, set } = made()
    idle.await()
    await until('the extension', () => set.length > 0, 1_000)
    idle.over()
    idle.over()
    expect(set).toEqual([60, 7])
  })
  test('sets nothing while the client is awaited', async () => {
    const { idle, set } = made(() => true)
    idle.await()
    await Bun.sleep(100)
    idle.over()
    expect(set).toEqual([])
  })
  test('gives a client that has become slow the own timeout again', async () => {
    let awaited = false
    const { idle, set } = made(() => awaited)
    idle.await()
    await until('the extension', () => set.length === 1, 1_000)
    awaited = true
    await until('the own timeout', () => set.length === 2, 1_000)
    idle.over()
    expect(set).toEqual([60, 7])
  })
})
