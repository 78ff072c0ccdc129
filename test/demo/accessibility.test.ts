import { afterAll, beforeAll, expect, test } from 'bun:test'
import { readFileSync } from 'node:fs'
import type { Page } from 'playwright-core'
import { type DemoServer, serve } from '../../src/demo/server.ts'
import { EXAMPLES } from '../../src/inspector/examples.ts'
import { openStore } from '../../src/store/index.ts'
import { needs } from '../lab/privilege.ts'
import { type Browser, openBrowser, type View } from '../support/browser.ts'

const AXE = readFileSync(Bun.resolveSync('axe-core/axe.min.js', import.meta.dir), 'utf8')
const TOKEN = 'a11y'
/** No signature fits it. */
const UNKNOWN = '450000301234400040060000c000020ac6336407a8ca01bb11223344000000007002faf0000000001b08000000000000'
const PATHS = [
  // First, so that leaving it ends its stream: a client has only so many.
  '?timing',
  '',
  '?decode',
  `?decode=${EXAMPLES.at(-1)!.hex}`,
  `?decode=${UNKNOWN}`,
  '?decode=01000000000702005a1a030000000000',
  `?live&token=${TOKEN}`,
  `?history&token=${TOKEN}`,
  '?decode=4500',
  '?live&token=wrong',
  `?live=gone&token=${TOKEN}`,
]

/** What Chromium writes of an answer whose status is a refusal on purpose. */
const REFUSED = /the server responded with a status of 40[034] /

/** The page of the curves takes a minute to load: it is looked at when they have begun. */
async function open(page: Page, url: string): Promise<void> {
  await page.goto(url, { waitUntil: url.endsWith('?timing') ? 'commit' : 'load' })
  if (url.endsWith('?timing')) await page.locator('.curves .curve').first().waitFor({ state: 'attached' })
}

/** What axe-core finds on the page as it is shown now. */
function violations(page: Page): Promise<string[]> {
  return page.evaluate(async () => {
    const { axe } = globalThis as unknown as { axe: typeof import('axe-core') }
    const found = await axe.run(document, { resultTypes: ['violations'] })
    return found.violations.map(
      ({ id, nodes }) =>
        `${id}: ${nodes
          .map(({ html }) => html.slice(0, 160))
          .slice(0, 3)
          .join(' | ')}`,
    )
  })
}

/**
 * What the keyboard can stop at where it is shown. Radio buttons are one stop, which is the checked one; the octets of a packet are none,
 * because each field of its diagram is one and marks its octets.
 */
const STOPS =
  'a[href], button:not(.octets *), input:not([type=hidden], [type=radio]:not(:checked)), select, textarea, summary, [tabindex="0"]'

