/**
 * The live page behind real proxies as they come: the connection is from this machine, and nothing says that the client is not.
 */
import { afterAll, beforeAll, expect, test } from 'bun:test'
import { type DemoServer, serve } from '../../src/demo/server.ts'
import { startApache } from '../apache/apache.ts'
import { needs } from '../lab/privilege.ts'
import { startHaproxy, startNginx } from './proxies.ts'

/** The token of the link that holds now. */
let token = 'a1b2c3d4e5f60718'
const renew = (): string => {
  token = crypto.randomUUID()
  return token
}
/** What a client may send to look as if it were here. */
const DISGUISES: readonly Readonly<Record<string, string>>[] = [
  {},
  { host: 'localhost' },
  { host: '127.0.0.1:3000' },
  { host: 'localhost', 'x-forwarded-for': '127.0.0.1', forwarded: 'for=127.0.0.1', 'x-real-ip': '::1' },
]

interface Front {
  readonly port: number
  stop(): unknown
}

/** Passes octets on, as HAProxy in TCP mode, stunnel or a port forwarding do. */
function startRelay(upstream: number): Front {
  const server = Bun.listen<{ other: Promise<import('bun').Socket> }>({
    hostname: '127.0.0.1',
    port: 0,
    socket: {
      open(socket) {
        const other = Bun.connect({
          hostname: '127.0.0.1',
          port: upstream,
          socket: {
            data(_, bytes) {
              socket.write(bytes)
            },
            close() {
              socket.end()
            },
          },
        })
        socket.data = { other }
      },
      async data(socket, bytes) {
        ;(await socket.data.other).write(bytes)
      },
      async close(socket) {
        ;(await socket.data.other).end()
      },
    },
  })
  return { port: server.port, stop: () => server.stop(true) }
}

needs('linux', 'nginx', 'haproxy', 'apache2').describe('the live page behind', () => {
  let server: DemoServer
  const fronts = new Map<string, Front>()
  beforeAll(async () => {
    server = await serve({ port: 0, logFormat: false, live: { token, renew }, announce: () => {} })
    fronts.set('nothing', { port: server.port, stop: () => {} })
    fronts.set('nginx', await startNginx(server.port, ''))
    fronts.set('HAProxy', await startHaproxy(server.port, ''))
    fronts.set(
      'Apache',
      await startApache({
        modules: ['proxy', 'proxy_http'],
        extra: `ProxyPass / http://127.0.0.1:${server.port}/\nProxyAddHeaders Off\nProxyPreserveHost On`,
      }),
    )
    fronts.set('a TCP relay', startRelay(server.port))
  }, 30_000)
  afterAll(async () => {
    for (const front of fronts.values()) await front.stop()
    await server?.stop()
  })

  test.each(['nothing', 'nginx', 'HAProxy', 'Apache', 'a TCP relay'])(
    '%s needs the token',
    async (name) => {
      const url = `http://127.0.0.1:${fronts.get(name)!.port}/`
      for (const headers of DISGUISES) {
        for (const query of ['?live', '?live&token=', '?live&token=0', `?live=&Token=${token}`]) {
          for (const accept of ['text/html', 'text/event-stream']) {
            const answer = await fetch(url + query, { headers: { ...headers, accept } })
            expect(answer.status, `${query} ${JSON.stringify(headers)}`).toBe(403)
            await answer.text()
          }
        }
      }
      const link = `${url}?live&token=${token}`
      const opened = await fetch(link, { headers: { accept: 'text/html' } })
      expect(opened.status).toBe(200)
      expect(await opened.text()).toContain('<table class="live"')
      const cookie = opened.headers.get('set-cookie')!.split(';')[0]!
      const again = await fetch(`${url}?live`, { headers: { accept: 'text/html', cookie } })
      expect(again.status).toBe(200)
      await again.text()
      // The link has held: what stands in the proxy's log opens nothing.
      for (const accept of ['text/html', 'text/event-stream']) {
        const stolen = await fetch(link, { headers: { accept } })
        expect({ status: stolen.status, cookie: stolen.headers.get('set-cookie') }).toEqual({
          status: 403,
          cookie: null,
        })
        await stolen.text()
      }
    },
    30_000,
  )
})
