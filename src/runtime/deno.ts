/**
 * Everything that is Deno's, one question a function.
 * @module
 */
import { openLibc } from '../../ffi/libc.deno.ts'
import { CommonRuntime, settlesWithin } from './common.ts'
import { denoAddedField, denoBody, denoOnGone } from './deno-body.ts'
import { denoGlobal } from './globals.ts'
import { spawnDeno } from './spawn-deno.ts'
import type {
  Endpoint,
  ListenOptions,
  LocalEnd,
  NoPeer,
  Permission,
  RequestHandler,
  RunningServer,
  Runtime,
  ServerAddress,
} from './types.ts'

/** What is used of `Deno.ServeHandlerInfo`, the second argument of a handler. */
export interface DenoInfo {
  readonly remoteAddr: { readonly transport?: string; readonly hostname?: string; readonly port?: number }
}

/** What is used of `Deno.HttpServer`. */
export interface DenoServer {
  readonly addr: { readonly transport?: string; readonly port?: number }
}

/** True for the information of a request. Asks the prototype, not the value: `remoteAddr` throws once the request is answered. */
export function isDenoInfo(value: unknown): value is DenoInfo {
  try {
    return typeof value === 'object' && value !== null && 'remoteAddr' in value
  } catch {
    return false
  }
}

function peerOf(_request: Request | undefined, info: unknown): Endpoint | NoPeer {
  try {
    if (!isDenoInfo(info)) return 'no-connection'
    const { remoteAddr: remote } = info
    const { transport, hostname, port } = remote
    if (transport === 'unix' || transport === 'unixpacket') return 'unix-socket'
    if (transport !== undefined && transport !== 'tcp') return 'not-tcp'
    if (typeof hostname !== 'string' || typeof port !== 'number') return 'no-connection'
    return { address: hostname, port }
  } catch {
    return 'no-connection'
  }
}

const UNNAMED: ServerAddress = { kind: 'unnamed' }
const NO_LOCAL: LocalEnd = { address: undefined, port: undefined }

function addressOf(server: object): ServerAddress {
  try {
    const { addr } = server as Partial<DenoServer>
    if (addr === undefined) return UNNAMED
    if (addr.transport !== 'tcp' || typeof addr.port !== 'number') return { kind: 'unix' }
    return { kind: 'tcp', port: addr.port, address: undefined, tls: false }
  } catch {
    return { kind: 'stopped' }
  }
}

/**
 * Requests that are answered while their body may still be on its way. Deno's `shutdown()` takes the rest of it from the handler
 * ("Cannot read body as underlying resource unavailable", Deno 2.9.6), so it has to wait for these. Requests that bring a body in
 * the meantime are refused.
 */
class IncomingBodies {
  #count = 0
  #done: (() => void) | undefined = undefined

  async answer(request: Request, handle: () => Response | Promise<Response>): Promise<Response> {
    if (request.method === 'GET' || request.method === 'HEAD') return handle()
    if (this.#done !== undefined) {
      return new Response('The server is stopping\n', { status: 503, headers: { connection: 'close' } })
    }
    this.#count += 1
    try {
      return await handle()
    } finally {
      this.#count -= 1
      if (this.#count === 0) this.#end()
    }
  }

  #end(): void {
    this.#done?.()
  }

  /** Resolves when none is left; from now on none is taken. */
  read(): Promise<void> {
    return new Promise((resolve) => {
      this.#done = resolve
      if (this.#count === 0) resolve()
    })
  }
}

class DenoRuntime extends CommonRuntime implements Runtime {
  readonly name = 'deno'
  readonly outlivesPeer = true
  readonly namesServer = false
  readonly openLibc: typeof openLibc = openLibc
  readonly peerOf: typeof peerOf = peerOf
  readonly addressOf: typeof addressOf = addressOf
  readonly spawn: typeof spawnDeno = spawnDeno
  readonly bodyOf: typeof denoBody = denoBody
  readonly addedField: typeof denoAddedField = denoAddedField

  get version(): string {
    return denoGlobal()?.version.deno ?? ''
  }

  localOf(): LocalEnd {
    return NO_LOCAL
  }

  setIdleTimeout(): void {}

  listen({ hostname, port, tls }: ListenOptions, handler: RequestHandler): RunningServer {
    const ending = new AbortController()
    const options = { hostname, port, ...tls, signal: ending.signal, onListen: () => {} }
    const bodies = new IncomingBodies()
    const server = denoGlobal()!.serve(options, (request, info) => bodies.answer(request, () => handler(request, info)))
    const stop = async (grace = 0): Promise<void> => {
      // The signal ends connections too, but Deno throws at it once shutdown() was called.
      if (grace > 0)
        await settlesWithin(
          grace,
          bodies.read().then(() => server.shutdown()),
        )
      else {
        ending.abort()
        await server.finished
      }
    }
    return { hostname: server.addr.hostname, port: server.addr.port, server, stop }
  }

  textBody(): undefined {}

  override onGone(request: Request, info: unknown, run: () => void): () => void {
    return denoOnGone(request, info, run)
  }

  override isAllowed(name: Permission): boolean {
    return denoGlobal()?.permissions.querySync({ name }).state === 'granted'
  }
}

/** Deno. */
export const deno: Runtime = /* @__PURE__ */ new DenoRuntime()
