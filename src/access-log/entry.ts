/**
 * A request under way: what was known when it came, and what its answer adds.
 * @module
 */
import type { ReadyBody } from '../runtime/ready-body.ts'
import type { Runtime } from '../runtime/types.ts'
import { unmapAddress } from '../wire/sockaddr.ts'
import type { LogFormatUses } from './directives.ts'
import { type AccessRecord, type HeaderReader, protocolOf } from './record.ts'

/** What a new entry is filled from. */
export interface EntrySource {
  readonly uses: LogFormatUses
  /** What all requests of a log have in common. */
  readonly constants: Pick<AccessRecord, 'serverName' | 'serverPort' | 'protocol' | 'processId' | 'threadId'>
  /** The monotonic clock, where the format measures something. */
  now(): number
  /** The wall clock at a moment of the monotonic one. */
  timeOf(monotonic: number): number
  /** The other end of the connection. */
  peer(request: Request, server: unknown): { readonly address: string; readonly port: number | undefined } | undefined
  /** The listener's end of the connection. */
  local(server: unknown): { readonly address?: string | undefined; readonly port?: number | undefined }
  /** Value of a field that the runtime adds to an answer. */
  addedField(name: string, response: Response, body: ReadyBody | undefined, entry: LogEntry): string | undefined
}

/** One end of a connection. */
interface Endpoint {
  readonly address: string
  readonly port?: number | undefined
}

/** The ends of a request's connection, as a fingerprint names them. */
export interface NamedEnds {
  /** The client. */
  readonly peer?: Endpoint | undefined
  readonly local?: { readonly port: number } | undefined
  /** The proxy's connection, where a trusted header speaks for the client. */
  readonly hop?: { readonly peer?: Endpoint | undefined } | undefined
}

/** The record of one request, filled in as it is answered. Small, because every request makes one. */
export class LogEntry implements AccessRecord {
  readonly source: EntrySource
  readonly request: Request
  /** What came with the request: Bun's server, Deno's `info`. */
  readonly server: unknown
  readonly method: string
  readonly url: string
  readonly requestHeaders: HeaderReader
  readonly time: number
  /** Tells whether the client has gone, where the format asks. From the beginning, because Deno watches only from the first look on. */
  readonly signal: AbortSignal | undefined
  /** `performance.now()` at the beginning; 0 where the format measures nothing. */
  readonly started: number
  readonly serverName: string | undefined
  readonly serverPort: number | undefined
  readonly protocol: string | undefined
  readonly processId: number | undefined
  readonly threadId: number | undefined
  remoteAddress: string | undefined
  remotePort: number | undefined
  peerAddress: string | undefined
  peerPort: number | undefined
  localAddress: string | undefined
  localPort: number | undefined
  status = 0
  response: Response | undefined
  /** Its body, where that lies ready. */
  body: ReadyBody | undefined
  bytes: number | undefined
  endTime: number | undefined
  duration: number | undefined
  firstByte: number | undefined
  aborted: boolean | undefined
  user: string | undefined

  /** Must be made before anything else looks at the request: Bun forgets the peer of a request that was consumed or cloned. */
  constructor(source: EntrySource, request: Request, server: unknown) {
    const { constants } = source
    this.source = source
    this.request = request
    this.server = server
    this.method = request.method
    this.url = request.url
    this.requestHeaders = request.headers
    this.started = source.now()
    this.time = source.timeOf(this.started)
    this.serverName = constants.serverName
    this.serverPort = constants.serverPort
    this.protocol = constants.protocol
    this.processId = constants.processId
    this.threadId = constants.threadId
    this.signal = source.uses.aborted ? request.signal : undefined
    if (!source.uses.connection) return
    const peer = source.peer(request, server)
    if (peer !== undefined) {
      this.remoteAddress = unmapAddress(peer.address)
      this.remotePort = peer.port
    }
    const local = source.local(server)
    this.localAddress = local.address
    this.localPort = local.port
  }

  /** Takes over what a fingerprint knows better of the two ends. */
  takeEnds(ends: NamedEnds | undefined): void {
    // Deno names the listener's port with the connection alone.
    this.localPort ??= ends?.local?.port
    if (ends?.hop === undefined) return
    // A trusted proxy that names no client leaves it unknown: its own address is not the client's.
    this.peerAddress = this.remoteAddress
    this.peerPort = this.remotePort
    this.remoteAddress = ends.peer?.address
    this.remotePort = ends.peer?.port
  }

  /** The body of the answer: ready, a stream, or `undefined` where that cannot be known. */
  bodyOf(response: Response, runtime: Runtime): ReadyBody | 'stream' | undefined {
    return runtime.bodyOf(response, this.request)
  }

  /** Fields of the answer as the client receives them. */
  get responseHeaders(): HeaderReader {
    const { response, body, source } = this
    if (response === undefined) return NO_HEADERS
    return {
      get: (name) => response.headers.get(name) ?? source.addedField(name.toLowerCase(), response, body, this) ?? null,
    }
  }

  /** True if the connection carries no further request: either side says `close`, HTTP/1.0, or the connection was upgraded. */
  get closing(): boolean {
    if (this.status === 101) return true
    const asked = this.requestHeaders.get('connection')
    if (hasClose(asked) || hasClose(this.responseHeaders.get('connection'))) return true
    return protocolOf(this) === 'HTTP/1.0' && !/keep-alive/i.test(asked ?? '')
  }
}

const NO_HEADERS: HeaderReader = { get: () => null }

function hasClose(field: string | null): boolean {
  return field !== null && /(?:^|,)\s*close\s*(?:,|$)/i.test(field)
}
