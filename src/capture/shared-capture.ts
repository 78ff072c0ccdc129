/**
 * One capture for all of a thread.
 * @module
 */
import { isLibc, type OpenLibc } from '../../ffi/libc.ts'
import { threadShared } from '../runtime/globals.ts'
import { onThreadEnd } from '../runtime/process-end.ts'
import { Capture } from './capture.ts'

/** The capture of this thread. Copies of the library, and modules before and after a hot reload, share it: a SYN is read once. */
export function sharedCapture(
  openLibc: OpenLibc,
): Capture | { readonly reason: 'unsupported' | 'denied'; readonly message: string } {
  const place = threadShared<Capture>(SHARED)
  const shared = place.get()
  if (shared !== undefined) return shared
  const libc = openLibc()
  if (!isLibc(libc)) return libc
  const capture = new Capture(libc)
  place.set(capture)
  // A Worker's descriptors outlive it. One that is ended from outside, by `terminate()`, is not asked.
  onThreadEnd(() => capture.close())
  return capture
}

/** The number changes with the shape of `Capture`: copies of different shapes do not share. */
const SHARED: symbol = Symbol.for('tcpfingerprint.capture.4')
