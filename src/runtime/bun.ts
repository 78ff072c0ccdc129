/**
 * Everything that is Bun's, one question a function.
 * @module
 */
import { openLibc } from '../../ffi/libc.bun.ts'
import { bunAddedField, bunBody, bunTextBody } from './bun-body.ts'
import { CommonRuntime, isWildcard, settlesWithin } from './common.ts'
import { bunGlobal } from './globals.ts'
import type { ReadyBody } from './ready-body.ts'
import { spawnBun } from './spawn-bun.ts'
import type {
  ListenOptions,
  LocalEnd,
  NoPeer,
  Peer,
  RequestHandler,
  RunningServer,
  Runtime,
  ServerAddress,
} from './types.ts'

/** What is used of `Bun.Server`. */
export interface BunServer {
  requestIP(request: Request): { readonly address: string; readonly port: number } | null
  readonly port?: number | undefined
  readonly protocol?: string | null
  readonly address?: { readonly address: string; readonly port: number } | null
  /** Proposed (oven-sh/bun pull request 29599): used where the runtime has it. */
  requestFD?(request: Request): number | null | undefined
  /** Sets the idle timeout of the request's connection, seconds. */
  timeout?(request: Request, seconds: number): void
}

function isBunServer(value: unknown): value is BunServer {
  return typeof (value as BunServer | undefined | null)?.requestIP === 'function'
}

/** Null of `requestIP` is an answered or aborted request, or a unix socket: the server's address tells which. */
function peerOf(request: Request | undefined, server: unknown): Peer | NoPeer {
  try {
    if (request === undefined || !isBunServer(server)) return 'no-connection'
    const peer = server.requestIP(request)
    if (peer === null || typeof peer?.address !== 'string' || typeof peer.port !== 'number') {
      return peer === null && addressOf(server).kind === 'unix' ? 'unix-socket' : 'no-connection'
    }
    if (typeof server.requestFD !== 'function') return peer
    return { address: peer.address, port: peer.port, descriptor: descriptorOf(request, server) }
  } catch {
    return 'no-connection'
  }
}

function descriptorOf(request: Request, server: BunServer): number | undefined {
  try {
    const named = server.requestFD?.(request)
    return typeof named === 'number' && named >= 0 ? named : undefined
  } catch {
    return undefined
  }
}

function addressOf(server: object): ServerAddress {
  try {
    const { address, port: ownPort, protocol } = server as Partial<BunServer>
    const port = typeof address === 'object' && address !== null ? address.port : (ownPort ?? undefined)
    if (typeof port !== 'number') return { kind: 'unix' }
    if (port === 0) return { kind: 'stopped' }
    return { kind: 'tcp', port, address: address?.address, tls: protocol === 'https' }
  } catch {
    return { kind: 'stopped' }
  }
}

function localOf(server: unknown): LocalEnd {
  const found = typeof server === 'object' && server !== null ? addressOf(server) : undefined
  if (found?.kind !== 'tcp') return { address: undefined, port: undefined }
  return { address: isWildcard(found.address) ? undefined : found.address, port: found.port }
}

class BunRuntime extends CommonRuntime implements Runtime {
  readonly name = 'bun'
  readonly outlivesPeer = false
  readonly namesServer = true
  readonly openLibc: typeof openLibc = openLibc
  readonly peerOf: typeof peerOf = peerOf
  readonly addressOf: typeof addressOf = addressOf
  readonly localOf: typeof localOf = localOf
  readonly spawn: typeof spawnBun = spawnBun

  get version(): string {
    return bunGlobal()?.version ?? ''
  }

  setIdleTimeout(request: Request, server: unknown, seconds: number): void {
    try {
      const { timeout } = server as BunServer
      if (typeof timeout === 'function') timeout.call(server, request, seconds)
    } catch {
      // The request is answered: its connection has the server's timeout again.
    }
  }

  listen(options: ListenOptions, fetch: RequestHandler): RunningServer {
    const { hostname, port, tls, http2, idleTimeout } = options
    const server = bunGlobal()!.serve({
      hostname,
      port,
      fetch,
      ...(idleTimeout === undefined ? {} : { idleTimeout }),
      ...(tls === undefined ? {} : { tls }),
      ...(http2 === true ? { http2: true } : {}),
    })
    const stop = async (grace = 0): Promise<void> => {
      if (grace > 0) await settlesWithin(grace, server.stop())
      await server.stop(true)
    }
    return { hostname: server.hostname ?? hostname, port: server.port!, server, stop }
  }

  bodyOf(response: Response, request: Request): ReadyBody | 'stream' | undefined {
    return bunBody(bunGlobal()!, response, request)
  }

  addedField(name: string, response: Response, status: number, body: ReadyBody | undefined): string | undefined {
    return bunAddedField(bunGlobal()!, name, response, status, body)
  }

  textBody(response: Response): ReadyBody | undefined {
    return bunTextBody(bunGlobal()!, response)
  }

  /** Bun numbers no thread but the main one, whose number is the process's. */
  override get threadId(): number | undefined {
    return bunGlobal()?.isMainThread === false ? undefined : this.processId
  }
}

/** Bun. */
export const bun: Runtime = /* @__PURE__ */ new BunRuntime()
