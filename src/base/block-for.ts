/**
 * Waiting without giving way, for the end of a process, when no timer runs any more.
 * @module
 */

/** Blocks this thread. */
export function blockFor(milliseconds: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, milliseconds)
}
