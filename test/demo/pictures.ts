/**
 * Makes the picture of the README and a sheet of each page in each view: `bun test/demo/pictures.ts [DIRECTORY]`, by default beside
 * this file. `PAGES=live,timing` makes only these; `FULL=1` keeps each view as a picture of its own, to look at it closely.
 * @module
 */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Page } from 'playwright-core'
import { serve } from '../../src/demo/server.ts'
import { EXAMPLES } from '../../src/inspector/examples.ts'
import { SAMPLES } from '../../src/inspector/timing-curves.ts'
import { timingForm } from '../../src/inspector/timing-page.tsx'
import { openStore } from '../../src/store/index.ts'
import type { TcpInfo } from '../../src/wire/tcp-info.ts'
import { openBrowser, type View } from '../support/browser.ts'

const directory = process.argv[2] ?? join(import.meta.dir, 'pictures')
const TOKEN = 'pictures'
const history = { store: openStore({ url: 'sqlite::memory:' }), token: TOKEN }
const server = await serve({ port: 0, logFormat: false, live: { token: TOKEN }, history, announce: () => {} })
const browser = await openBrowser()

const example = (name: string): string => `?decode=${EXAMPLES.find((one) => one.name === name)!.hex}`

/** No signature fits it. */
const UNKNOWN = '450000301234400040060000c000020ac6336407a8ca01bb11223344000000007002faf0000000001b08000000000000'
/** TCP_INFO of a connection that has lost segments. */
const INFO = `01000702cb780b005a1a0300409c0000b4050000d0020000${'0a000000'.repeat(40)}`

/** Every page, by the name of its sheet. */
const PAGES: readonly (readonly [name: string, path: string])[] = [
  ['connection', ''],
  ['form', '?decode'],
  ['syn', example('Behind a VPN')],
  ['unknown', `?decode=${UNKNOWN}`],
  ['tcp-info', `?decode=${INFO}`],
  ['malformed', '?decode=4500'],
  ['live', `?live&token=${TOKEN}`],
  ['history', `?history&token=${TOKEN}`],
  ['timing', '?timing'],
  ['refused', '?live&token=wrong'],
  ['gone', `?live=gone&token=${TOKEN}`],
  ['no-page', 'no-page'],
]

/** Every view. A zoom of 200 % halves the width of the page. */
const VIEWS: readonly (readonly [name: string, View & { readonly width: number }])[] = [
  ['360', { width: 360 }],
  ['360-dark', { width: 360, dark: true }],
  ['768', { width: 768 }],
  ['768-dark', { width: 768, dark: true }],
  ['1280', { width: 1280 }],
  ['1280-dark', { width: 1280, dark: true }],
  ['without-scripts', { width: 768, javaScript: false }],
  ['zoom-200', { width: 640, scale: 2 }],
]

/** Of a page at most, CSS pixels. */
const MOST_HEIGHT = 9000
/** Of a sheet. */
const SCALE = 0.4

/** Views at once: as many streams as a client may have. */
const AT_ONCE = 4

/** The page of the curves when its minute is over, of a line that another transfer shares for a while. */
async function timingPage(): Promise<string> {
  const form = await timingForm({ nonce: 'none', live: false, history: false })
  const infos: TcpInfo[] = []
  let text = form.begin()
  for (let i = 0; i < SAMPLES; i++) {
    const queue = i > 20 && i < 40 ? 90_000 * Math.sin(((i - 20) / 20) * Math.PI) : 0
    infos.push({
      rtt: Math.round(31_000 + 900 * Math.sin(i) + queue),
      rttvar: Math.round(2500 + 400 * Math.cos(2 * i) + queue / 5),
      snd_cwnd: i < 34 ? Math.min(24, 10 + i) : 12,
      total_retrans: i < 34 ? 3 : 5,
    })
    text += form.step(infos)
  }
  return text + form.end(infos)
}

async function open(view: View, path: string): Promise<Page> {
  const { page } = await browser.open(view)
  await page.emulateMedia({ reducedMotion: 'reduce', colorScheme: view.dark === true ? 'dark' : 'light' })
  if (path === '?timing') await page.setContent(await timingPage())
  else await page.goto(server.url + path)
  // The live page draws a moment after its rows have come.
  await page.waitForTimeout(400)
  return page
}

/** A sheet with pictures side by side, each as wide as its page. */
async function sheet(
  name: string,
  pictures: readonly { readonly width: number; readonly png: Buffer }[],
): Promise<void> {
  const { page } = await browser.open({ width: 4000 })
  const images = pictures.map(
    ({ width, png }) => `<img width="${width}" src="data:image/png;base64,${png.toString('base64')}">`,
  )
  const style = 'display:inline-flex;gap:24px;align-items:start;padding:24px;margin:0;background:#888'
  await page.setContent(`<body style="${style}">${images.join('')}`)
  const clip = await page.evaluate(() => {
    const { scrollWidth: width, scrollHeight: height } = document.body
    return { x: 0, y: 0, width, height }
  })
  const session = await page.context().newCDPSession(page)
  const shot = { format: 'webp', quality: 40, captureBeyondViewport: true, clip: { ...clip, scale: SCALE } } as const
  const { data } = await session.send('Page.captureScreenshot', shot)
  writeFileSync(join(directory, `${name}.webp`), Buffer.from(data, 'base64'))
}

mkdirSync(directory, { recursive: true })
for (const { hex } of EXAMPLES) await (await fetch(`${server.url}json?decode=${hex}`)).text()
const wanted = process.env.PAGES?.split(',')
for (const [name, path] of PAGES) {
  if (wanted !== undefined && !wanted.includes(name)) continue
  if (name === 'history') await history.store.flush?.()
  const pictures: { width: number; png: Buffer }[] = []
  for (let i = 0; i < VIEWS.length; i += AT_ONCE) {
    const take = async ([view, options]: (typeof VIEWS)[number]): Promise<(typeof pictures)[number]> => {
      const page = await open(options, path)
      const height = Math.min(MOST_HEIGHT, await page.evaluate(() => document.documentElement.scrollHeight))
      const { width } = options
      const png = await page.screenshot({ fullPage: true, clip: { x: 0, y: 0, width, height } })
      if (process.env.FULL) writeFileSync(join(directory, `${name}-${view}.png`), png)
      await page.context().close()
      return { width, png }
    }
    pictures.push(...(await Promise.all(VIEWS.slice(i, i + AT_ONCE).map(take))))
  }
  await sheet(name, pictures)
}
if (wanted === undefined) {
  const page = await open({ width: 1000, height: 860 }, '')
  await page.screenshot({ path: join(directory, 'page-light.png') })
}

await browser[Symbol.asyncDispose]()
await server.stop()
process.exit(0)
