/**
 * The scripts that run now, so that none outlives the server.
 * @module
 */
import type { Child } from '../runtime/types.ts'

/** Process groups that are to be stopped with the server. */
export class RunningScripts {
  readonly #children: Set<Child> = new Set()
  readonly #watchEnd: () => () => void
  #unwatch: () => void = () => {}

  /**
   * @param watchEnd - has {@link killAll} called before the process ends, and returns how to take that back. In force only while a
   *   script runs, so that a handler that is forgotten, as at each reload of `bun --hot`, leaves nothing behind
   */
  constructor(watchEnd: () => () => void) {
    this.#watchEnd = watchEnd
  }

  add(child: Child): void {
    if (this.#children.size === 0) this.#unwatch = this.#watchEnd()
    this.#children.add(child)
  }
  remove(child: Child): void {
    if (this.#children.delete(child) && this.#children.size === 0) this.#unwatch()
  }

  /** Ends every group at once: SIGTERM, SIGKILL after `graceTime` milliseconds. Blocks, because the process ends next. */
  killAll(pause: (milliseconds: number) => void, graceTime: number): void {
    const left = [...this.#children].filter((child) => child.signal('SIGTERM'))
    for (let waited = 0; waited < graceTime && left.some((child) => child.signal(0)); waited += 5) pause(5)
    for (const child of left) child.signal('SIGKILL')
    this.#children.clear()
  }

  /** Ends every group, with SIGKILL after `graceTime` milliseconds. */
  async stopAll(graceTime: number): Promise<void> {
    await Promise.all([...this.#children].map((child) => stopGroup(child, graceTime)))
  }
}

/** SIGTERM to a group, SIGKILL after `graceTime` milliseconds to what is left of it. Resolves when the group is empty. */
export async function stopGroup(child: Child, graceTime: number): Promise<void> {
  if (!child.signal('SIGTERM')) return
  const end = performance.now() + graceTime
  for (let wait = 1; performance.now() < end; wait = Math.min(wait * 2, 50)) {
    await sleep(Math.min(wait, graceTime))
    if (!child.signal(0)) return
  }
  child.signal('SIGKILL')
  // The kernel takes a moment. A process in uninterruptible sleep may take longer, and is not waited for.
  for (let wait = 1; wait < 256 && child.signal(0); wait *= 2) await sleep(wait)
}

function sleep(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds))
}
