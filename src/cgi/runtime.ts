/**
 * `cgi()` and `createCgi()` on Bun and Deno.
 * @module
 */
import type { Context } from 'hono'
import { localEnd, peerEnd } from '../runtime/ends.ts'
import { beforeEnd } from '../runtime/process-end.ts'
import type { CgiRuntime } from '../runtime/processes.ts'
import { spawnBun } from '../runtime/spawn-bun.ts'
import { spawnDeno } from '../runtime/spawn-deno.ts'
import { type CgiStatus, createCgiHandler } from './handler.ts'
import { createHonoCgi, type HonoCgi } from './hono.ts'
import type { CgiOptions } from './options.ts'
import { openSpool } from './spooled-body.ts'

export type { CgiStatus } from './handler.ts'
export type { HonoCgi } from './hono.ts'
export type { CgiLimits, CgiOptions, ScriptNote } from './options.ts'

/** What is used of `process`. */
interface Host {
  readonly env: Readonly<Record<string, string | undefined>>
  getBuiltinModule(name: 'node:fs'): typeof import('node:fs')
  getBuiltinModule(name: 'node:path'): typeof import('node:path')
  getBuiltinModule(name: 'node:os'): typeof import('node:os')
}

/** The runtime this process is, as CGI handlers see it. */
export function cgiRuntime(): CgiRuntime {
  const { process: host, Bun } = globalThis as unknown as { process: Host; Bun?: unknown }
  const fs = host.getBuiltinModule('node:fs')
  const path = host.getBuiltinModule('node:path')
  const os = host.getBuiltinModule('node:os')
  return {
    spawn: Bun === undefined ? spawnDeno : spawnBun,
    facts(name) {
      try {
        let stat = fs.lstatSync(name)
        const link = stat.isSymbolicLink()
        if (link) stat = fs.statSync(name)
        const kind = stat.isFile() ? 'file' : stat.isDirectory() ? 'directory' : 'other'
        return { link, kind, executable: kind === 'file' && executable(name, stat.mode) }
      } catch {
        return undefined
      }
    },
    realPath(name) {
      try {
        return fs.realpathSync.native(name)
      } catch {
        return undefined
      }
    },
    absolutePath: (name) => path.resolve(name),
    openSpool: () => openSpool(fs, os.tmpdir()),
    peer: peerEnd,
    local: localEnd,
    keepOpen(request, server) {
      const { timeout } = (server ?? {}) as { timeout?: (request: Request, seconds: number) => void }
      if (typeof timeout === 'function') timeout.call(server, request, 0)
    },
    environment(name) {
      try {
        return host.env[name]
      } catch {
        // Deno has a permission for each; for PATH there is a default.
        if (name === 'PATH') return undefined
        throw new TypeError(`Cannot pass variable "${name}" to scripts: run Deno with --allow-env=${name}`)
      }
    },
    beforeExit: beforeEnd,
    pause(milliseconds) {
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, milliseconds)
    },
  }
  function executable(name: string, mode: number): boolean {
    try {
      fs.accessSync(name, fs.constants.X_OK)
      return true
    } catch (error) {
      // Without --allow-sys Deno does not say who this process is; then a bit for anybody is enough to try.
      return !('code' in (error as Error)) && (mode & 0o111) !== 0
    }
  }
}

/**
 * Hono handler that runs CGI/1.1 programs (RFC 3875): the scripts of a directory, or one program.
 *
 * Scripts get the meta-variables, `HTTP_*`, the `FINGERPRINT_*` variables of `fingerprint()` and nothing of this process's
 * environment but what `passEnv` names. Their process group is stopped when the client goes, a limit is reached or the server
 * ends.
 *
 * @throws {TypeError} for an unknown option or a wrong value
 * @see {@link https://www.rfc-editor.org/rfc/rfc3875 RFC 3875}
 * @example
 * app.use(fingerprint())
 * app.all('/cgi-bin/*', cgi({ root: './cgi-bin' }))
 * app.all('/php/*', cgi({ root: './php', interpreters: { '.php': ['/usr/bin/php-cgi'] } }))
 */
export function cgi(options: CgiOptions<Context>): HonoCgi {
  return createHonoCgi(cgiRuntime(), options)
}

/** A CGI handler for `Bun.serve` and `Deno.serve`. */
export interface PlainCgi {
  /** Answers a request; `server` is what came with it: Bun's server, Deno's `info`. Never rejects. */
  (request: Request, server?: unknown): Promise<Response>
  /** Scripts that run and requests that wait. */
  status(): CgiStatus
  /** Stops every script: SIGTERM, then SIGKILL. Resolves when all are gone; later requests get 503. */
  close(): Promise<void>
}

/** What the callbacks of {@link createCgi} get. */
export interface CgiExchange {
  readonly request: Request
  readonly server: unknown
}

/**
 * The same as {@link cgi} for handlers without Hono.
 *
 * @throws {TypeError} for an unknown option or a wrong value
 * @example
 * const fp = createFingerprinter()
 * const scripts = createCgi({
 *   root: './cgi-bin',
 *   prefix: '/cgi-bin',
 *   variables: ({ request, server }) => fp.env(fp.fromBun(request, server)),
 * })
 * Bun.serve({ fetch: (request, server) => scripts(request, server) })
 */
export function createCgi(options: CgiOptions<CgiExchange>): PlainCgi {
  const handler = createCgiHandler<CgiExchange>(cgiRuntime(), options)
  const run = (request: Request, server?: unknown): Promise<Response> =>
    handler.handle(request, { request, server }, server)
  return Object.assign(run, { status: () => handler.status(), close: () => handler.close() })
}
