/**
 * Errors of system calls.
 * @module
 */
import { toError } from '../base/report-once.ts'

/** The `code` of a system error, or the empty string for any other. */
export function errorCode(error: unknown): string {
  return typeof error === 'object' && error !== null && 'code' in error && typeof error.code === 'string'
    ? error.code
    : ''
}

/** What a failed system call means, in words, without path and call. */
export function systemReason(error: unknown): string {
  const words: Readonly<Record<string, string>> = {
    ENOENT: 'no such file',
    ENOTDIR: 'no such file',
    EISDIR: 'it is a directory',
    EACCES: 'permission denied',
    EPERM: 'permission denied',
    EIO: 'input/output error',
    ENOSPC: 'no space left',
    EBADF: 'the descriptor is not open',
  }
  const code = errorCode(error)
  if (words[code] !== undefined) return words[code]
  if (error instanceof Error && error.name === 'NotCapable') return 'Deno was not given --allow-read for it'
  return code !== '' ? code : toError(error).message
}