needs('linux', 'chromium').describe('the pages for everybody', () => {
  let server: DemoServer
  let browser: Browser
  beforeAll(async () => {
    const history = { store: openStore({ url: 'sqlite::memory:' }), token: TOKEN }
    server = await serve({ port: 0, logFormat: false, live: { token: TOKEN }, history, announce: () => {} })
    browser = await openBrowser()
  })
  afterAll(async () => {
    await browser?.[Symbol.asyncDispose]()
    await server?.stop()
  })

  test('axe-core finds nothing at 360, 768 and 1280 px, dark and light', async () => {
    const { page, complaints } = await browser.open()
    for (const path of PATHS) {
      await open(page, server.url + path)
      await page.evaluate(() => {
        for (const details of document.querySelectorAll('details')) details.open = true
        // A row that has come this moment, in the colour that fades.
        for (const row of document.querySelectorAll('.live tbody tr')) row.className = 'new'
        for (const animation of document.getAnimations()) {
          animation.pause()
          animation.currentTime = 0
        }
      })
      // By the debugger, to which the page's policy does not apply.
      await page.evaluate(AXE)
      for (const width of [360, 768, 1280]) {
        await page.setViewportSize({ width, height: 900 })
        for (const colorScheme of ['light', 'dark'] as const) {
          await page.emulateMedia({ colorScheme })
          expect(await violations(page), `${path} at ${width} px, ${colorScheme}`).toEqual([])
        }
      }
    }
    expect(complaints.filter((text) => !REFUSED.test(text))).toEqual([])
  }, 180_000)

  const views: readonly (readonly [string, View])[] = [
    ['at 360 px', { width: 360 }],
    ['at 768 px, dark', { width: 768, dark: true }],
    ['at 1280 px', { width: 1280 }],
    ['at 200 % zoom of 1280 px', { width: 640, scale: 2 }],
    ['without scripts', { width: 360, javaScript: false }],
  ]
  test.each(views)(
    'nothing overflows, moves or complains %s',
    async (_, view) => {
      const { page, complaints } = await browser.open(view)
      const reports: string[] = []
      await page.exposeFunction('reported', (directive: string) => void reports.push(directive))
      await page.addInitScript(() => {
        document.addEventListener('securitypolicyviolation', ({ violatedDirective }) =>
          (globalThis as unknown as { reported(directive: string): void }).reported(violatedDirective),
        )
      })
      await page.emulateMedia({ reducedMotion: 'reduce', colorScheme: view.dark === true ? 'dark' : 'light' })
      for (const path of PATHS) {
        await open(page, server.url + path)
        if (view.javaScript !== false) {
          await page.evaluate(() => {
            for (const details of document.querySelectorAll('details')) details.open = true
            for (const row of document.querySelectorAll('.live tbody tr')) row.className = 'new'
          })
        }
        const [content, shown, moving] = await page.evaluate(() => [
          document.documentElement.scrollWidth,
          document.documentElement.clientWidth,
          document.getAnimations().length,
        ])
        expect([path, content, moving]).toEqual([path, shown, 0])
      }
      expect([...complaints.filter((text) => !REFUSED.test(text)), ...reports]).toEqual([])
    },
    60_000,
  )

  test('the keyboard reaches every control of every page in its order, is seen there, and gets out again', async () => {
    const { page } = await browser.open({ width: 1280 })
    for (const path of PATHS) {
      await open(page, server.url + path)
      // Rows of a live page come and go: on the one for everybody, those of this client.
      if (path.startsWith('?live&')) await page.locator('[data-pause]').click()
      const stops = await page.evaluate((selector) => {
        const found = [...document.querySelectorAll<HTMLElement>(selector)].filter((one) => one.checkVisibility())
        for (const [i, one] of found.entries()) one.dataset.stop = String(i)
        // Tab starts from the beginning.
        document.body.tabIndex = -1
        document.body.focus()
        document.body.removeAttribute('tabindex')
        return found.length
      }, STOPS)
      const reached: string[] = []
      for (let i = 0; i <= stops; i++) {
        await page.keyboard.press('Tab')
        reached.push(
          await page.evaluate(() => {
            const { activeElement } = document
            if (!(activeElement instanceof HTMLElement) || activeElement === document.body) return 'out'
            const { outlineStyle, outlineWidth } = getComputedStyle(activeElement)
            const seen = outlineStyle !== 'none' && Number.parseFloat(outlineWidth) >= 1
            return `${activeElement.dataset.stop}${seen ? '' : ' unseen'}`
          }),
        )
      }
      // After the last one the browser's own controls have their turn, of which there are none here.
      expect(['out', '0']).toContain(reached.pop()!)
      expect([path, ...reached]).toEqual([path, ...Array.from({ length: stops }, (_, i) => String(i))])
    }
  }, 60_000)

  test('everything is reached and done by keyboard alone', async () => {
    const { page } = await browser.open({ width: 1280 })
    await page.context().grantPermissions(['clipboard-read', 'clipboard-write'])
    await page.goto(server.url)
    /** Tabs to what fits, and presses Enter. */
    const enter = async (wanted: string): Promise<void> => {
      for (let i = 0; i < 100; i++) {
        await page.keyboard.press('Tab')
        const found = await page.evaluate(() => {
          const { hash, textContent } = document.activeElement as HTMLAnchorElement
          return hash || textContent
        })
        if (found === wanted) return await page.keyboard.press('Enter')
      }
      throw new Error(`not reached: ${wanted}`)
    }
    await enter('syn.tcp.mss')
    await page.locator('.status.shown').waitFor()
    const copied = await page.evaluate(() => navigator.clipboard.readText())
    expect(copied).toBe('c.var.fingerprint.syn.tcp.mss')
    expect(await page.textContent('.status')).toBe(`Copied ${copied}`)
    await page.reload()
    await enter('#way')
    expect(await page.evaluate(() => location.hash)).toBe('#way')
  })

  test('the other pages are worked by keyboard alone', async () => {
    const { page } = await browser.open({ width: 1280 })
    /** Tabs to the one that is wanted. */
    const reach = async (wanted: string): Promise<void> => {
      for (let i = 0; i < 100; i++) {
        await page.keyboard.press('Tab')
        if (await page.evaluate((selector) => document.activeElement!.matches(selector), wanted)) return
      }
      throw new Error(`not reached: ${wanted}`)
    }
    await page.goto(`${server.url}?decode`)
    await reach('textarea')
    await page.keyboard.type(EXAMPLES[0]!.hex)
    await reach('[type=submit]')
    await Promise.all([page.waitForNavigation(), page.keyboard.press('Enter')])
    expect(await page.textContent('main')).toContain(EXAMPLES[0]!.name)
    await page.goto(`${server.url}?live&token=${TOKEN}`)
    await reach('[data-pause]')
    await page.keyboard.press('Space')
    expect(await page.getAttribute('[data-pause]', 'aria-pressed')).toBe('true')
    await page.goto(`${server.url}?live&token=${TOKEN}`)
    await reach('[name=filter]')
    const rows = page.locator('.live tbody tr:visible')
    await rows.first().waitFor()
    await page.keyboard.type('no such system')
    await page.keyboard.press('Enter')
    await rows.first().waitFor({ state: 'hidden' })
    await page.goto(`${server.url}?history&token=${TOKEN}`)
    await reach('a[href]')
    await Promise.all([page.waitForNavigation(), page.keyboard.press('Enter')])
    expect(new URL(page.url()).origin).toBe(new URL(server.url).origin)
  }, 60_000)

  test('an example is one click away', async () => {
    const { page, complaints } = await browser.open({ javaScript: false })
    await page.goto(`${server.url}?decode`)
    for (const name of ['zmap', 'Behind a VPN']) {
      await page.click(`.examples >> text="${name}"`)
      expect(await page.locator('.chips a').count()).toBeGreaterThan(1)
    }
    expect(await page.textContent('.result .chips')).toContain('Through a tunnel')
    expect(complaints).toEqual([])
  })
})
