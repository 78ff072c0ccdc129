/**
 * Servers that are told to end while requests are in flight: plain, or as process 1 of a PID namespace of their own.
 *
 * @example
 * await using server = await startProcess(argv, { isFirst: true, ready: /:(\d+)/ })
 * expect(await cutAtSignal(server, 'SIGTERM', { connections: 1000, path: '/report', known: '/', body: 'x=1' })).toBe(0)
 * @module
 */
import { readFileSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { until } from '../support/wait.ts'
import type { OwnNeed } from './privilege.ts'
import { ROOT } from './server.ts'

/** What a PID namespace needs. */
export const PID_NAMESPACE: OwnNeed = {
  reason: process.getuid?.() === 0 ? undefined : 'a PID namespace needs root',
}

/** A server in a process of its own. */
export interface ServerProcess {
  /** The server's own, as this process sees it, also where the server itself sees 1. */
  readonly pid: number
  readonly port: number
  /** Standard output and standard error so far. */
  output(): string
  readonly exited: Promise<number>
  [Symbol.asyncDispose](): Promise<void>
}

/** Starts `argv` and waits for `ready`, whose first group is the port. @throws {Error} when it does not come */
export async function startProcess(
  argv: readonly string[],
  { isFirst, ready, env = {} }: { isFirst: boolean; ready: RegExp; env?: Readonly<Record<string, string>> },
): Promise<ServerProcess> {
  const before = isFirst ? ['unshare', '--pid', '--fork', '--mount-proc', '--kill-child'] : []
  const child = Bun.spawn([...before, ...argv], {
    cwd: ROOT,
    env: { ...process.env, ...env },
    stdin: 'ignore',
    stdout: 'pipe',
    stderr: 'pipe',
  })
  let text = ''
  for (const stream of [child.stdout, child.stderr]) {
    void (async () => {
      const decoder = new TextDecoder()
      for await (const chunk of stream) text += decoder.decode(chunk, { stream: true })
    })()
  }
  const end = async (): Promise<void> => {
    child.kill('SIGKILL')
    await child.exited
  }
  try {
    const port = Number(await until('the server to listen', () => ready.exec(text)?.[1]))
    const children = (): string => readFileSync(`/proc/${child.pid}/task/${child.pid}/children`, 'utf8')
    return {
      pid: isFirst ? Number(children().trim()) : child.pid,
      port,
      output: () => text,
      exited: child.exited,
      [Symbol.asyncDispose]: end,
    }
  } catch (error) {
    await end()
    throw new Error(`${(error as Error).message}\n${text}`)
  }
}

/** A connection that has had one answer, so that the server has accepted it. */
class Client {
  readonly socket: Socket
  answer = ''
  #ended = false

  constructor(port: number) {
    this.socket = connect(port, '127.0.0.1')
    this.socket.on('data', (chunk) => {
      this.answer += chunk.toString('latin1')
    })
    this.socket.on('error', () => {})
    this.socket.on('close', () => {
      this.#ended = true
    })
  }

  async known(path: string): Promise<void> {
    this.socket.write(`GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`)
    await until('the first answer', () => this.#isWhole(), 30_000)
    this.answer = ''
  }

  /** True if the answer is whole; waits for it or for the end of the connection. */
  async whole(): Promise<boolean> {
    await until('the answer or the end', () => this.#isWhole() || this.#ended, 30_000)
    return this.#isWhole()
  }

  #isWhole(): boolean {
    const [head = '', body] = this.answer.split(/\r\n\r\n([\s\S]*)/, 2)
    if (body === undefined || !/^HTTP\/1\.1 200 /.test(head)) return false
    const length = /^content-length: (\d+)$/im.exec(head)?.[1]
    return length === undefined ? body.endsWith('0\r\n\r\n') : Buffer.byteLength(body, 'latin1') >= Number(length)
  }
}

/** Octets that wait in sockets of this local port, unread by the server. /proc/net/tcp: local address, state, queues. */
function unread(port: number): number {
  const hex = port.toString(16).toUpperCase().padStart(4, '0')
  return ['/proc/net/tcp', '/proc/net/tcp6']
    .flatMap((file) => readFileSync(file, 'utf8').split('\n'))
    .map((line) => line.trim().split(/\s+/))
    .filter((fields) => fields[1]?.endsWith(`:${hex}`) && fields[3] === '01')
    .reduce((sum, fields) => sum + Number.parseInt(fields[4]!.split(':')[1]!, 16), 0)
}

/** True once nothing accepts connections there. */
const refuses = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => {
      socket.destroy()
      resolve(false)
    })
    socket.on('error', () => resolve(true))
  })

/** What is asked at the moment of the signal. */
export interface InFlight {
  readonly connections: number
  /** Answers GET at once. */
  readonly known: string
  /** Answers POST when the body is whole. */
  readonly path: string
  /** A form. Half of it is sent before the signal. */
  readonly body: string
}

/**
 * Sends half a request over each connection, then the signal, then, once the server accepts no more or after half a second, the
 * rest. How many answers did not come whole, or with another status than 200.
 */
export async function cutAtSignal(server: ServerProcess, signal: NodeJS.Signals, ask: InFlight): Promise<number> {
  const { connections, known, path, body } = ask
  const clients = Array.from({ length: connections }, () => new Client(server.port))
  await Promise.all(clients.map((client) => client.known(known)))
  const type = 'Content-Type: application/x-www-form-urlencoded'
  const head = `POST ${path} HTTP/1.1\r\nHost: x\r\n${type}\r\nContent-Length: ${body.length}\r\n\r\n`
  const half = body.length >> 1
  const written = clients.map(
    ({ socket }) => new Promise((resolve) => socket.write(head + body.slice(0, half), resolve)),
  )
  await Promise.all(written)
  await until('the server to read', () => unread(server.port) === 0)
  process.kill(server.pid, signal)
  // Deno goes on accepting until the bodies are there: it can do neither without the other.
  await until('the server to accept no more', () => refuses(server.port), 500).catch(() => {})
  for (const { socket } of clients) socket.write(body.slice(half))
  const whole = await Promise.all(clients.map((client) => client.whole()))
  for (const { socket } of clients) socket.destroy()
  return whole.filter((one) => !one).length
}
