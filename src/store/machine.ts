/**
 * Which machine and which boot of it an observation is from.
 * @module
 */
import { processGlobal } from '../runtime/globals.ts'
import { keptText } from './text.ts'

/** The kernel's boot id, or a random one where it is not to be read, and the host's name. */
export function machineIdentity(host?: string): { readonly boot: string; readonly host: string } {
  return { boot: bootId() ?? crypto.randomUUID(), host: keptText(host ?? hostName()) }
}

function bootId(): string | undefined {
  const fs = processGlobal()?.getBuiltinModule?.('node:fs') as typeof import('node:fs') | undefined
  try {
    return fs?.readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim() || undefined
  } catch {
    return undefined
  }
}

function hostName(): string {
  const os = processGlobal()?.getBuiltinModule?.('node:os') as typeof import('node:os') | undefined
  try {
    return os?.hostname() ?? 'localhost'
  } catch {
    // Deno wants --allow-sys=hostname.
    return 'localhost'
  }
}
