import { afterAll, beforeAll, expect, test } from 'bun:test'
import { type DemoServer, serve } from '../../src/demo/server.ts'
import { parseSyn } from '../../src/index.ts'
import { needs } from '../lab/privilege.ts'
import { type Browser, openBrowser } from '../support/browser.ts'

const WINDOWS =
  '45000034abcd40007406000cc0a80105c0a80101d431005011223344000000008002faf000000000020405b40103030801010402'
/** IPv6 with a flow label; 40 octets of options, the last one longer than the header has room for. */
const LONG =
  '600abcde0028063920010db800000000000000000000000520010db8000000000000000000000007' +
  'c35201bb5c1e7a5100000000f002ffff00000000' +
  '020405a00402080a0f3ac1220000000001030309fd08f989001122331e0d0181c0ffee01c0ffee02'
const TOKEN = 'b0f1d6c2a9'
const HOSTILE = `</code><script>document.title='owned'</script><img src=x onerror="document.title='owned'">`

needs('linux', 'chromium').describe('the page in Chromium', () => {
  let server: DemoServer
  let browser: Browser
  beforeAll(async () => {
    server = await serve({ port: 0, logFormat: false, live: { token: TOKEN }, announce: () => {} })
    browser = await openBrowser()
  })
  afterAll(async () => {
    await browser?.[Symbol.asyncDispose]()
    await server?.stop()
  })

  test('shows the SYN of this very connection', async () => {
    const { page, complaints, requests } = await browser.open()
    await page.goto(server.url)
    const hex = await page.textContent('#fingerprints code:has(+ [aria-label="Copy the SYN"])')
    const syn = parseSyn(hex!)
    expect(syn.tcp.destinationPort).toBe(server.port)
    expect(await page.textContent('.hero .strip')).toContain(`127.0.0.1:${syn.tcp.sourcePort}`)
    // The browser keeps its connection: what programs are told over it is the same.
    const facts = await page.evaluate(async () => await (await fetch('json')).json())
    expect(facts.syn.hex).toBe(hex)
    expect(facts.connection.request).toBeGreaterThan(1)
    const octets = await page.$$eval('.octets > button', (all) =>
      all.map((one) =>
        [...one.childNodes]
          .filter((node) => node.nodeName !== 'I')
          .map((node) => node.textContent)
          .join(''),
      ),
    )
    expect(octets.join('').replaceAll(' ', '')).toBe(hex!)
    expect(await page.textContent('h1')).toBe(facts.label.name)
    expect(complaints).toEqual([])
    expect(requests.every((url) => url.startsWith(server.url) || url.startsWith('data:'))).toBe(true)
  })

  test.each(['127.0.0.1', '[::1]'])('is smaller than 60 kB, unpacked, over %s', async (host) => {
    const both = await serve({ host: '::', port: 0, logFormat: false, announce: () => {} })
    const headers = { accept: 'text/html', 'accept-encoding': 'identity' }
    const page = await (await fetch(`http://${host}:${both.port}/`, { headers })).text()
    await both.stop()
    expect(page).toContain('id="tcp-info"')
    expect(page.length).toBeLessThan(60_000)
  })

  test('gives every field of the octets a colour of its own', async () => {
    const { page } = await browser.open()
    await page.goto(server.url)
    const colors = await page.$$eval('.octets > button', (all) =>
      all.map((one) => getComputedStyle(one).backgroundColor),
    )
    expect(colors.every((color) => color !== 'rgba(0, 0, 0, 0)' && color !== '')).toBe(true)
    for (const [i, color] of colors.entries()) expect(color).not.toBe(colors[i + 1])
  })

  test.each([
    ['with scripts', true],
    ['without scripts', false],
  ])('explains a field on hover, on focus and on tap, %s', async (_, javaScript) => {
    const { page } = await browser.open({ javaScript, touch: true })
    await page.goto(server.url)
    const field = page.locator('.row button', { hasText: 'Time to live' }).first()
    const tip = field.locator('i')
    expect(await tip.isVisible()).toBe(false)
    await field.hover()
    expect(await tip.isVisible()).toBe(true)
    expect(await tip.textContent()).toContain('Every router on the way takes 1 off')
    await page.mouse.move(0, 0)
    expect(await tip.isVisible()).toBe(false)
    await field.focus()
    expect(await tip.isVisible()).toBe(true)
    const octet = page.locator('.octets button', { hasText: 'Protocol' })
    await octet.tap()
    expect(await octet.locator('i').isVisible()).toBe(true)
    expect(await page.locator('.packet i:visible').count()).toBe(1)
  })

  test('marks the octets of the field that is pointed at', async () => {
    const { page } = await browser.open()
    await page.goto(server.url)
    await page.locator('.row button', { hasText: 'Source address' }).first().hover()
    expect(await page.$$eval('.octets > .on', (all) => all.map((one) => one.firstChild!.textContent))).toEqual([
      '7f 00 00 01',
    ])
    await page.locator('.octets > button').first().hover()
    expect(
      await page.$$eval('.diagram .on', (all) => all.map((one) => one.querySelector('small')!.textContent)),
    ).toEqual(['Version', 'IHL'])
  })

  test('copies a fingerprint', async () => {
    const { page, complaints } = await browser.open()
    await page.context().grantPermissions(['clipboard-read', 'clipboard-write'])
    await page.goto(server.url)
    const button = page.getByRole('button', { name: 'Copy the MuonFP fingerprint' })
    const text = await page.textContent('code:has(+ [aria-label="Copy the MuonFP fingerprint"])')
    await button.click()
    await page.locator('.status.shown').waitFor()
    expect(await page.textContent('.status')).toBe('Copied')
    expect(await page.evaluate(() => navigator.clipboard.readText())).toBe(text!)
    expect(complaints).toEqual([])
  })

  test('speaks of copying only where there is a script that copies', async () => {
    for (const javaScript of [true, false]) {
      const { page } = await browser.open({ javaScript })
      await page.goto(server.url)
      const visible = await page
        .getByText(/\btap a path\b/i)
        .evaluateAll((all) => all.filter((one) => one.checkVisibility()).length)
      expect(visible).toBe(javaScript ? 1 : 0)
    }
  })

  test('copies where the clipboard is denied to scripts', async () => {
    const { page } = await browser.open()
    await page.addInitScript(() => {
      Object.defineProperty(navigator, 'clipboard', { value: undefined })
    })
    await page.goto(server.url)
    await page.getByRole('button', { name: 'Copy the p0f fingerprint' }).click()
    await page.locator('.status.shown').waitFor()
    expect(await page.textContent('.status')).toBe('Copied')
  })

  test.each([
    ['with scripts', true],
    ['without scripts', false],
  ])('explains a pasted dump, %s', async (_, javaScript) => {
    const { page, complaints } = await browser.open({ javaScript })
    await page.goto(server.url)
    await page.click('nav >> text=Decode a dump')
    await page.fill('#dump', WINDOWS)
    await page.click('text=Explain it')
    expect(await page.textContent('.result h1')).toContain('Windows')
    expect(await page.locator('.options li').count()).toBe(6)
    expect(await page.inputValue('#dump')).toBe(WINDOWS)
    expect(complaints).toEqual([])
  })

  test('shows hostile dumps and headers as text', async () => {
    const { page, complaints } = await browser.open({ userAgent: HOSTILE })
    await page.goto(server.url)
    expect(await page.textContent('#browser code')).toBe(HOSTILE)
    await page.goto(`${server.url}?decode`)
    await page.fill('#dump', `</textarea>${HOSTILE}`)
    // The answer is 400 on purpose, which Chromium writes to its console.
    await page.click('text=Explain it')
    expect(await page.inputValue('#dump')).toBe(`</textarea>${HOSTILE}`)
    expect(await page.textContent('.error')).toContain('Bad-hex at offset 0')
    expect(await page.title()).not.toBe('owned')
    expect(await page.locator('img').count()).toBe(0)
    expect(complaints.filter((text) => !text.includes('400 (Bad Request)'))).toEqual([])
  })

  test('its policy stops what is not its own', async () => {
    const { page, complaints } = await browser.open()
    await page.goto(server.url)
    const ran = await page.evaluate(() => {
      const script = document.createElement('script')
      script.textContent = 'globalThis.intruded = true'
      document.body.append(script)
      return 'intruded' in globalThis
    })
    expect(ran).toBe(false)
    expect(complaints.join()).toContain('Content Security Policy')
  })

  test.each([
    [360, false],
    [360, true],
    [320, false],
    [768, false],
    [1600, true],
  ])('fits into %d px (dark: %p)', async (width, dark) => {
    const { page, complaints } = await browser.open({ width, dark })
    for (const path of ['', WINDOWS, LONG, `?live&token=${TOKEN}`]) {
      const dump = path.length > 40
      await page.goto(server.url + (dump ? '?decode' : path))
      if (dump) {
        await page.fill('#dump', path)
        await page.click('text=Explain it')
        await page.locator('.diagram').waitFor()
      }
      const { content, view, cut } = await page.evaluate(() => ({
        content: document.documentElement.scrollWidth,
        view: document.documentElement.clientWidth,
        cut: [...document.querySelectorAll('main *:not(.packet i, .packet i *, .hidden, svg *, pre *)')]
          .filter((one) => one.getBoundingClientRect().right > document.documentElement.clientWidth + 0.5)
          .map((one) => one.className),
      }))
      expect({ path, content, cut }).toEqual({ path, content: view, cut: [] })
    }
    await page.goto(server.url)
    for (const name of ['Total length', 'Version', 'SYN', 'Shift count']) {
      await page.locator('.row button', { hasText: name }).first().hover()
      const box = await page.locator('.packet i:visible').first().boundingBox()
      expect(box!.x).toBeGreaterThanOrEqual(0)
      expect(box!.x + box!.width).toBeLessThanOrEqual(width)
    }
    expect(complaints).toEqual([])
  })

  test.each([false, true])('text stands out from what is behind it (dark: %p)', async (dark) => {
    const { page } = await browser.open({ dark })
    await page.goto(server.url)
    const worst = await page.evaluate(() => {
      const canvas = document.createElement('canvas').getContext('2d', { willReadFrequently: true })!
      const rgb = (color: string, under: number[]): number[] => {
        canvas.fillStyle = `rgb(${under.join(' ')})`
        canvas.fillRect(0, 0, 1, 1)
        canvas.fillStyle = color
        canvas.fillRect(0, 0, 1, 1)
        return [...canvas.getImageData(0, 0, 1, 1).data].slice(0, 3)
      }
      const luminance = (color: number[]): number => {
        const [r, g, b] = color.map((one) =>
          one / 255 <= 0.04045 ? one / 255 / 12.92 : ((one / 255 + 0.055) / 1.055) ** 2.4,
        )
        return 0.2126 * r! + 0.7152 * g! + 0.0722 * b!
      }
      const behind = (element: Element | null): number[] => {
        if (element === null) return [255, 255, 255]
        const color = getComputedStyle(element).backgroundColor
        return color === 'rgba(0, 0, 0, 0)' ? behind(element.parentElement) : rgb(color, behind(element.parentElement))
      }
      let lowest = 99
      let which = ''
      for (const element of document.querySelectorAll('main *')) {
        const own = [...element.childNodes].some((node) => node.nodeType === 3 && node.textContent!.trim() !== '')
        if (!own || element.closest('svg, .packet i') !== null || (element as HTMLElement).offsetParent === null)
          continue
        const style = getComputedStyle(element)
        const back = behind(element)
        const full = rgb(style.color, back)
        const seen = full.map((one, i) => one * Number(style.opacity) + back[i]! * (1 - Number(style.opacity)))
        const [light, shade] = [luminance(seen), luminance(back)].sort((a, b) => b - a)
        const contrast = (light! + 0.05) / (shade! + 0.05)
        if (contrast < lowest) [lowest, which] = [contrast, `${element.className} ${element.textContent}`]
      }
      return { lowest, which }
    })
    // WCAG 2.2, 1.4.3: 4.5 to 1.
    expect(worst.lowest, worst.which).toBeGreaterThan(4.5)
  })

  test('lists connections as they come', async () => {
    const { page, complaints } = await browser.open()
    const url = `${server.url}?live&token=${TOKEN}`
    const headers = { accept: 'text/html', connection: 'close' }
    const links = (html: string): string[] => [...html.matchAll(/href="(\?live=\d+)"/g)].map(([, href]) => href!)
    await (await fetch(`${server.url}env`, { headers })).text()
    const before = links(await (await fetch(url, { headers })).text())
    expect(before).not.toEqual([])
    await page.goto(url)
    await page.locator('.streaming').waitFor({ state: 'attached' })
    await (await fetch(`${server.url}json`, { headers })).text()
    await page.locator('.live tr.new', { hasText: 'GET /json' }).waitFor()
    // What was there before the page has not just arrived.
    const arrived = await page.locator('.live .new a').evaluateAll((all) => all.map((one) => one.getAttribute('href')))
    expect(arrived.filter((row) => before.includes(row!))).toEqual([])
    expect(await page.locator('.live tbody tr').first().textContent()).toContain('127.0.0.1:')
    // The token is out of the address bar, and the cookie does what it did; scripts do not see it.
    expect(page.url()).toBe(`${server.url}?live`)
    expect(await page.evaluate(() => document.cookie)).toBe('')
    await page.reload()
    await page.locator('.streaming').waitFor({ state: 'attached' })
    await page.goto(server.url)
    expect(await page.locator('nav a[href="?live"]').count()).toBe(1)
    expect(complaints).toEqual([])
  })

  test('shows the live page to no browser without the token', async () => {
    const { page } = await browser.open()
    for (const query of ['?live', '?live&token=', '?live&token=wrong']) {
      expect((await page.goto(`${server.url}${query}`))!.status()).toBe(403)
    }
    await page.goto(server.url)
    expect(await page.locator('nav a[href="?live"]').count()).toBe(0)
  })

  test('gives the place of the oldest page of a client to the newest, for good', async () => {
    const context = await browser.open()
    await context.page.goto(`${server.url}?live&token=${TOKEN}`)
    await context.page.locator('.streaming').waitFor({ state: 'attached' })
    const streams = await Promise.all(
      Array.from({ length: 6 }, () =>
        fetch(`${server.url}?live&token=${TOKEN}`, { headers: { accept: 'text/event-stream' } }),
      ),
    )
    await context.page.locator('#live-state', { hasText: 'Newer pages of this client' }).waitFor()
    expect(await context.page.locator('.streaming').count()).toBe(0)
    for (const { body } of streams) await body!.cancel()
  })

  test('lists them without scripts as well', async () => {
    const { page } = await browser.open({ javaScript: false })
    await page.goto(`${server.url}?live&token=${TOKEN}`)
    expect(await page.locator('.live tbody tr').count()).toBeGreaterThan(0)
    expect(await page.locator('meta[http-equiv=refresh]').count()).toBe(1)
  })
})
