/**
 * What the doctor reads of the machine: files of /proc, the runtime, its permissions.
 * @module
 */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { release } from 'node:os'
import process from 'node:process'

/** Which runtime this is. */
export type RuntimeName = 'bun' | 'deno' | 'node'

interface DenoParts {
  readonly version: { readonly deno: string }
  readonly permissions: { querySync(one: { name: string; path?: string; host?: string }): { readonly state: string } }
}

const { Bun, Deno } = globalThis as { Bun?: { readonly version: string }; Deno?: DenoParts }

/** The runtime and its version. */
export function runtime(): { readonly name: RuntimeName; readonly version: string } {
  if (Bun !== undefined) return { name: 'bun', version: Bun.version }
  if (Deno !== undefined) return { name: 'deno', version: Deno.version.deno }
  return { name: 'node', version: process.versions.node }
}

/** Whether the runtime allows something without asking. */
export function isAllowed(name: 'net' | 'ffi' | 'read' | 'sys'): boolean {
  return Deno === undefined || Deno.permissions.querySync({ name }).state === 'granted'
}

/** What a reader gives; `undefined` where the system or the runtime refuses, and never a question on the terminal. */
function quietly<T>(read: () => T): T | undefined {
  if (!isAllowed('read')) return undefined
  try {
    return read()
  } catch {
    return undefined
  }
}

/** A small file, without the line end. */
export function readText(path: string): string | undefined {
  return quietly(() => readFileSync(path, 'utf8').trim())
}

/** Names in a directory; none where it cannot be read. */
export function list(path: string): string[] {
  return quietly(() => readdirSync(path)) ?? []
}

/** Where a symbolic link leads. */
export function link(path: string): string | undefined {
  return quietly(() => readlinkSync(path))
}

/** The kernel's release, `6.18.44-cloud`; `undefined` where that is not told. */
export function kernelRelease(): string | undefined {
  if (!isAllowed('sys')) return undefined
  try {
    return release()
  } catch {
    return undefined
  }
}
