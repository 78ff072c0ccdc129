/**
 * What differs between Bun, Deno and Node, as the rest of the library sees it: one `Runtime`, one question a member.
 *
 * `current.ts` gives the runtime of this process. Outside of this room only `ffi/lib*.*.ts`, `cli.ts` and `cli/io.ts` name
 * `Bun`, `Deno`, `process` or `globalThis`.
 * @module
 */
import type { OpenLibc } from '../../ffi/libc.ts'
import type { ResponseFacts } from './ready-body.ts'

/** The runtimes that this library knows. */
export type RuntimeName = 'bun' | 'deno' | 'node'

/** One end of a connection, as the runtime gives it: IPv4-mapped addresses and zones included. */
export interface Endpoint {
  readonly address: string
  readonly port: number
}

/** The peer of a request. */
export interface Peer extends Endpoint {
  /** The descriptor of the request's connection, where the runtime names it. */
  readonly descriptor?: number | undefined
}

/** Why the runtime names no peer of a request. */
export type NoPeer =
  /** The response is sent, the client has gone, the connection was upgraded, or there never was one (`app.request()`). */
  | 'no-connection'
  /** The request came over a unix socket. */
  | 'unix-socket'
  /** The request came over QUIC or a virtual machine's socket. */
  | 'not-tcp'
  /** The library was loaded through another runtime's entry. */
  | 'unsupported'

/** Where a server listens, as far as the runtime says. */
export type ServerAddress =
  | { readonly kind: 'tcp'; readonly port: number; readonly address: string | undefined; readonly tls: boolean }
  | { readonly kind: 'unix' }
  /** Deno does not say which server a request came to. */
  | { readonly kind: 'unnamed' }
  /** The server has stopped, and no longer says where it listened. */
  | { readonly kind: 'stopped' }

/** Address and port of a listener, as far as they are the same for all of its connections. */
export interface LocalEnd {
  /** `undefined` where the listener accepts on every address, or the runtime does not say. */
  readonly address: string | undefined
  readonly port: number | undefined
}

/**
 * A runtime. `server` is always what came with a request: Bun's server, Deno's `ServeHandlerInfo`, or anything else, because
 * frameworks and tests pass what they like. No member that takes it throws.
 */
export interface Runtime extends ResponseFacts {
  readonly name: RuntimeName
  readonly version: string
  /** The operating system, by Node's names: `linux`, `darwin` ... */
  readonly platform: string
  /** True where the library was loaded through another runtime's entry, which captures nothing. */
  readonly misplaced?: boolean
  openLibc(path?: string): ReturnType<OpenLibc>

  /** True if a request still tells its peer after the client has gone, when the address may be another connection's. */
  readonly outlivesPeer: boolean
  /** The peer of a request, to be asked in the turn in which the handler is called, or why there is none. */
  peerOf(request: Request | undefined, server: unknown): Peer | NoPeer
  /** True if what comes with a request is the server, one object for all of its requests. */
  readonly namesServer: boolean
  /** Where a server listens. */
  addressOf(server: object): ServerAddress
  /** The listener's end, as logs and scripts name it. */
  localOf(server: unknown): LocalEnd
  /** Takes headers off what came with a request, where that has them as well. Names are in lower case. */
  hideHeaders(server: unknown, names: readonly string[]): void
  /**
   * Sets the idle timeout of a request's connection, seconds; 0 for none. Does nothing where the runtime has no such call. No
   * runtime tells the timeout that the server gave it.
   */
  setIdleTimeout(request: Request, server: unknown, seconds: number): void

  /** Starts a server. @throws {Error} (or rejects) where the address cannot be bound, or what serves on Node is not installed */
  listen(options: ListenOptions, handler: RequestHandler): RunningServer | Promise<RunningServer>

  readonly processId: number
  /** The kernel's number of this thread, where it is known: that of the main thread is the process's. */
  readonly threadId: number | undefined
  /** One variable of the process's environment. @throws {PermissionError} where the runtime forbids to read it */
  environment(name: string): string | undefined
  /** Starts a program. @throws an error with `code` (`ENOENT`, `EACCES`, `EAGAIN` ...) where it cannot be started */
  spawn(options: SpawnOptions): Child
  /** True if the runtime allows this without asking on the terminal. */
  isAllowed(permission: Permission): boolean
  /** One line for people on standard error. */
  warn(message: string): void
}

/** Where and how a server listens. */
export interface ListenOptions {
  readonly hostname: string
  /** 0 for any free port. */
  readonly port: number
  /** PEM texts. */
  readonly tls?: { readonly cert: string; readonly key: string } | undefined
  /** HTTP/2 as well, on Bun and Node. Deno speaks it unasked. */
  readonly http2?: boolean | undefined
  /** Seconds that an idle connection is kept, on Bun and Node: `Deno.serve` has no such option (2.9). */
  readonly idleTimeout?: number | undefined
}

/** Answers a request; `server` is what the runtime gives with it. */
export type RequestHandler = (request: Request, server: unknown) => Response | Promise<Response>

/** A server that listens. */
export interface RunningServer {
  /** The address as the runtime gives it. */
  readonly hostname: string
  readonly port: number
  /** The runtime's own object. */
  readonly server: object
  /**
   * Stops accepting, ends idle connections, lets requests in flight end for up to `graceMilliseconds` (default 0), then ends
   * them too. On Deno those that need longer than a grace end with the process: it cannot end them after the wait.
   */
  stop(graceMilliseconds?: number): Promise<void>
}

/** What Deno asks permission for, and Node with `--permission` for some. */
export type Permission = 'net' | 'ffi' | 'read' | 'sys' | 'run' | 'env'

/** The runtime's permissions forbid what was asked for. */
export class PermissionError extends Error {
  override readonly name = 'PermissionError'
  /** The flag that would allow it. */
  readonly flag: string

  constructor(message: string, flag: string) {
    super(message)
    this.flag = flag
  }
}

/** A program to run. No shell is involved. */
export interface SpawnOptions {
  /** Path of the program and its arguments. */
  readonly command: readonly [string, ...string[]]
  readonly cwd: string
  /** The whole environment: nothing is inherited. */
  readonly env: Readonly<Record<string, string>>
  /** Standard input; without it the program reads an end of file. */
  readonly stdin: ReadableStream<Uint8Array> | undefined
}

/** A running program, leader of a process group of its own. */
export interface Child {
  readonly pid: number
  /** Standard output, read from the pipe only as fast as the consumer of the stream asks. */
  readonly stdout: ReadableStream<Uint8Array>
  readonly stderr: ReadableStream<Uint8Array>
  /** Resolves when the program itself has ended, and never rejects. Its children may live on. */
  readonly exited: Promise<unknown>
  /** Signals the whole group. False where it has no member left. Signal 0 sends nothing. */
  signal(name: 'SIGTERM' | 'SIGKILL' | 0): boolean
}
