import { afterAll, expect } from 'bun:test'
import { readFileSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import { parseAnswer } from '../apache/wire.ts'
import { needs, program } from '../lab/privilege.ts'
import { startServer } from '../lab/server.ts'
import { temporaryDirectory } from '../support/temporary.ts'
import { until } from '../support/wait.ts'

const { path: directory, remove } = temporaryDirectory()
afterAll(remove)

/** Request lines of one login, each sent from an address of its own. Whether the app routes them to the handler is its affair. */
const SPELLINGS: readonly string[] = [
  'POST /login HTTP/1.1',
  'POST /login? HTTP/1.1',
  'POST /login?x HTTP/1.1',
  'POST /login?next=/a&b=%22" HTTP/1.1',
  'POST /login?a=\\"%20401%20 HTTP/1.1',
  'POST /%6cogin HTTP/1.1',
  'POST /%6C%6F%67%69%6E HTTP/1.1',
  'POST /logi%6e?%00%0a HTTP/1.1',
  'POST //login HTTP/1.1',
  'POST /login/ HTTP/1.1',
  'POST /./login HTTP/1.1',
  'POST /x/../login HTTP/1.1',
  'POST /x/%2e%2e/login HTTP/1.1',
  'POST \\login HTTP/1.1',
  'POST /LOGIN HTTP/1.1',
  'POST /login;x=1 HTTP/1.1',
  'POST /login%20 HTTP/1.1',
  'POST /login%2F HTTP/1.1',
  'POST /%2Flogin HTTP/1.1',
  'POST /login#x HTTP/1.1',
  'POST http://other.example/login HTTP/1.1',
  'POST http://other.example/login?q HTTP/1.1',
  'post /login HTTP/1.1',
  'GET /login HTTP/1.1',
  'POST /login HTTP/1.0',
  'GET /failed?x="failed" HTTP/1.1',
  'GET /"%20failed%20" HTTP/1.1',
]

/** The status of an answer to a request from 127.0.0.`last`; 0 where the connection is closed without one. */
function send(port: number, last: number, line: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: '127.0.0.1', localAddress: `127.0.0.${last}` })
    let text = ''
    socket.setTimeout(5_000, () => socket.destroy(new Error(`no answer to ${line}`)))
    socket.on('data', (data) => {
      text += data.toString('latin1')
    })
    socket.on('error', reject)
    socket.on('close', () => resolve(parseAnswer(text).status))
    socket.write(
      `${line}\r\nHost: a\r\nConnection: close\r\nUser-Agent: " failed "\r\nReferer: " failed "\r\nContent-Length: 0\r\n\r\n`,
    )
  })
}

needs('linux', 'fail2ban-regex').test(
  'fail2ban bans exactly those whose login reached the handler',
  async () => {
    const log = join(directory, 'login.log')
    await using server = await startServer(undefined, 'test/examples/fail2ban.ts', { PORT: '0', LOG: log })
    const statuses = new Map<string, number>()
    for (const [index, line] of SPELLINGS.entries()) {
      statuses.set(`127.0.0.${index + 2}`, await send(server.port, index + 2, line))
    }
    const lines = (): string[] => readFileSync(log, 'utf8').split('\n').slice(0, -1)
    const last = `127.0.0.${SPELLINGS.length + 1} `
    await until('the last line', () => lines().some((line) => line.startsWith(last)), 5_000)
    const filter = join(import.meta.dir, 'fail2ban.conf')
    const found = Bun.spawnSync([program('fail2ban-regex'), '-o', 'ip', log, filter])
    const banned = found.stdout
      .toString()
      .split('\n')
      .filter((line) => /^127\./.test(line))
      .sort()
    const reached = [...statuses].flatMap(([address, status]) => (status === 401 ? [address] : [])).sort()
    expect(banned).toEqual(reached)
    // Both kinds are there, or the test shows nothing.
    expect(reached.length).toBeGreaterThan(10)
    expect(SPELLINGS.length - reached.length).toBeGreaterThan(5)
  },
  60_000,
)
