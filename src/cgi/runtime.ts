/**
 * `cgi()` and `createCgi()` on Bun and Deno.
 * @module
 */
import type { Context } from 'hono'
import { blockFor } from '../base/block-for.ts'
import { currentRuntime } from '../runtime/current.ts'
import { absolutePath, fileFacts, fileSystem, realPath, temporaryDirectory } from '../runtime/files.ts'
import { onProcessEnd } from '../runtime/process-end.ts'
import type { PermissionError } from '../runtime/types.ts'
import { type CgiStatus, createCgiHandler } from './handler.ts'
import { createHonoCgi, type HonoCgi } from './hono.ts'
import type { CgiOptions } from './options.ts'
import type { CgiRuntime } from './runtime-parts.ts'
import { openSpool } from './spooled-body.ts'

export type { CgiStatus } from './handler.ts'
export type { HonoCgi } from './hono.ts'
export type { CgiLimits, CgiOptions, ScriptNote } from './options.ts'

/** The runtime this process is, as CGI handlers see it. */
export function cgiRuntime(): CgiRuntime {
  const runtime = currentRuntime()
  return {
    spawn: (options) => runtime.spawn(options),
    facts: fileFacts,
    realPath,
    absolutePath,
    openSpool: () => openSpool(fileSystem(), temporaryDirectory()),
    peer(request, server) {
      const peer = runtime.peerOf(request, server)
      return typeof peer === 'string' ? undefined : peer
    },
    local: (server) => runtime.localOf(server),
    keepOpen: (request, server) => runtime.setIdleTimeout(request, server, 0),
    environment(name) {
      try {
        return runtime.environment(name)
      } catch (error) {
        // Deno has a permission for each; for PATH there is a default.
        if (name === 'PATH') return undefined
        throw new TypeError(
          `Cannot pass variable "${name}" to scripts: run Deno with ${(error as PermissionError).flag}`,
        )
      }
    },
    beforeExit: (run) => onProcessEnd(run, { ifOthersListen: 'skip' }),
    pause: blockFor,
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
