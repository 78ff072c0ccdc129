/**
 * Signals to whole process groups, the same way on Bun and Deno.
 * @module
 */

/** Signals the group that `pid` leads; false where nobody is left in it. */
export function signalGroup(pid: number, name: 'SIGTERM' | 'SIGKILL' | 0): boolean {
  const { process } = globalThis as unknown as { process: { kill(pid: number, signal: string | number): unknown } }
  try {
    process.kill(-pid, name)
    return true
  } catch (error) {
    // A member that has changed its user is still one.
    return (error as { code?: unknown }).code === 'EPERM'
  }
}
