/**
 * The global objects of the runtimes, as far as they are used. Absent ones are `undefined`; nothing is read when this module is
 * loaded.
 * @module
 */
import { ignoreRejection } from '../base/report-once.ts'

/** What is used of `Bun`. */
export interface BunGlobal {
  readonly version: string
  readonly isMainThread?: boolean
  inspect(value: unknown): string
  peek(value: unknown): unknown
  file(path: string): Blob
  serve(options: object): {
    readonly hostname?: string
    readonly port?: number
    stop(closeActiveConnections?: boolean): Promise<void>
  }
  spawn(options: {
    cmd: string[]
    cwd: string
    env: Record<string, string>
    stdin: ReadableStream<Uint8Array> | 'ignore'
    stdout: 'pipe'
    stderr: 'pipe'
    lazy: true
    detached: true
  }): {
    readonly pid: number
    readonly stdout: ReadableStream<Uint8Array>
    readonly stderr: ReadableStream<Uint8Array>
    readonly exited: Promise<number>
  }
}

/** What is used of `Deno`. */
export interface DenoGlobal {
  readonly version: { readonly deno: string }
  readonly pid: number
  readonly noColor?: boolean
  readonly permissions: { querySync(one: { name: string; path?: string; host?: string }): { readonly state: string } }
  readonly Command: new (
    program: string,
    options: {
      args: string[]
      cwd: string
      env: Record<string, string>
      clearEnv: true
      stdin: 'piped' | 'null'
      stdout: 'piped'
      stderr: 'piped'
      detached: true
    },
  ) => {
    spawn(): {
      readonly pid: number
      readonly stdin: WritableStream<Uint8Array>
      readonly stdout: ReadableStream<Uint8Array>
      readonly stderr: ReadableStream<Uint8Array>
      readonly status: Promise<unknown>
      kill(signal: 'SIGTERM' | 'SIGKILL'): void
    }
  }
  unrefTimer?(id: number): void
  serve(
    options: {
      hostname: string
      port: number
      cert?: string
      key?: string
      signal?: AbortSignal
      onListen: () => void
    },
    handler: (request: Request, info: object) => Response | Promise<Response>,
  ): {
    readonly addr: { readonly transport: 'tcp'; readonly hostname: string; readonly port: number }
    readonly finished: Promise<void>
    shutdown(): Promise<void>
  }
}

/** What is used of `process`, which all three runtimes have. */
export interface ProcessGlobal {
  readonly pid: number
  readonly platform: string
  readonly argv: readonly string[]
  readonly versions: Readonly<Record<string, string | undefined>>
  readonly env: Readonly<Record<string, string | undefined>>
  on(event: string, listener: () => void): unknown
  off(event: string, listener: () => void): unknown
  listeners(event: string): unknown[]
  kill(pid: number, signal: string | number): unknown
  exit(code: number): void
  getBuiltinModule?(name: string): unknown
  /** On Node with `--permission`. */
  readonly permission?: { has(scope: string): boolean }
  readonly allowedNodeEnvironmentFlags?: ReadonlySet<string>
  hrtime(): readonly [seconds: number, nanoseconds: number]
  /** Node's own modules that are loaded, as `NativeModule tls`: not documented. */
  readonly moduleLoadList?: readonly string[]
}

interface Globals {
  readonly Bun?: BunGlobal
  readonly Deno?: DenoGlobal
  readonly process?: ProcessGlobal
}

const globals = (): Globals => globalThis as unknown as Globals

/** `Bun`, on Bun. */
export const bunGlobal = (): BunGlobal | undefined => globals().Bun

/** `Deno`, on Deno. */
export const denoGlobal = (): DenoGlobal | undefined => globals().Deno

/** `process`, `undefined` in a browser. */
export const processGlobal = (): ProcessGlobal | undefined => globals().process

/** Milliseconds of CLOCK_MONOTONIC, which is what Node and Bun count. */
export function monotonicNow(): number {
  const [seconds, nanoseconds] = processGlobal()!.hrtime()
  return seconds * 1000 + nanoseconds / 1e6
}

/**
 * A value that all copies of this library in this thread share, and the old and new module after a hot reload. `key` is a
 * `Symbol.for`.
 */
export interface ThreadShared<T> {
  get(): T | undefined
  set(value: T): void
}

/** Where `globalThis` takes no member: what this copy of the library has. */
const own: Record<symbol, unknown> = {}

/** The place on `globalThis` with this key. */
export function threadShared<T>(key: symbol): ThreadShared<T> {
  const isShared = key in globalThis || Object.isExtensible(globalThis)
  const place = (isShared ? globalThis : own) as Record<symbol, T | undefined>
  return {
    get: () => place[key],
    set: (value) => {
      place[key] = value
    },
  }
}

/** Stands for this evaluation of the module: `bun --hot` evaluates it anew and keeps `globalThis`, signals and descriptors. */
const EVALUATION = {}

/**
 * What this evaluation of the library has open of a kind. What the one before had is closed: its modules never run again but for requests
 * that are under way.
 */
export function openOfEvaluation<Open extends { close(): unknown }>(kind: string): Set<Open> {
  const place = threadShared<{ readonly evaluation: object; readonly open: Set<Open> }>(
    Symbol.for(`tcpfingerprint.${kind} ${import.meta.url}`),
  )
  const before = place.get()
  if (before?.evaluation === EVALUATION) return before.open
  for (const one of before?.open ?? []) ignoreRejection(one.close())
  const open = new Set<Open>()
  place.set({ evaluation: EVALUATION, open })
  return open
}
