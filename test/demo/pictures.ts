/**
 * Makes the pictures of the README and of each page in each view: `bun test/demo/pictures.ts [DIRECTORY]`, by default beside this file.
 * @module
 */
import { join } from 'node:path'
import { serve } from '../../src/demo/server.ts'
import { EXAMPLES } from '../../src/inspector/examples.ts'
import { openStore } from '../../src/store/index.ts'
import { openBrowser, type View } from '../support/browser.ts'

const directory = process.argv[2] ?? join(import.meta.dir, 'pictures')
const TOKEN = 'pictures'
const history = { store: openStore({ url: 'sqlite::memory:' }), token: TOKEN }
const server = await serve({ port: 0, logFormat: false, live: { token: TOKEN }, history, announce: () => {} })
const browser = await openBrowser()

const example = (name: string): string => `?decode=${EXAMPLES.find((one) => one.name === name)!.hex}`

async function picture(name: string, view: View, path: string, top?: string): Promise<void> {
  const { page } = await browser.open(view)
  await page.emulateMedia({ reducedMotion: 'reduce', colorScheme: view.dark === true ? 'dark' : 'light' })
  // The page of the curves takes a minute to load.
  await page.goto(server.url + path, { waitUntil: path === '?timing' ? 'commit' : 'load' })
  if (path === '?timing') await page.waitForTimeout(8000)
  if (top !== undefined) await page.evaluate((one) => document.querySelector(one)!.scrollIntoView(), top)
  // The live page draws a moment after its rows have come.
  await page.waitForTimeout(500)
  await page.screenshot({ path: join(directory, `${name}.png`) })
}

for (const { hex } of EXAMPLES) await (await fetch(`${server.url}json?decode=${hex}`)).text()
await picture('page-light', { width: 1000, height: 860 }, '')
await picture('page-dark', { width: 1280, height: 900, dark: true }, example('Behind a VPN'), '.result')
await picture('page-packet', { width: 768, height: 900, dark: true }, example('iPhone'), '#syn')
await picture('page-phone', { width: 360, height: 740, scale: 1.5 }, example('A relay'), '.result')
await picture('page-zoom', { width: 640, height: 450, scale: 2 }, '')
await picture('page-without-scripts', { width: 360, height: 740, javaScript: false }, '', '#use')
await picture('examples', { width: 768, height: 600 }, '?decode')
await picture('live-light', { width: 1280, height: 700 }, `?live&token=${TOKEN}`)
await picture('live-phone', { width: 360, height: 740, dark: true }, `?live&token=${TOKEN}`)
await history.store.flush?.()
await picture('history', { width: 1280, height: 700 }, `?history&token=${TOKEN}`)
await picture('history-phone', { width: 360, height: 740, dark: true }, `?history&token=${TOKEN}`)
await picture('timing', { width: 768, height: 700 }, '?timing')

await browser[Symbol.asyncDispose]()
await server.stop()
process.exit(0)
