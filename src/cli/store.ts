/**
 * The store that `--store` names. Nothing of it is loaded before.
 * @module
 */
import { toError } from '../base/report-once.ts'
import { printable } from '../base/text.ts'
import type { Store } from '../store/store.ts'
import { UsageError } from './args.ts'
import type { Io } from './io.ts'

/** A store's URL without what may be secret. */
function nameOf(url: string): string {
  if (url.startsWith('sqlite:')) return printable(url)
  const { protocol, host, pathname } = new URL(url)
  return printable(`${protocol}//${host}${pathname}`)
}

/** Waits until the store of a URL is open. @throws {Error} that names it */
export async function whenOpen(store: Store, url: string): Promise<void> {
  try {
    await store.ready()
  } catch (error) {
    throw new Error(`Cannot open the store "${nameOf(url)}": ${printable(toError(error).message)}`)
  }
}

/**
 * Opens the store of a URL, and says on standard error what fails in it, each message once.
 *
 * @throws {UsageError} for text that is no URL of a store
 */
export async function openStoreOf(url: string, io: Io): Promise<Store> {
  const { openStore } = await import('../store/index.ts')
  try {
    return openStore({ url, onError: (error) => io.warn(`The store: ${printable(error.message)}`) })
  } catch (error) {
    throw new UsageError(
      printable((error as Error).message.replace(/^Invalid store options: "url"/, 'Option "--store"')),
    )
  }
}
