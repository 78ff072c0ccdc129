/**
 * Makes the pictures of the README: `bun test/demo/pictures.ts [DIRECTORY]`, by default beside this file.
 * @module
 */
import { join } from 'node:path'
import { serve } from '../../src/demo/server.ts'
import { openBrowser, type View } from '../support/browser.ts'

/** A phone far away: Android behind a mobile network. */
const PHONE =
  '4500003c5fd340002f06713fcb007105c6336407c35201bb5c1e7a5100000000a002ffff00000000020405140402080a0f3ac1220000000001030309'

const directory = process.argv[2] ?? join(import.meta.dir, 'pictures')
const server = await serve({ port: 0, logFormat: false, announce: () => {} })
const browser = await openBrowser()

async function picture(name: string, view: View, path: string, hover: string, dump?: string): Promise<void> {
  const { page } = await browser.open(view)
  await page.goto(server.url + path)
  if (dump !== undefined) {
    await page.fill('#dump', dump)
    await page.click('.primary')
    await page.evaluate(() => document.querySelector('.result')!.scrollIntoView())
  }
  await page.locator('.f', { hasText: hover }).first().hover()
  await page.screenshot({ path: join(directory, `${name}.png`) })
}

await picture('page-light', { width: 1000, height: 1060 }, '', 'Time to live')
await picture('page-dark', { width: 1000, height: 1060, dark: true }, '', 'Identification')
await picture('page-phone', { width: 360, height: 740, scale: 1.5 }, '?decode', 'Time to live', PHONE)

await browser[Symbol.asyncDispose]()
await server.stop()
process.exit(0)
