/**
 * What the doctor reads of the machine: files of /proc, permissions.
 * @module
 */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { release } from 'node:os'
import { currentRuntime } from '../runtime/current.ts'
import type { Permission } from '../runtime/types.ts'

/** True if the runtime allows something without asking. */
export function isAllowed(name: Permission): boolean {
  return currentRuntime().isAllowed(name)
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
