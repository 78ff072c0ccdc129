/**
 * An application of known CGI programs: git's server, php-cgi, Perl scripts with CGI.pm. Runs under Bun and Deno.
 *
 * As a program it serves on a free port, which it prints, until its standard input ends: `deno run -A programs.ts DIRECTORY`.
 * @module
 */
import { Hono } from 'hono'
import { cgi, type HonoCgi } from '../../../src/cgi/hono.ts'
import { currentRuntime } from '../../../src/runtime/current.ts'

/** Repositories are in `repositories`, pages and scripts in `php` and `perl` of the directory. */
export function programs(directory: string): { app: Hono; handlers: readonly HonoCgi[] } {
  const common = { onError() {}, onStderr: (line: string) => console.error(line) }
  const git = cgi({
    ...common,
    command: ['/usr/bin/git', 'http-backend'],
    env: { GIT_PROJECT_ROOT: `${directory}/repositories`, GIT_HTTP_EXPORT_ALL: '1', HOME: directory },
    user: () => ({ name: 'jane', type: 'Basic' }),
  })
  const php = cgi({ ...common, root: `${directory}/php`, interpreters: { '.php': ['/usr/bin/php-cgi'] } })
  const perl = cgi({ ...common, root: `${directory}/perl` })
  const app = new Hono().all('/git/*', git).all('/php/*', php).all('/perl/*', perl)
  return { app, handlers: [git, php, perl] }
}

if (import.meta.main) {
  const { Deno } = globalThis as unknown as {
    Deno: { args: [string]; stdin: { readable: ReadableStream<Uint8Array> } }
  }
  const { app, handlers } = programs(Deno.args[0])
  const server = await currentRuntime().listen({ hostname: '127.0.0.1', port: 0 }, (request, info) =>
    app.fetch(request, info as object),
  )
  console.log(server.port)
  for await (const _ of Deno.stdin.readable) {
    // Nothing is written there: only its end counts.
  }
  await server.stop()
  for (const handler of handlers) await handler.close()
}
