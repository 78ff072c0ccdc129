/**
 * What `attribution.ts` asks beside HTTP/1.1: streams of HTTP/2 sessions over TLS, and upgrades, one session and one upgrade after the
 * other while the run lasts.
 * @module
 */
import { connect } from 'node:http2'
import { connectKernel } from '../lab/raw-client.ts'

interface Answer {
  readonly connection?: { readonly cookie: string }
  readonly syn?: { readonly tcp: { readonly sourcePort: number; readonly mss: number } }
}

/** Answers by what they said. */
export interface ProtocolTally {
  streams: number
  sessions: number
  upgrades: number
  wrong: number
}

const UPGRADE = 'GET / HTTP/1.1\r\nHost: x\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n'

/** See the module's comment. */
export class OtherProtocols {
  readonly tally: ProtocolTally = { streams: 0, sessions: 0, upgrades: 0, wrong: 0 }
  readonly #host: string
  readonly #port: number
  readonly #secure: number
  readonly #cookies = new Set<string>()
  #isStopped = false

  /** `port` upgrades, `secure` speaks HTTP/2. */
  constructor(host: string, port: number, secure: number) {
    this.#host = host
    this.#port = port
    this.#secure = secure
  }

  stop(): void {
    this.#isStopped = true
  }

  /** Ends after `stop()`. */
  async run(): Promise<void> {
    for (let i = 0; !this.#isStopped; i++) await Promise.all([this.#session(), this.#upgrade(600 + (i % 20_000))])
  }

  /** Five streams at once, in a session that no other had the cookie of. */
  async #session(): Promise<void> {
    const host = this.#host.includes(':') ? `[${this.#host}]` : this.#host
    const session = connect(`https://${host}:${this.#secure}`, { rejectUnauthorized: false })
    await new Promise((resolve, reject) => session.once('connect', resolve).once('error', reject))
    const own = session.socket.localPort
    const answers = await Promise.all(Array.from({ length: 5 }, () => askStream(session)))
    this.tally.sessions++
    const cookies = new Set(answers.map(({ connection }) => connection?.cookie ?? ''))
    for (const { syn } of answers) this.#count('streams', syn?.tcp.sourcePort === own)
    const [cookie] = cookies
    if (cookies.size !== 1 || this.#cookies.has(cookie!)) this.tally.wrong++
    this.#cookies.add(cookie!)
    await new Promise<void>((resolve) => session.close(resolve))
  }

  async #upgrade(mss: number): Promise<void> {
    const client = await connectKernel({ destination: { address: this.#host, port: this.#port }, mss })
    client.send(UPGRADE)
    const octets: Uint8Array[] = []
    for (let part = await client.read(); part !== null; part = await client.read()) octets.push(part)
    client.close()
    const text = Buffer.concat(octets).toString()
    const answer = JSON.parse(text.slice(text.indexOf('{'))) as Answer
    this.#count('upgrades', text.startsWith('HTTP/1.1 101') && answer.syn?.tcp.mss === mss)
  }

  #count(kind: 'streams' | 'upgrades', isRight: boolean): void {
    this.tally[kind]++
    if (!isRight) this.tally.wrong++
  }
}

function askStream(session: ReturnType<typeof connect>): Promise<Answer> {
  return new Promise((resolve, reject) => {
    let text = ''
    const stream = session.request({ ':path': '/json' }).setEncoding('utf8').on('error', reject)
    stream.on('data', (part) => (text += part)).on('end', () => resolve(JSON.parse(text) as Answer))
    stream.end()
  })
}
