/**
 * What CGI handlers need of the runtime.
 * @module
 */
import type { FileFacts } from '../runtime/files.ts'
import type { LocalEnd, Spawn } from '../runtime/types.ts'

/** Octets put aside until all of them are there. */
export interface Spool {
  readonly length: number
  append(octets: Uint8Array): void
  /** Everything from the beginning. Called once; the spool is gone when the stream ends or is cancelled. */
  read(): ReadableStream<Uint8Array>
  /** Throws it away. */
  discard(): void
}

/** Everything that differs from runtime to runtime. */
export interface CgiRuntime {
  readonly spawn: Spawn
  /** Facts of a path; `undefined` where there is nothing. */
  facts(path: string): FileFacts | undefined
  /** Absolute path without links; `undefined` where there is nothing. */
  realPath(path: string): string | undefined
  absolutePath(path: string): string
  openSpool(): Spool
  peer(request: Request, server: unknown): { address: string; port: number | undefined } | undefined
  local(server: unknown): LocalEnd
  /** Keeps the runtime from closing a connection on which a script is silent: the limits here do that. */
  keepOpen(request: Request, server: unknown): void
  /** One variable of the environment of this process. */
  environment(name: string): string | undefined
  /** Calls `run` before the process ends; returns how to take it back. */
  beforeExit(run: () => void): () => void
  /** Blocks for so long: only at the end of the process. */
  pause(milliseconds: number): void
}
