/**
 * The demonstration server: what `npm start` and `tcpfingerprint serve` run. Built from the public names only.
 * @module
 */
import { type Context, type Handler, Hono, type MiddlewareHandler } from 'hono'
import { formatEndpoint, printable } from '../base/text.ts'
import { labelName } from '../explain/label.ts'
import { duration } from '../explain/units.ts'
import { requestTarget, targetPath } from '../http/request-target.ts'
import { sendJson } from '../inspector/answer.ts'
import { explainDump, linkedDump } from '../inspector/decode.ts'
import type { HistoryOptions, LiveOptions } from '../inspector/inspector.ts'
import { isWildcard } from '../runtime/common.ts'
import { currentRuntime } from '../runtime/current.ts'
import { endProcess, onSignal } from '../runtime/process-end.ts'
import {
  accessLog,
  cgi,
  type FingerprintOptions,
  type FingerprintVariables,
  type InspectorOptions,
  inspector,
  type Status,
} from '../shared.ts'
import type { Store } from '../store/store.ts'
import { type DemoMiddleware, demoRuntime, IDLE, type Listening } from './listen.ts'

export { warmPages } from './warm.ts'

/** What the application is made of. */
export interface AppOptions {
  /** Passed to `fingerprint()`. */
  readonly fingerprint?: FingerprintOptions<Context> | undefined
  /** `common`, `combined` (default), `vhost_combined`, `json`, or an Apache LogFormat string; false for no log. */
  readonly logFormat?: string | false | undefined
  /** Gets a line for each connection, for people: label, round trip, first request. Default: no such lines. */
  readonly connections?: ((line: string) => void) | undefined
  /** File that lines are appended to. Default: standard output. */
  readonly logFile?: string | undefined
  /** Directory of CGI scripts. Default: one script, `env`, which prints its environment. */
  readonly cgiBin?: string | undefined
  /** The token for the last connections at `/?live`. Default: they are not shown. */
  readonly live?: InspectorOptions['live']
  /** Where connections are kept, and the token for `/?history`. Default: nothing is kept. */
  readonly history?: (HistoryOptions & { readonly store: Store }) | undefined
}

/** What the command line gives. Defaults: README, command line. */
export interface ServeOptions extends AppOptions {
  readonly host?: string | undefined
  readonly port?: number | undefined
  /** PEM files. */
  readonly tlsCert?: string | undefined
  readonly tlsKey?: string | undefined
  readonly http2?: boolean | undefined
  /** Gets the lines that say where the server is. Default: `console.log`. */
  readonly announce?: ((line: string) => void) | undefined
}

/** The application and what ends it. */
export interface DemoApp {
  readonly app: Hono<{ Variables: FingerprintVariables }>
  /** Ends the live streams, which would stay open for ever. */
  endStreams(): void
  /** Ends live streams and scripts, writes what log and store hold. */
  close(): Promise<void>
}

/** A running demonstration server. */
export interface DemoServer {
  readonly url: string
  readonly port: number
  readonly fingerprinter: { status(): Status }
  /**
   * Stops accepting, ends live streams, lets requests in flight end for up to `graceMilliseconds` (default 0), then ends
   * connections and scripts and writes what log and store hold.
   */
  stop(graceMilliseconds?: number): Promise<void>
}

/** The script that `/cgi-bin/env` runs where no directory is given. */
const ENV_SCRIPT = ['/bin/sh', '-c', "printf 'Content-Type: text/plain; charset=utf-8\\n\\n'; exec env"] as const

/**
 * The routes of the demonstration server.
 *
 * @param middleware `fingerprint()` of the runtime
 * @throws {TypeError} for a log format that is none
 */
function createApp(middleware: DemoMiddleware, options: AppOptions = {}): DemoApp {
  const { live, history } = options
  const page = inspector({ live, history, database: options.fingerprint?.database })
  const scripts =
    options.cgiBin === undefined
      ? cgi({ command: ENV_SCRIPT, prefix: '/cgi-bin/env', idleTimeout: IDLE })
      : // A script may lead to another path of this server, which is not one more line in the log.
        cgi({
          root: options.cgiBin,
          idleTimeout: IDLE,
          dispatch: (request, c) => routes.fetch(request, c.env),
        })
  const routes: Hono<{ Variables: FingerprintVariables }> = new Hono({ getPath: pathOf })
  // With a `skip` in its place no request would be known to be its connection's first. Bun's answer passes for a part of the TLS
  // handshake, so no request may follow it.
  const last = currentRuntime().name === 'bun' ? { connection: 'close' } : {}
  routes.get('/healthz', (c) => c.text('ok', 200, last))
  routes.use(middleware)
  if (options.connections !== undefined) routes.use(connectionLines(options.connections))
  routes.use(page.watch)
  if (history !== undefined) routes.use(history.store.record())
  routes.get('/json', async (c) => {
    const dump = c.req.query('decode')
    if (dump === undefined) return sendJson(c, { ...c.var.fingerprint.toJSON(), env: c.var.fingerprintEnv })
    const { status, record } = await explainDump(linkedDump(dump, c.req.query('kind')), options.fingerprint?.database)
    return sendJson(c, record, status)
  })
  routes.get('/env', (c) => {
    const lines = Object.entries(c.var.fingerprintEnv).map(([name, value]) => `${name}=${value}\n`)
    return c.text(lines.join(''))
  })
  routes.all('/', page)
  for (const path of options.cgiBin === undefined ? ['/cgi-bin/env', '/cgi-bin/env/*'] : ['/cgi-bin/*']) {
    routes.all(path, scripts as Handler)
  }
  const app = new Hono<{ Variables: FingerprintVariables }>({ getPath: pathOf })
  const log = options.logFormat === false ? undefined : accessLog(logOptions(options))
  if (log !== undefined) app.use(log)
  app.route('/', routes)
  app.notFound((c) => c.text('Nothing here: / is the page of your connection, /json the same as JSON\n', 404))
  return {
    app,
    endStreams: () => page.close(),
    close: async () => {
      page.close()
      await scripts.close()
      log?.close()
      await history?.store.close()
    },
  }
}

