import { expect } from 'bun:test'
import { exchange, parseAnswer } from '../apache/wire.ts'
import { needs } from '../lab/privilege.ts'
import { RUNTIMES } from '../lab/runtimes.ts'
import type { Runtime } from '../lab/server.ts'
import { until } from '../support/wait.ts'
import { startBodies } from './logged.ts'
import { PATHS } from './servers/paths.ts'

/** Answers that are sent otherwise because of the log, and why. Nothing else may differ but the case of field names. */
const OTHERWISE: Readonly<Record<Runtime, Readonly<Record<string, string>>>> = {
  bun: {
    'GET /response/blob/stream':
      'counted as any stream, so that Bun no longer sees the Blob behind it and adds no type',
    'HEAD /response/blob/type':
      'the type of a Blob becomes a field when a format reads fields, and Hono keeps fields for HEAD',
    'HEAD /response/form': 'the same',
    'HEAD /response/params': 'the same',
    'HEAD /file': 'the same',
  },
  deno: { 'GET /response/seen': 'a body that was touched is sent from where it lay only if no format reads fields' },
}

/** Answers of which a line cannot tell a field that the client receives, and why. */
const TYPE_UNKNOWN =
  'Bun adds a type by whether a Blob was made from texts, and does not tell a Blob of texts from one of octets'
const LENGTH_UNKNOWN = 'Bun adds a length to a stream that ends at once'
const UNTOLD: Readonly<Record<Runtime, Readonly<Record<string, string>>>> = {
  bun: {
    'GET /response/blob': TYPE_UNKNOWN,
    'GET /response/view': 'a DataView is held as a Blob is',
    'GET /response/stream/empty': LENGTH_UNKNOWN,
    'GET /response/blob/stream': LENGTH_UNKNOWN,
    'GET /response/copy': LENGTH_UNKNOWN,
    'GET /response/seen': LENGTH_UNKNOWN,
    'GET /stream': LENGTH_UNKNOWN,
    'GET /sse': LENGTH_UNKNOWN,
    'GET /direct': LENGTH_UNKNOWN,
  },
  deno: {},
}

/** An answer without what differs from one to the next, field names in lower case. */
function normal(text: string): string {
  const end = text.indexOf('\r\n\r\n')
  const head = text.slice(0, end).replace(/^[^:\r\n]+:/gm, (name) => name.toLowerCase())
  return (head + text.slice(end)).replace(/^date:.*$/m, 'date:').replace(/-{4,}\w+/g, 'BOUNDARY')
}

for (const runtime of RUNTIMES) {
  needs('linux').test(
    `a logged answer leaves ${runtime} as it would without a log, and the line says what was sent`,
    async () => {
      await using server = await startBodies(runtime)
      const bare = Number(/bare (\d+)/.exec(server.stdout())![1])
      const lines = (): string[] =>
        server
          .stdout()
          .split('\n')
          .filter((line) => line.startsWith('line '))
      const differ: string[] = []
      const untold: string[] = []
      for (const path of PATHS) {
        for (const [method, field] of [
          ['GET', ''],
          ['HEAD', ''],
          ...(path === '/file' ? [['GET', 'Range: bytes=0-3\r\n']] : []),
        ]) {
          const name = `${method} ${path}`
          const request = `${name} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n${field}\r\n`
          const before = lines().length
          const raw = await exchange(server.port, request)
          if (normal(raw) !== normal(await exchange(bare, request))) differ.push(name)
          await until(`the line of ${name}`, () => lines().length > before, 5_000)
          const sent = parseAnswer(raw)
          const fields = new Map(sent.headers)
          const type = fields.get('content-type')?.replace(/\s*;.*$/, '') ?? '-'
          const begin = `line ${sent.status} ${sent.body.length} - `
          const [line] = lines().slice(before)
          expect(line).toStartWith(begin)
          if (line !== `${begin}"${type}" "${fields.get('content-length') ?? '-'}" ${name} HTTP/1.1`) untold.push(name)
        }
      }
      expect(differ.sort()).toEqual(Object.keys(OTHERWISE[runtime]).sort())
      expect(untold.sort()).toEqual(Object.keys(UNTOLD[runtime]).sort())
      if (runtime === 'bun') expect(server.stderr()).toBe('')
    },
    60_000,
  )
}
