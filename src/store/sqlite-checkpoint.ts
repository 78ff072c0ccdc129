/**
 * Checkpoints of a SQLite file, in a thread of their own: SQLite would make them within a commit, and the two `fsync` of one block
 * the event loop for 5 to 30 ms.
 * @module
 */
import { processGlobal } from '../runtime/globals.ts'

/** What is used of a thread of `node:worker_threads`. */
interface Thread {
  on(event: 'error' | 'exit' | 'message', listener: () => void): void
  postMessage(message: string): void
  unref(): void
  terminate(): unknown
}

/** Commits between two checkpoints: some 700 pages of 4 KiB. */
const COMMITS = 48
/** Milliseconds that `close` waits for the thread. */
const CLOSE_TIMEOUT = 1000

/**
 * The thread. A passive checkpoint waits for nobody, and where writers never pause, never lets the log begin anew: above 4,000 pages
 * (16 MiB) the other kind does. `state` is 1 while a checkpoint runs. It imports nothing, so that bundlers have no second file.
 */
const SOURCE = `
const { parentPort, workerData } = process.getBuiltinModule('node:worker_threads')
const { DatabaseSync } = process.getBuiltinModule('node:sqlite')
const state = new Int32Array(workerData.state)
const database = new DatabaseSync(workerData.path)
database.exec('PRAGMA busy_timeout = 100; PRAGMA synchronous = NORMAL')
const passive = database.prepare('PRAGMA wal_checkpoint(PASSIVE)')
const restart = database.prepare('PRAGMA wal_checkpoint(RESTART)')
parentPort.on('message', (message) => {
  if (message === 'close') {
    database.close()
    parentPort.postMessage('closed')
    return
  }
  try {
    if (passive.get().log > 4000) restart.get()
  } catch {
    // Locked, or the disk is full: the next one may succeed.
  }
  Atomics.store(state, 0, 0)
})
`

/** See the module's comment. */
export class Checkpointer {
  readonly #thread: Thread
  readonly #state: Int32Array<SharedArrayBuffer>
  readonly #ended: Promise<void>
  #commits = 0

  /** Starts the thread. `onEnd` is called when it has ended, be it that it could not begin. */
  constructor(thread: Thread, state: Int32Array<SharedArrayBuffer>, onEnd: () => void) {
    this.#thread = thread
    this.#state = state
    this.#ended = new Promise((resolve) => {
      const end = (): void => {
        onEnd()
        resolve()
      }
      thread.on('error', end)
      thread.on('exit', end)
    })
    // Last: listeners hold the process.
    thread.unref()
  }

  /** To be called after every commit. */
  committed(): void {
    if (++this.#commits < COMMITS || Atomics.compareExchange(this.#state, 0, 0, 1) !== 0) return
    this.#commits = 0
    this.#thread.postMessage('checkpoint')
  }

  /** Resolves when the thread has closed the file. */
  async close(): Promise<void> {
    let timer: ReturnType<typeof setTimeout> | undefined
    const closed = new Promise<void>((resolve) => {
      this.#thread.on('message', resolve)
      timer = setTimeout(resolve, CLOSE_TIMEOUT)
    })
    this.#thread.postMessage('close')
    await Promise.race([closed, this.#ended])
    clearTimeout(timer)
    this.#thread.terminate()
  }
}

/** A thread for the file; `undefined` where the runtime or its permissions have none. */
export function startCheckpointer(path: string, onEnd: () => void): Checkpointer | undefined {
  const threads = processGlobal()?.getBuiltinModule?.('node:worker_threads') as
    | { readonly Worker: new (source: string, options: object) => Thread }
    | undefined
  if (threads === undefined) return undefined
  const state = new Int32Array(new SharedArrayBuffer(4))
  try {
    const thread = new threads.Worker(SOURCE, { eval: true, workerData: { path, state: state.buffer } })
    return new Checkpointer(thread, state, onEnd)
  } catch {
    return undefined
  }
}
