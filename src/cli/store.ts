/**
 * The store that `--store` names. Nothing of it is loaded before.
 * @module
 */
import { printable } from '../base/text.ts'
import type { Store } from '../store/store.ts'
import { UsageError } from './args.ts'
import type { Io } from './io.ts'

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
