/**
 * Processes and files, as CGI handlers need them of the runtime.
 * @module
 */

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
  /** Standard output, read no faster than somebody asks. */
  readonly stdout: ReadableStream<Uint8Array>
  readonly stderr: ReadableStream<Uint8Array>
  /** Resolves when the program itself has ended, and never rejects. Its children may live on. */
  readonly exited: Promise<unknown>
  /** Signals the whole group; false where nobody is left in it. Signal 0 only asks. */
  signal(name: 'SIGTERM' | 'SIGKILL' | 0): boolean
}

/** Starts a program. @throws an error with `code` (`ENOENT`, `EACCES`, `EAGAIN` ...) where it cannot be started */
export type Spawn = (options: SpawnOptions) => Child

/** What stands at a path, links followed. */
export interface FileFacts {
  /** The last part of the path is a symbolic link. */
  readonly link: boolean
  readonly kind: 'file' | 'directory' | 'other'
  /** Whether it is a file that this process may execute. */
  readonly executable: boolean
}

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
  local(server: unknown): { address: string | undefined; port: number | undefined } | undefined
  /** Keeps the runtime from closing a connection on which a script is silent: the limits here do that. */
  keepOpen(request: Request, server: unknown): void
  /** One variable of the environment of this process. */
  environment(name: string): string | undefined
  /** Calls `run` before the process ends; returns how to take it back. */
  beforeExit(run: () => void): () => void
  /** Blocks for so long: only at the end of the process. */
  pause(milliseconds: number): void
}
