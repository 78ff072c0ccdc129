import { afterAll, describe, expect, spyOn, test } from 'bun:test'
import { symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { constants, gunzipSync } from 'node:zlib'
import { documentEnd, documentHead, type Frame, type Page } from '../../src/inspector/layout.ts'
import { encodingFor, streamPage } from '../../src/inspector/page-stream.ts'
import { NODES } from '../lab/nodes.ts'
import { needs } from '../lab/privilege.ts'
import { DENO_ARGUMENTS } from '../lab/runtimes.ts'
import { ROOT } from '../lab/server.ts'
import { temporaryDirectory } from '../support/temporary.ts'

const FRAME: Frame = { nonce: 'n', live: false, history: false }

/** A page, and how often its body was made. */
function pageOf(body: () => unknown = () => '<p>body</p>'): { page: Page; made: () => number } {
  let made = 0
  const page: Page = {
    name: 'connection',
    title: 'T <b>',
    footer: 'F',
    body: () => {
      made++
      return body() as never
    },
  }
  return { page, made: () => made }
}

const whole = (page: Page): string => `${documentHead(page, FRAME)}<p>body</p>${documentEnd(page, FRAME)}`

describe('streamPage', () => {
  test('sends the head before the rest is made', async () => {
    const { page, made } = pageOf()
    const reader = streamPage(page, FRAME).getReader()
    const head = new TextDecoder().decode((await reader.read()).value)
    expect(made()).toBe(0)
    expect(head).toStartWith('<!doctype html><html lang="en"><head><meta charset="utf-8"/>')
    expect(head).toContain('<title>T &lt;b&gt;</title>')
    expect(head).toEndWith('<main data-path-start="c.var.fingerprint.">')
    const rest = new TextDecoder().decode((await reader.read()).value)
    expect(head + rest).toBe(whole(page))
    expect((await reader.read()).done).toBe(true)
    expect(made()).toBe(1)
  })
  test('as gzip of which the head can be read before the rest comes', async () => {
    const { page } = pageOf()
    const reader = streamPage(page, FRAME, encodingFor('gzip')).getReader()
    const head = (await reader.read()).value!
    const finishFlush = constants.Z_SYNC_FLUSH
    expect(gunzipSync(head, { finishFlush }).toString()).toBe(documentHead(page, FRAME))
    const rest = (await reader.read()).value!
    expect(gunzipSync(Buffer.concat([head, rest])).toString()).toBe(whole(page))
  })
  test('makes nothing for a client that goes after the head, or while the rest is made', async () => {
    const early = pageOf()
    const first = streamPage(early.page, FRAME).getReader()
    await first.read()
    await first.cancel()
    let go = (): void => {}
    const late = pageOf(() => new Promise((resolve) => (go = () => resolve('x'))))
    const second = streamPage(late.page, FRAME).getReader()
    await second.read()
    while (late.made() === 0) await Bun.sleep(1)
    await second.cancel()
    go()
    await Bun.sleep(5)
    expect(early.made()).toBe(0)
  })
  test('says in the page that it could not be made, and why on standard error, once', async () => {
    const warn = spyOn(console, 'warn').mockImplementation(() => {})
    try {
      for (const body of [
        () => {
          throw new Error('for the operator')
        },
        () => Promise.reject(new Error('for the operator')),
      ]) {
        const { page } = pageOf(body)
        const text = await new Response(streamPage(page, FRAME)).text()
        expect(text).toStartWith(documentHead(page, FRAME))
        expect(text).toContain('<h1>Not to its end</h1><p>The server’s standard error says why.</p>')
        expect(text).not.toContain('for the operator')
        expect(text).toEndWith(documentEnd(page, FRAME))
      }
      expect(warn.mock.calls).toEqual([['tcpfingerprint: Cannot make a page: for the operator']])
    } finally {
      warn.mockRestore()
    }
  })
})

describe('the head is on its way before the rest is begun', () => {
  const { path, remove } = temporaryDirectory()
  afterAll(remove)
  let bundle: Promise<string> | undefined
  const bundled = (): Promise<string> => {
    bundle ??= (async () => {
      symlinkSync(join(ROOT, 'node_modules'), join(path, 'node_modules'))
      const { success, logs } = await Bun.build({
        entrypoints: [join(ROOT, 'test/inspector/page-stream-server.ts')],
        external: ['@hono/node-server'],
        target: 'node',
        outdir: path,
        naming: 'server.mjs',
      })
      if (!success) throw new AggregateError(logs, 'Cannot bundle the server')
      return join(path, 'server.mjs')
    })()
    return bundle
  }

  /** What the page of the server says when the file is made after its head has come. */
  async function served(name: string, command: readonly string[], ...more: readonly string[]): Promise<string> {
    const file = join(path, name.replaceAll(/\W/g, '-'))
    await using server = Bun.spawn([...command, await bundled(), ROOT, file, ...more], { stdout: 'pipe' })
    const port = new TextDecoder().decode((await server.stdout.getReader().read()).value).trim()
    const answer = await fetch(`http://127.0.0.1:${port}/`, { headers: { 'Accept-Encoding': 'identity' } })
    const reader = answer.body!.getReader()
    let text = ''
    for (let piece = await reader.read(); !piece.done; piece = await reader.read()) {
      text += new TextDecoder().decode(piece.value)
      if (text.includes('<main')) writeFileSync(file, '')
    }
    server.kill()
    await server.exited
    return /<main[^>]*>(.*)<\/main>/.exec(text)?.[1] ?? text
  }

  test('on Bun', async () => {
    expect(await served('bun', [process.execPath])).toBe('The head came first')
  })
  test('on Deno', async () => {
    const deno = join(ROOT, 'node_modules/deno/deno')
    const command = [deno, 'run', ...DENO_ARGUMENTS, '--allow-read', '--allow-env', '--allow-sys']
    expect(await served('deno', command)).toBe('The head came first')
  })
  for (const node of NODES) {
    needs(node).test(`on ${node.name}, with global objects of its own and of @hono/node-server`, async () => {
      expect(await served(node.name, [node.path])).toBe('The head came first')
      expect(await served(`${node.name} overriding`, [node.path], 'overriding')).toBe('The head came first')
    })
  }
})
