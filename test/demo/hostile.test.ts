import { afterAll, beforeAll, expect, test } from 'bun:test'
import { Hono } from 'hono'
import { fingerprint, inspector } from '../../src/bun.ts'
import { openStore, type Store } from '../../src/store/index.ts'
import { needs } from '../lab/privilege.ts'
import { type Browser, openBrowser } from '../support/browser.ts'

const TOKEN = 'hostile'
/** Markup that would run, what turns text around, and what a terminal acts on. */
const EVIL = `</td></script><img src=x onerror="document.title='owned'"><script>document.title='owned'</script>\u202e\u2066\x1b[2J&amp;`
/** As a page shows it. */
const SHOWN = EVIL.replace('\u202e', '\\u202e').replace('\u2066', '\\u2066').replace('\x1b', '\\x1b')

/** What no font has, and more than a line, a cell or a heading has room for. */
const LONG = `${EVIL}\ud800${'x'.repeat(8192)}`

/** Sends a request whose target and User-Agent are not those of any client library. */
async function send(port: number): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>()
  const agent = EVIL.replace('\x1b', '')
  await Bun.connect({
    hostname: '127.0.0.1',
    port,
    socket: {
      open: (socket) =>
        void socket.write(`GET /<img/src=x> HTTP/1.1\r\nHost: x\r\nUser-Agent: ${agent}\r\nConnection: close\r\n\r\n`),
      data: () => {},
      close: () => resolve(),
    },
  })
  await promise
}

needs('linux', 'chromium').describe('hostile values are text', () => {
  let server: Bun.Server<undefined>
  let store: Store
  let browser: Browser
  /** What the labeller says. */
  let name = EVIL
  beforeAll(async () => {
    store = openStore({ url: 'sqlite::memory:' })
    const page = inspector({ live: { token: TOKEN }, history: { token: TOKEN, store } })
    const app = new Hono()
      .use(fingerprint({ labeller: () => ({ name, family: 'tool', kind: 'os' }) }))
      .use(page.watch, store.record({ account: () => EVIL }))
      .all('*', page)
    server = Bun.serve({ port: 0, hostname: '127.0.0.1', fetch: app.fetch, idleTimeout: 0 })
    browser = await openBrowser()
  })
  afterAll(async () => {
    await browser?.[Symbol.asyncDispose]()
    await server?.stop(true)
    await store?.close()
  })

  test.each([
    ['live', true],
    ['live', false],
    ['history', true],
    ['history', false],
  ])(
    'on ?%s, with scripts: %p',
    async (view, javaScript) => {
      await send(server.port!)
      await store.flush()
      const { page, complaints } = await browser.open({ javaScript, width: 360 })
      const filter = encodeURIComponent(`"><img src=x>`)
      await page.goto(`http://127.0.0.1:${server.port}/?${view}&token=${TOKEN}`)
      if (view === 'live' && javaScript) await page.locator('.streaming').waitFor({ state: 'attached' })
      const main = page.locator('main')
      if (view === 'live') await page.locator('tbody tr', { hasText: '<img/src=x>' }).first().waitFor()
      const text = await main.evaluate((element) => element.textContent)
      expect(text).toContain(SHOWN)
      expect(text).not.toMatch(/[\x00-\x09\x0b-\x1f\x7f-\x9f]|\p{Bidi_Control}/u)
      expect(await page.locator('img').count()).toBe(0)
      expect(await page.locator('script').count()).toBe(1)
      expect(await page.title()).not.toContain('owned')
      const wide = await page.evaluate(
        () => document.documentElement.scrollWidth - document.documentElement.clientWidth,
      )
      expect(wide).toBe(0)
      if (view === 'live') {
        await page.goto(`http://127.0.0.1:${server.port}/?live&filter=${filter}&group=${filter}`)
        expect(await page.inputValue('[name=filter]')).toBe('"><img src=x>')
        expect(await page.locator('img').count()).toBe(0)
      }
      expect(complaints).toEqual([])
    },
    30_000,
  )

  test.each([true, false])(
    'on the page of a connection, eight KiB long, with scripts: %p',
    async (javaScript) => {
      name = LONG
      const userAgent = `</script><img src=x onerror="document.title='owned'">${'y'.repeat(8192)}`
      const { page, complaints } = await browser.open({ javaScript, width: 360, userAgent })
      const url = `http://127.0.0.1:${server.port}/`
      await page.goto(url)
      expect(await page.textContent('h1')).toContain(`${SHOWN}\\ud800xxx`)
      expect(await page.textContent('#browser')).toContain(userAgent.slice(0, 1000))
      expect(await page.textContent('body')).not.toMatch(
        /[\x00-\x09\x0b-\x1f\x7f-\x9f]|\p{Bidi_Control}|\p{Surrogate}/u,
      )
      expect(await page.locator('img').count()).toBe(0)
      expect(await page.locator('body > script').count()).toBe(1)
      expect(await page.title()).not.toContain('owned')
      const wide = await page.evaluate(() => {
        for (const details of document.querySelectorAll('details')) details.open = true
        return document.documentElement.scrollWidth - document.documentElement.clientWidth
      })
      expect(wide).toBe(0)
      expect(complaints).toEqual([])
      const text = await (await fetch(`${url}?text`)).text()
      expect(text).toContain(`${SHOWN}\\ud800xxx`)
      expect(text).not.toMatch(/[\x00-\x09\x0b-\x1f\x7f-\x9f]|\p{Bidi_Control}|\p{Surrogate}/u)
      name = EVIL
    },
    30_000,
  )
})
