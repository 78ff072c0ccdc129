import { expect } from 'bun:test'
import { connect } from 'node:net'
import { needs } from '../lab/privilege.ts'
import { RUNTIMES } from '../lab/runtimes.ts'
import { until } from '../support/wait.ts'
import { startBodies } from './logged.ts'

const HOST = 'Host: a\r\n'
const UPGRADE =
  'Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n'

type Leaving = 'after the answer' | 'amid the answer' | 'before the answer'

/** Request line and fields, when the client goes, status, octets and `%X` of the line. */
const ROWS: readonly (readonly [string, string, Leaving, RegExp])[] = [
  ['GET /text HTTP/1.1', HOST, 'after the answer', /^200 6 \+$/],
  ['GET /text HTTP/1.1', `${HOST}Connection: keep-alive\r\n`, 'after the answer', /^200 6 \+$/],
  ['GET /text HTTP/1.1', `${HOST}Connection: Close\r\n`, 'after the answer', /^200 6 -$/],
  ['GET /text HTTP/1.1', `${HOST}Connection: x, close\r\n`, 'after the answer', /^200 6 -$/],
  ['GET /sse HTTP/1.1', HOST, 'after the answer', /^200 9 \+$/],
  ['GET /sse HTTP/1.1', `${HOST}Connection: close\r\n`, 'after the answer', /^200 9 -$/],
  ['GET /response/stream HTTP/1.1', HOST, 'after the answer', /^200 5 \+$/],
  ['GET /response/blob HTTP/1.1', HOST, 'after the answer', /^200 5000 \+$/],
  ['HEAD /response/stream HTTP/1.1', HOST, 'after the answer', /^200 0 \+$/],
  ['GET /204 HTTP/1.1', HOST, 'after the answer', /^204 0 \+$/],
  ['GET /ws HTTP/1.1', HOST + UPGRADE, 'after the answer', /^101 0 -$/],
  ['GET /endless HTTP/1.1', HOST, 'amid the answer', /^200 \d+ X$/],
  ['GET /fails HTTP/1.1', HOST, 'after the answer', /^200 3 X$/],
  ['GET /held HTTP/1.1', HOST, 'before the answer', /^200 4 X$/],
  ['GET /held/stream HTTP/1.1', HOST, 'before the answer', /^200 \d X$/],
]

for (const runtime of RUNTIMES) {
  needs('linux').test(
    `%X on ${runtime}: kept, closed, upgraded or cut off`,
    async () => {
      await using server = await startBodies(runtime)
      const bare = Number(/bare (\d+)/.exec(server.stdout())![1])
      const ask = async (path: string): Promise<string> => (await fetch(`http://127.0.0.1:${bare}${path}`)).text()
      const lines = (): string[] =>
        server
          .stdout()
          .split('\n')
          .filter((line) => line.startsWith('line '))
      for (const [line, fields, leaves, wanted] of ROWS) {
        const before = lines().length
        const socket = connect(server.port, '127.0.0.1')
        socket.on('error', () => {})
        socket.write(`${line}\r\n${fields}\r\n`)
        if (leaves === 'amid the answer') await new Promise((resolve) => socket.once('data', resolve))
        if (leaves === 'before the answer') await until('the request', async () => (await ask('/held/count')) === '1')
        if (leaves !== 'after the answer') socket.destroy()
        await until(`the line of ${line} ${fields}`, () => lines().length > before, 5_000)
        socket.destroy()
        await Bun.sleep(5)
        expect(lines().slice(before)).toHaveLength(1)
        const [, status, octets, state] = lines()[before]!.split(' ')
        expect(`${status} ${octets} ${state}`, `${line} ${fields}`).toMatch(wanted)
      }
    },
    60_000,
  )
}
