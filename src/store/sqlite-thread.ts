/**
 * A thread that has a SQLite file open, so that no call of it blocks the event loop: a question about millions of rows takes a third of
 * a second, and the `fsync` of a checkpoint 5 to 30 ms.
 * @module
 */
import { processGlobal } from '../runtime/globals.ts'
import { openRunner, type Row, type Run, type Runner, type Value } from './sqlite-runner.ts'

/** What is used of a thread of `node:worker_threads`. */
interface Thread {
  on(event: 'error' | 'exit', listener: () => void): void
  on(event: 'message', listener: (answer: Answer) => void): void
  postMessage(question: Question | 'close'): void
  ref(): void
  unref(): void
  terminate(): unknown
}
/** Its side of the messages. */
interface Port {
  on(event: 'message', listener: (question: Question | 'close') => void): void
  postMessage(answer: Answer): void
}

/**
 * JSON of `[statements, isTransaction, ...]` and for each run the place of its statement, how many values it has, and these, octets as
 * a list. One string: a structured clone of 128 rows costs the event loop 0.5 ms and leaves 2,000 objects to collect, this a fifth.
 */
type Question = string
/** The first says that the file is open. */
type Answer = { readonly rows: Row[] } | { readonly error: { name: string; message: string; errcode: unknown } }

/** Milliseconds that `close` waits for the thread. */
const CLOSE_TIMEOUT = 1000

/**
 * What the thread does. Names nothing outside of itself, as {@link openRunner}.
 *
 * After 48 transactions, some 700 pages of 4 KiB, it makes a checkpoint. A passive one waits for no other process, and where other processes never
 * pause, never lets the log begin anew: above 4,000 pages (16 MiB) the other kind does.
 */
function serve(port: Port, runner: Runner): void {
  let transactions = 0
  const checkpoint = (): void => {
    try {
      const [state] = runner.run([['PRAGMA wal_checkpoint(PASSIVE)']], false)
      if (Number(state?.log) > 4000) runner.run([['PRAGMA wal_checkpoint(RESTART)']], false)
    } catch {
      // Locked, or the disk is full: the next one may succeed.
    }
  }
  port.on('message', (question) => {
    if (question === 'close') {
      runner.close()
      port.postMessage({ rows: [] })
      return
    }
    const [sql, isTransaction, ...rest] = JSON.parse(question) as [string[], boolean, ...unknown[]]
    try {
      const runs: Run[] = []
      for (let at = 0; at < rest.length; ) {
        const end = at + 2 + (rest[at + 1] as number)
        const values = rest.slice(at + 2, end) as (Exclude<Value, Uint8Array> | number[])[]
        runs.push([sql[rest[at] as number]!, ...values.map((one) => (Array.isArray(one) ? Uint8Array.from(one) : one))])
        at = end
      }
      port.postMessage({ rows: runner.run(runs, isTransaction) })
    } catch (thrown) {
      const { name, message, errcode } = thrown as Error & { readonly errcode: unknown }
      port.postMessage({ error: { name, message, errcode } })
    }
    if (isTransaction && ++transactions % 48 === 0) checkpoint()
  })
  port.postMessage({ rows: [] })
}

/** The program of the thread. `workerData` is the path and the statements to begin with. */
const program = (): string => `
const { parentPort, workerData } = process.getBuiltinModule('node:worker_threads')
const runner = (${openRunner})(process.getBuiltinModule('node:sqlite').DatabaseSync, workerData.path)
runner.exec(workerData.setup)
;(${serve})(parentPort, runner)
`

export class SqliteThread {
  readonly #thread: Thread
  readonly #waiting: { resolve(rows: Row[]): void; reject(error: unknown): void }[] = []
  #isOpen = false

  /** `onEnd` is called when it has ended, be it that it could not begin. */
  constructor(thread: Thread, onEnd: () => void) {
    this.#thread = thread
    const end = (): void => {
      this.#isOpen = false
      for (const one of this.#waiting.splice(0)) one.reject(new Error('The thread of SQLite has ended'))
      onEnd()
    }
    thread.on('error', end)
    thread.on('exit', end)
    thread.on('message', (answer) => this.#take(answer))
    // Last: listeners hold the process.
    thread.unref()
  }

  /** True while it has the file open. */
  get isOpen(): boolean {
    return this.#isOpen
  }

  #take(answer: Answer): void {
    if (!this.#isOpen) {
      this.#isOpen = true
      return
    }
    const one = this.#waiting.shift()
    if (this.#waiting.length === 0) this.#thread.unref()
    if ('rows' in answer) one?.resolve(answer.rows)
    else one?.reject(Object.assign(new Error(answer.error.message), answer.error))
  }

  /** As {@link Runner.run}. Holds the process until it is answered. */
  run(runs: readonly Run[], isTransaction: boolean): Promise<Row[]> {
    const sql: string[] = []
    const places = new Map<string, number>()
    const rest: (Value | readonly number[])[] = []
    for (const run of runs) {
      const [text] = run
      let place = places.get(text)
      if (place === undefined) {
        place = sql.push(text) - 1
        places.set(text, place)
      }
      rest.push(place, run.length - 1)
      for (let i = 1; i < run.length; i++) {
        const value = run[i]!
        rest.push(value instanceof Uint8Array ? [...value] : value)
      }
    }
    return this.#ask(JSON.stringify([sql, isTransaction, ...rest]))
  }

  #ask(question: Question | 'close'): Promise<Row[]> {
    return new Promise((resolve, reject) => {
      this.#thread.postMessage(question)
      this.#waiting.push({ resolve, reject })
      this.#thread.ref()
    })
  }

  /** Resolves when the thread has closed the file, or after a second. */
  async close(): Promise<void> {
    let timer: ReturnType<typeof setTimeout> | undefined
    const late = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, CLOSE_TIMEOUT)
    })
    await Promise.race([this.#ask('close').catch(() => {}), late])
    clearTimeout(timer)
    this.#thread.terminate()
  }
}

/** A thread for the file; `undefined` where the runtime or its permissions have none. `setup` are statements to begin with. */
export function startThread(path: string, setup: string, onEnd: () => void): SqliteThread | undefined {
  const threads = processGlobal()?.getBuiltinModule?.('node:worker_threads') as
    | { readonly Worker: new (source: string, options: object) => Thread }
    | undefined
  if (threads === undefined) return undefined
  try {
    return new SqliteThread(new threads.Worker(program(), { eval: true, workerData: { path, setup } }), onEnd)
  } catch {
    return undefined
  }
}
