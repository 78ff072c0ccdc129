/**
 * Raw HTTP over a socket: requests that no HTTP client would send, and their answers octet for octet.
 * @module
 */
import { connect } from 'node:net'

/** An answer as it came. */
export interface RawAnswer {
  readonly status: number
  /** Header lines in order, names in lower case. */
  readonly headers: readonly (readonly [string, string])[]
  /** Latin-1 text, one character an octet, chunked coding undone. */
  readonly body: string
}

/** Sends `text` (Latin-1, one character an octet) and reads until the other side closes. */
export function exchange(port: number, text: string, limit: number = 10_000): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1')
    const parts: Buffer[] = []
    socket.setTimeout(limit, () => {
      socket.destroy()
      reject(new Error(`No end of the answer within ${limit} ms to ${JSON.stringify(text.slice(0, 80))}`))
    })
    socket.on('connect', () => socket.write(Buffer.from(text, 'latin1')))
    socket.on('data', (data: Buffer) => parts.push(data))
    socket.on('error', reject)
    socket.on('close', () => resolve(Buffer.concat(parts).toString('latin1')))
  })
}

/** Takes an answer apart. */
export function parseAnswer(text: string): RawAnswer {
  const end = text.indexOf('\r\n\r\n')
  const [first = '', ...lines] = (end < 0 ? text : text.slice(0, end)).split('\r\n')
  const headers = lines.map((line): [string, string] => {
    const colon = line.indexOf(':')
    return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()]
  })
  let body = end < 0 ? '' : text.slice(end + 4)
  if (headers.some(([name, value]) => name === 'transfer-encoding' && value.toLowerCase() === 'chunked')) {
    let plain = ''
    for (;;) {
      const line = body.indexOf('\r\n')
      const size = line < 0 ? 0 : Number.parseInt(body.slice(0, line), 16)
      if (!(size > 0)) break
      plain += body.slice(line + 2, line + 2 + size)
      body = body.slice(line + 2 + size + 2)
    }
    body = plain
  }
  return { status: Number(first.split(' ')[1] ?? 0), headers, body }
}

/** Sends one request, asks the server to close after it, and takes the answer apart. */
export async function ask(port: number, text: string): Promise<RawAnswer> {
  return parseAnswer(await exchange(port, text))
}
