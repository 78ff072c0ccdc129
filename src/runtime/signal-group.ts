/**
 * Signals to whole process groups.
 * @module
 */
import { processGlobal } from './globals.ts'

/** Signals the group that `pid` leads. False where it has no member left. */
export function signalGroup(pid: number, name: 'SIGTERM' | 'SIGKILL' | 0): boolean {
  try {
    processGlobal()!.kill(-pid, name)
    return true
  } catch (error) {
    // A member that has changed its user is still a member.
    return (error as { code?: unknown }).code === 'EPERM'
  }
}
