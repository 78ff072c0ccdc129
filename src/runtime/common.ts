/**
 * What Bun, Deno and Node have in common: `process` and standard error.
 * @module
 */
import { lazy } from '../base/lazy.ts'
import { denoGlobal, processGlobal } from './globals.ts'
import { type NoPeer, type Peer, type Permission, PermissionError } from './types.ts'

/** Loaded when it is first used: importing it takes Node 0.2 ms. */
const timers = /* @__PURE__ */ lazy(
  () => processGlobal()!.getBuiltinModule!('node:timers') as typeof import('node:timers'),
)

/** False where Node's permission model forbids it. True for what this release has no flag for: the network before Node 25. */
export function nodeAllows(permission: Permission): boolean {
  const { permission: granted, allowedNodeEnvironmentFlags: flags } = processGlobal() ?? {}
  return granted?.has(permission) !== false || flags?.has(`--allow-${permission}`) !== true
}

/** The members that are the same everywhere. Nothing is asked of the runtime before a member is read. */
export abstract class CommonRuntime {
  get platform(): string {
    return processGlobal()?.platform ?? ''
  }

  get processId(): number {
    return processGlobal()?.pid ?? denoGlobal()?.pid ?? 0
  }

  get threadId(): number | undefined {
    return this.processId
  }

  environment(name: string): string | undefined {
    try {
      return processGlobal()?.env[name]
    } catch {
      const flag = `--allow-env=${name}`
      throw new PermissionError(`Cannot read variable "${name}": run Deno with ${flag}`, flag)
    }
  }

  isAllowed(permission: Permission): boolean {
    return nodeAllows(permission)
  }

  abstract peerOf(request: Request | undefined, server: unknown): Peer | NoPeer

  hideHeaders(_server: unknown, _names: readonly string[]): void {}

  /** See `ResponseFacts.isUpgraded`. The runtime has forgotten the peer then. */
  isUpgraded(request: Request, server: unknown): boolean {
    return typeof this.peerOf(request, server) === 'string'
  }

  /** See `Runtime.onGone`. Bun and Node abort the signal of a request only when its client has gone. */
  onGone(request: Request, _server: unknown, run: () => void): () => void {
    const { signal } = request
    signal.addEventListener('abort', run)
    return () => signal.removeEventListener('abort', run)
  }

  /** See `ResponseFacts.afterWriting`. */
  afterWriting(): Promise<void> {
    return new Promise((resolve) => timers().setImmediate(resolve))
  }

  warn(message: string): void {
    console.warn(`tcpfingerprint: ${message}`)
  }
}

/** True for the addresses that stand for every address of the machine. */
export function isWildcard(address: string | undefined): boolean {
  return address === '::' || address === '0.0.0.0'
}

/** True if the promise settles within so long. */
export async function settlesWithin(milliseconds: number, promise: Promise<unknown>): Promise<boolean> {
  let timer: unknown
  const limit = new Promise<boolean>((resolve) => {
    timer = setTimeout(() => resolve(false), milliseconds)
  })
  const settled = promise.then(
    () => true,
    () => true,
  )
  const first = await Promise.race([settled, limit])
  clearTimeout(timer as number)
  return first
}
