/**
 * Everything that is Node's, one question a function. `server` is what came with a request: an `IncomingMessage`, an
 * `Http2ServerRequest`, or the bindings of `@hono/node-server`.
 * @module
 */
import { openLibc } from '../../ffi/libc.node.ts'
import { CommonRuntime } from './common.ts'
import { processGlobal } from './globals.ts'
import { withNodeHeaders } from './node-headers.ts'
import { listenOnNode } from './node-listen.ts'
import { knownPeerOf, knownRecordOf, lowestSocketOf, nodeRequestOf, socketOf } from './node-request.ts'
import type { CountedBody, ReadyBody } from './ready-body.ts'
import { spawnNode } from './spawn-node.ts'
import type { Endpoint, LocalEnd, NoPeer, Runtime, ServerAddress } from './types.ts'

const STOPPED: ServerAddress = { kind: 'stopped' }
const NO_LOCAL: LocalEnd = { address: undefined, port: undefined }

/** A socket's record has it, once the socket was read. */
function peerOf(_request: Request | undefined, server: unknown): Endpoint | NoPeer {
  const known = knownPeerOf(server)
  return typeof known === 'object' ? known : findPeer(server)
}

/** True if the socket, or the one under it, is of `Pipe` in libuv's words, open. One that is no stream of the system is not. */
function isUnix(socket: object): boolean {
  const { _handle: handle } = lowestSocketOf(socket) as { readonly _handle?: { readonly fchmod?: unknown } | null }
  return typeof handle?.fchmod === 'function'
}

function findPeer(server: unknown): Endpoint | NoPeer {
  const socket = socketOf(server)
  if (socket === undefined) return 'no-connection'
  try {
    const known = knownRecordOf(socket)?.connection
    if (typeof known === 'object') return known
    const { remoteAddress: address, remotePort: port } = socket
    if (typeof address === 'string' && typeof port === 'number') return { address, port }
    return isUnix(socket) ? 'unix-socket' : 'no-connection'
  } catch {
    // The proxy of an HTTP/2 session throws once the session has no socket.
    return 'no-connection'
  }
}

function localOf(server: unknown): LocalEnd {
  const socket = socketOf(server)
  try {
    return socket === undefined ? NO_LOCAL : { address: socket.localAddress, port: socket.localPort }
  } catch {
    return NO_LOCAL
  }
}

class NodeRuntime extends CommonRuntime implements Runtime {
  readonly name = 'node'
  readonly outlivesPeer = false
  readonly namesServer = false
  readonly openLibc: typeof openLibc = openLibc
  readonly peerOf: typeof peerOf = peerOf
  readonly localOf: typeof localOf = localOf
  readonly listen: typeof listenOnNode = listenOnNode
  readonly spawn: typeof spawnNode = spawnNode

  get version(): string {
    return processGlobal()?.versions.node ?? ''
  }

  addressOf(): ServerAddress {
    return STOPPED
  }

  /** Node's servers close no connection on which a request is being answered. */
  setIdleTimeout(): void {}

  override hideHeaders(server: unknown, names: readonly string[]): void {
    const message = nodeRequestOf(server)
    if ((message as { readonly headers?: unknown } | undefined)?.headers === undefined) return
    for (const name of names) withNodeHeaders(message!).headers.delete(name)
  }

  /** `@hono/node-server` gives no answer with such a request. */
  override isUpgraded(_request: Request, server: unknown): boolean {
    const { incoming, outgoing } = (server ?? {}) as { readonly incoming?: unknown; readonly outgoing?: unknown }
    return incoming !== undefined && outgoing === undefined
  }

  /** Every body is counted as it is sent. */
  bodyOf(): 'stream' {
    return 'stream'
  }

  textBody(): undefined {}

  /**
   * `@hono/node-server` waits for a timer first, because the piece may have been the last; timers of one length end in their order, so
   * that of two in a row the second is later than its own.
   */
  override async afterWriting(): Promise<void> {
    for (let i = 0; i < 2; i++) await new Promise((resolve) => setTimeout(resolve, 0))
  }

  /**
   * `@hono/node-server` gives a type to every body without one, and a length to those that end within their first chunks: before it
   * sends the head.
   */
  addedField(
    name: string,
    response: Response,
    status: number,
    body: ReadyBody | undefined,
    counted?: CountedBody,
  ): string | undefined {
    // No look at a body that is known: `@hono/node-server` makes the answer anew then, which no answer to an upgrade can be.
    if (status < 200 || (body === undefined ? response.body === null : body.made === undefined)) return undefined
    if (name === 'content-type') return 'text/plain; charset=UTF-8'
    if (name !== 'content-length' || counted?.method === 'HEAD') return undefined
    const { outgoing } = (counted?.server ?? {}) as { readonly outgoing?: { readonly headersSent?: boolean } }
    return outgoing?.headersSent === false ? `${counted?.bytes ?? 0}` : undefined
  }
}

/** Node. */
export const node: Runtime = /* @__PURE__ */ new NodeRuntime()
