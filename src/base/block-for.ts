/**
 * Waiting that blocks, for the end of a process, when timers have stopped.
 * @module
 */

/** Blocks this thread. */
export function blockFor(milliseconds: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, milliseconds)
}
