/**
 * Debian's Chromium, driven by playwright-core: no download, no other host, a profile of its own that is deleted.
 *
 * @example
 * await using browser = await openBrowser()
 * const page = await browser.page({ width: 360 })
 * await page.goto(url)
 * @module
 */
import { type BrowserContext, type BrowserContextOptions, chromium, type Page } from 'playwright-core'
import { program } from '../lab/privilege.ts'
import { temporaryDirectory } from './temporary.ts'

const FLAGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--disable-dev-shm-usage',
]

/** How a page is seen. */
export interface View {
  /** Viewport, CSS pixels. Default 1100 x 900. */
  readonly width?: number
  readonly height?: number
  readonly dark?: boolean
  readonly javaScript?: boolean
  readonly userAgent?: string
  /** Device pixels for a CSS pixel. */
  readonly scale?: number
  /** Taps instead of a mouse. */
  readonly touch?: boolean
}

/** A page, with what went wrong on it so far. */
export interface WatchedPage {
  readonly page: Page
  /** Messages of the console other than plain ones, and uncaught errors: violations of the policy are among them. */
  readonly complaints: readonly string[]
  /** Every address asked for. */
  readonly requests: readonly string[]
}

/** A running browser. */
export interface Browser {
  /** A page in a fresh context: no cookies, no cache. */
  open(view?: View): Promise<WatchedPage>
  [Symbol.asyncDispose](): Promise<void>
}

/** Starts Chromium. Guard the test with `needs('chromium')`. */
export async function openBrowser(): Promise<Browser> {
  const { path: profile, remove } = temporaryDirectory()
  const root = await chromium.launchPersistentContext(profile, {
    executablePath: program('chromium'),
    args: FLAGS,
    headless: true,
  })
  const browser = root.browser()
  const contexts: BrowserContext[] = []
  return {
    async open(view = {}) {
      const options: BrowserContextOptions = {
        viewport: { width: view.width ?? 1100, height: view.height ?? 900 },
        colorScheme: view.dark === true ? 'dark' : 'light',
        javaScriptEnabled: view.javaScript ?? true,
        deviceScaleFactor: view.scale ?? 1,
        hasTouch: view.touch ?? false,
        ...(view.userAgent === undefined ? {} : { userAgent: view.userAgent }),
      }
      const context = await (browser ?? unavailable()).newContext(options)
      contexts.push(context)
      const page = await context.newPage()
      const complaints: string[] = []
      const requests: string[] = []
      page.on('console', (message) => {
        if (message.type() === 'error' || message.type() === 'warning') complaints.push(message.text())
      })
      page.on('pageerror', (error) => complaints.push(String(error)))
      page.on('request', (request) => requests.push(request.url()))
      return { page, complaints, requests }
    },
    async [Symbol.asyncDispose]() {
      for (const context of contexts) await context.close()
      await root.close()
      remove()
    },
  }
}

function unavailable(): never {
  throw new Error('Cannot open a page: Chromium has ended')
}
