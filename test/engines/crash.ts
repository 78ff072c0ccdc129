/**
 * A process that records is killed at any moment; what its file holds afterwards.
 * @module
 */
import { join } from 'node:path'

const WRITER = join(import.meta.dir, 'servers/writer.ts')
const { DatabaseSync } = process.getBuiltinModule('node:sqlite')

/** Milliseconds that a row may wait before it is written, and what a loaded machine adds. */
const YOUNG = 1000 + 500

/** What a kill has left. */
export interface Crash {
  /** Connections of the killed process in the file. */
  readonly kept: number
  /** Those that were recorded longer than a second before the kill and are not there. */
  readonly missing: number
  /** True if the file is sound, and the counts by day are those of its rows. */
  readonly isSound: boolean
}

/** Records into the file, kills with SIGKILL after so long, and looks. `first` is above all cookies of earlier runs. */
export async function crash(file: string, first: number, milliseconds: number): Promise<Crash> {
  const child = Bun.spawn([process.execPath, WRITER, file, String(first), '1000000', '3'], {
    stdout: 'pipe',
    stderr: 'inherit',
  })
  const seen: [number, number][] = []
  let started = 0
  const reading = (async () => {
    let rest = ''
    const decoder = new TextDecoder()
    for await (const chunk of child.stdout) {
      started ||= performance.now()
      const lines = (rest + decoder.decode(chunk, { stream: true })).split('\n')
      rest = lines.pop()!
      for (const line of lines) seen.push(line.split(' ').map(Number) as [number, number])
    }
  })()
  while (started === 0) await Bun.sleep(5)
  await Bun.sleep(milliseconds)
  const killed = Date.now()
  child.kill('SIGKILL')
  await child.exited
  await reading
  const old = seen.filter(([, at]) => at < killed - YOUNG).at(-1)?.[0] ?? first - 1
  const database = new DatabaseSync(file)
  try {
    const number = (sql: string): number => Number(Object.values(database.prepare(sql).get()!)[0])
    const isSound =
      String(Object.values(database.prepare('PRAGMA integrity_check').get()!)[0]) === 'ok' &&
      number('SELECT sum(connections) FROM seen_daily') === number('SELECT count(*) FROM observation')
    return {
      kept: number(`SELECT count(*) FROM observation WHERE cookie >= ${first}`),
      missing: old + 1 - first - number(`SELECT count(*) FROM observation WHERE cookie BETWEEN ${first} AND ${old}`),
      isSound,
    }
  } finally {
    database.close()
  }
}

/** Status of each of several processes that record into one file at once. */
export async function writeTogether(
  file: string,
  processes: number,
  connections: number,
): Promise<Record<string, unknown>[]> {
  const children = Array.from({ length: processes }, (_, i) =>
    Bun.spawn([process.execPath, WRITER, file, String(1 + i * connections), String(connections), '3'], {
      stdout: 'pipe',
      stderr: 'inherit',
    }),
  )
  return await Promise.all(
    children.map(async (child) => {
      const text = await new Response(child.stdout).text()
      return JSON.parse(text.trim().split('\n').at(-1)!) as Record<string, unknown>
    }),
  )
}
