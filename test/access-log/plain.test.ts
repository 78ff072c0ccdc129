import { describe, expect, test } from 'bun:test'
import { createAccessLogger } from '../../src/access-log/plain.ts'
import { lineOf, serve, undoAfterEach } from './logged.ts'

undoAfterEach()

describe('createAccessLogger', () => {
  test('wraps a plain handler, with variables', async () => {
    const lines: string[] = []
    const log = createAccessLogger({
      format: '%h %r %>s %B %{FINGERPRINT_IP_TTL}g',
      write: (line) => void lines.push(line),
      env: (_request, server) => ({ FINGERPRINT_IP_TTL: server === undefined ? '0' : '64' }),
    })
    const url = serve(
      log.wrap((request) => {
        if (request.url.endsWith('/throw')) throw new Error('planned')
        if (request.url.endsWith('/reject')) return Promise.reject(new Error('planned'))
        return request.url.endsWith('/later') ? Promise.resolve(new Response('later')) : new Response('now')
      }) as never,
    )
    expect(await (await fetch(`${url}/now`)).text()).toBe('now')
    expect(await lineOf(lines)).toBe('127.0.0.1 GET /now HTTP/1.1 200 3 64')
    expect(await (await fetch(`${url}/later`)).text()).toBe('later')
    expect(await lineOf(lines)).toBe('127.0.0.1 GET /later HTTP/1.1 200 5 64')
    expect(() =>
      log.wrap(() => {
        throw new Error('planned')
      })(new Request('http://a/throw'), undefined),
    ).toThrow('planned')
    expect(await lineOf(lines)).toBe('- GET /throw HTTP/1.1 500 0 0')
    await expect(
      Promise.resolve(log.wrap(() => Promise.reject(new Error('planned')))(new Request('http://a/reject'), undefined)),
    ).rejects.toThrow('planned')
    expect(await lineOf(lines)).toBe('- GET /reject HTTP/1.1 500 0 0')
    expect(log.wrap(() => undefined)(new Request('http://a/ws'), undefined)).toBeUndefined()
    expect(await lineOf(lines)).toBe('- GET /ws HTTP/1.1 101 0 0')
  })

  test('what its functions throw is told once, and the line has the rest', () => {
    const lines: string[] = []
    const told: string[] = []
    const throws = (): never => {
      throw new Error('no facts')
    }
    const log = createAccessLogger({
      format: '%m %>s %{FINGERPRINT_IP_TTL}g',
      write: (line) => void lines.push(line),
      env: throws,
      fingerprint: throws,
      onError: ({ message }) => void told.push(message),
    })
    const handler = log.wrap(() => new Response('x'))
    for (let i = 0; i < 2; i++) handler(new Request('http://a/'), undefined)
    expect(lines).toEqual(['GET 200 -', 'GET 200 -'])
    expect(told).toEqual(['Cannot log a request: no facts'])
  })

  test('functions that answer with a promise are told, and what they give is left out, a rejection too', async () => {
    for (const name of ['env', 'fingerprint', 'facts', 'format', 'user', 'skip']) {
      const told: string[] = []
      const log = createAccessLogger({
        format: '%m %{FINGERPRINT_IP_TTL}g',
        write: () => {},
        // A rejection that nothing handles ends the process on Node, and this test on Bun.
        [name]: () => Promise.reject(new Error('later')),
        onError: ({ message }) => void told.push(message),
      })
      log.wrap(() => new Response('x'))(new Request('http://a/'), undefined)
      expect(told).toEqual([`Cannot log a request: ${name} must answer at once, not with a promise`])
    }
    await Bun.sleep(1)
  })

  test('a fingerprint that throws as it is looked at reaches no request', () => {
    const lines: string[] = []
    const hostile = {
      get hop(): never {
        throw null
      },
    } as never
    const log = createAccessLogger({
      format: '%m %h %{FINGERPRINT_IP_TTL}g',
      write: (line) => void lines.push(line),
      fingerprint: () => hostile,
      onError: () => {},
    })
    expect(log.wrap(() => new Response('x'))(new Request('http://a/'), undefined)).toBeInstanceOf(Response)
    expect(lines).toEqual(['GET - -'])
  })
})
