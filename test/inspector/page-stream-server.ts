/**
 * A server of one page, bundled for each runtime by a test: `page-stream-server.js ROOT FILE [overriding]`. While the page's body is
 * made, nothing else happens, until FILE is there: who asked for it makes the file when the head has come.
 * @module
 */
import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import process from 'node:process'
import type { Page } from '../../src/inspector/layout.ts'
import { streamPage } from '../../src/inspector/page-stream.ts'
import { currentRuntime } from '../../src/runtime/current.ts'

const [, , root, file, overriding] = process.argv
/** Milliseconds. */
const PATIENCE = 20_000

const page: Page = {
  name: 'connection',
  title: 'A page',
  footer: '',
  body: () => {
    const until = performance.now() + PATIENCE
    while (performance.now() < until) if (existsSync(file!)) return 'The head came first'
    return 'The head did not come first'
  },
}
const answer = (): Response =>
  new Response(streamPage(page, { nonce: 'x', live: false, history: false }), {
    headers: { 'Content-Type': 'text/html; charset=UTF-8' },
  })
if (overriding === undefined) {
  const { port } = await currentRuntime().listen({ hostname: '127.0.0.1', port: 0 }, answer)
  console.log(port)
} else {
  const { serve } = createRequire(`${root}/package.json`)('@hono/node-server')
  serve({ fetch: answer, port: 0, hostname: '127.0.0.1' }, ({ port }: { port: number }) => console.log(port))
}
