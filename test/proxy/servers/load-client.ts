/**
 * Sends requests from many addresses and compares what the server says with what was sent: see `many-clients.ts`. The argument is a
 * `Load` in JSON; prints a `LoadCount`.
 * @module
 */
import { connect as connectHttp2 } from 'node:http2'
import { connect, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import type { ClientAddress, Load, LoadCount } from '../many-clients.ts'

const load = JSON.parse(process.argv[2]!) as Load
const count = { right: 0, wrong: 0, ambiguous: 0, missing: 0 }
const examples: object[] = []
const rtts: number[] = []
const hops: number[] = []

function judge(answer: any, client: ClientAddress, port: number): void {
  const { syn, reason, peer } = answer
  if (answer.tcpInfo?.rtt) rtts.push(answer.tcpInfo.rtt / 1000)
  if (answer.hop?.tcpInfo?.rtt) hops.push(answer.hop.tcpInfo.rtt / 1000)
  const verdict =
    peer?.address !== client.address || peer.port !== port
      ? 'wrong'
      : syn === undefined
        ? reason === 'ambiguous'
          ? 'ambiguous'
          : 'missing'
        : syn.ip.source === client.address &&
            syn.tcp.sourcePort === port &&
            syn.tcp.mss === client.mss &&
            (syn.ip.timeToLive ?? syn.ip.hopLimit) === client.ttl &&
            answer.source === 'packet' &&
            answer.tcpInfo !== undefined
          ? 'right'
          : 'wrong'
  count[verdict]++
  if (verdict !== 'right' && examples.length < 5) examples.push({ client, port, answer })
}

/** Reads one HTTP/1.1 response with a Content-Length, or chunked. */
function reader(socket: Socket): () => Promise<string> {
  let text = ''
  let wake = (): void => {}
  let isOver = false
  socket.setEncoding('latin1')
  socket.on('data', (piece: string) => {
    text += piece
    wake()
  })
  const end = (): void => {
    isOver = true
    wake()
  }
  socket.on('close', end).on('error', end)
  const take = (): string | undefined => {
    const head = text.indexOf('\r\n\r\n')
    if (head < 0) return undefined
    const length = /content-length: (\d+)/i.exec(text.slice(0, head))?.[1]
    if (length !== undefined) {
      const stop = head + 4 + Number(length)
      if (text.length < stop) return undefined
      const body = text.slice(head + 4, stop)
      text = text.slice(stop)
      return body
    }
    const last = text.indexOf('\r\n0\r\n\r\n', head)
    if (last < 0) return undefined
    const body = text.slice(head + 4, last).replace(/(?:^|\r\n)[0-9a-f]+\r\n/gi, '')
    text = text.slice(last + 7)
    return body
  }
  return async () => {
    for (;;) {
      const body = take()
      if (body !== undefined) return body
      if (isOver) throw new Error(`closed after: ${text}`)
      await new Promise<void>((resolve) => {
        wake = resolve
      })
    }
  }
}

let left = load.requests
let next = 0

async function open(client: ClientAddress): Promise<Socket> {
  const plain = connect({ host: load.host, port: load.port, localAddress: client.address })
  plain.on('error', () => {})
  await new Promise<void>((resolve, reject) => plain.once('connect', resolve).once('error', reject))
  if (load.protocol === 'http') return plain
  const tls = connectTls({
    socket: plain,
    rejectUnauthorized: false,
    ALPNProtocols: [load.protocol === 'h2' ? 'h2' : 'http/1.1'],
  })
  tls.on('error', () => {})
  await new Promise<void>((resolve, reject) => tls.once('secureConnect', resolve).once('error', reject))
  Object.defineProperty(tls, 'own', { value: plain.localPort })
  return tls
}

async function one(): Promise<void> {
  while (left > 0) {
    const client = load.clients[next++ % load.clients.length]!
    const socket = await open(client)
    const port = (socket as { own?: number }).own ?? socket.localPort!
    if (load.protocol === 'h2') {
      const session = connectHttp2('https://example.org', { createConnection: () => socket })
      session.on('error', () => {})
      const batch = Math.min(load.perConnection, left)
      left -= batch
      const bodies = await Promise.all(
        Array.from(
          { length: batch },
          () =>
            new Promise<string>((resolve, reject) => {
              let text = ''
              const stream = session.request({ ':path': '/json' })
              stream.setEncoding('utf8')
              stream.on('data', (piece: string) => {
                text += piece
              })
              stream.on('end', () => resolve(text)).on('error', reject)
              stream.end()
            }),
        ),
      )
      for (const body of bodies) judge(JSON.parse(body), client, port)
      session.destroy()
    } else {
      const read = reader(socket)
      for (let i = 0; i < load.perConnection && left > 0; i++) {
        left--
        socket.write('GET /json HTTP/1.1\r\nHost: x\r\n\r\n')
        judge(JSON.parse(await read()), client, port)
      }
    }
    socket.destroy()
  }
}

const start = performance.now()
await Promise.all(Array.from({ length: load.concurrency }, one))
const sorted = (list: number[]): number[] => {
  const all = list.sort((a, b) => a - b)
  return [0, 0.05, 0.5, 0.95, 1].map((part) => all[Math.min(all.length - 1, Math.floor(part * all.length))]!)
}
const result: LoadCount = {
  ...count,
  examples,
  rtts: sorted(rtts),
  hops: sorted(hops),
  seconds: (performance.now() - start) / 1000,
}
console.log(JSON.stringify(result))
process.exit(0)