/** A line for the first request of each connection: time, client, label, round trip, request. */
function connectionLines(print: (line: string) => void): MiddlewareHandler<{ Variables: FingerprintVariables }> {
  return async (c, next) => {
    await next()
    try {
      const { peer, connection, label, timing, reason } = c.var.fingerprint
      if (peer === undefined || (connection !== undefined && connection.request > 1)) return
      const rtt = timing.handshakeRtt ?? timing.rtt
      const parts = [
        new Date().toTimeString().slice(0, 8),
        formatEndpoint(peer.address, peer.port).padEnd(21),
        (rtt === undefined ? '' : duration(rtt.microseconds)).padStart(8),
        labelName(label) ?? (reason === undefined ? 'unknown' : `no label: ${reason}`),
        printable(`${c.req.method} ${c.req.path}`),
      ]
      print(parts.join('  '))
    } catch {
      // A line is not worth a request.
    }
  }
}

function logOptions({ logFormat, logFile }: AppOptions): Parameters<typeof accessLog>[0] {
  return {
    ...(logFormat === undefined || logFormat === false ? undefined : { format: logFormat }),
    ...(logFile === undefined ? undefined : { write: { file: logFile } }),
  }
}

/** The path as Hono takes it, also of HTTP/1.0 requests without Host: their URL is the bare target (`/json?x`). */
function pathOf(request: Request): string {
  return targetPath(requestTarget(request.url)) || '/'
}

/** Views that a printed link opens. */
type LinkedView = 'live' | 'history'

/** A token whose successors are printed too, where it holds once. */
function announced<Link extends LiveOptions>(link: Link, print: (token: string) => void): Link {
  const { renew } = link
  if (renew === undefined) return link
  const next = (): string => {
    const token = renew()
    print(token)
    return token
  }
  return { ...link, renew: next }
}

/**
 * Starts the server and prints where to point a browser and `curl`.
 *
 * @throws {Error} the port is taken, the address is none of this machine's, a PEM file cannot be used
 * @throws {TypeError} for a log format that is none
 */
export async function serve(options: ServeOptions = {}): Promise<DemoServer> {
  const runtime = await demoRuntime()
  const middleware = runtime.fingerprint(options.fingerprint ?? {})
  const announce = options.announce ?? ((line) => console.log(line))
  let url = ''
  const announceLink = (view: LinkedView, token: string): void =>
    announce(`  ${`${view}:`.padEnd(11)} ${url}?${view}&token=${encodeURIComponent(token)}`)
  const { app, endStreams, close } = createApp(middleware, {
    ...options,
    live: options.live && announced(options.live, (token) => announceLink('live', token)),
    history: options.history && announced(options.history, (token) => announceLink('history', token)),
  })
  const { tlsCert: cert, tlsKey: key } = options
  const tls = cert === undefined || key === undefined ? undefined : { cert, key }
  const { host: hostname = '127.0.0.1', port = 3000, http2 = false } = options
  let server: Listening
  try {
    server = await runtime.listen(app, middleware, { host: hostname, port, tls, http2 })
  } catch (error) {
    await close()
    const { message, code } = error as NodeJS.ErrnoException
    // OpenSSL and BoringSSL have a code, rustls has words alone.
    const what =
      tls !== undefined && /OSSL|certificate|\bkeys?\b/i.test(code ?? message)
        ? `use certificate "${printable(tls.cert)}" with key "${printable(tls.key)}"`
        : `listen on "${hostname}", port ${port}`
    throw new Error(`Cannot ${what}: ${message}`, { cause: error })
  }
  const urlOf = (host: string): string =>
    `${tls === undefined ? 'http' : 'https'}://${formatEndpoint(host, server.port)}/`
  // No browser goes to the address that stands for all.
  url = urlOf(isWildcard(server.host) ? 'localhost' : server.host)
  announce(`tcpfingerprint listens on ${urlOf(server.host)}`)
  announce(`  a browser:  ${url}`)
  if (typeof options.live === 'object') announceLink('live', options.live.token)
  if (options.history !== undefined) announceLink('history', options.history.token)
  announce(`  a terminal: curl ${tls === undefined ? '' : '--insecure '}${url}`)
  return {
    url,
    port: server.port,
    fingerprinter: middleware.fingerprinter,
    stop: async (graceMilliseconds = 0) => {
      endStreams()
      await server.stop(graceMilliseconds)
      // After the requests in flight: scripts that run are some of them.
      await close()
    },
  }
}

/** How long requests in flight may take to end, milliseconds. */
const GRACE = 10_000

/**
 * Stops the server at SIGTERM and SIGINT, then ends the process with code 0. The handler is also what lets these signals end
 * process 1, for which the kernel has no default action. A second signal ends it at once.
 */
export function stopOnSignals(server: Pick<DemoServer, 'stop'>): void {
  let stopping = false
  const stop = (): void => {
    if (stopping) {
      endProcess(1)
      return
    }
    stopping = true
    server.stop(GRACE).then(
      () => endProcess(0),
      () => endProcess(1),
    )
  }
  onSignal('SIGTERM', stop)
  onSignal('SIGINT', stop)
}
