/**
 * Load by wrk (Debian package `wrk`) from another process, and what a process has used.
 * @module
 */
import { readdirSync, readFileSync } from 'node:fs'

/** What wrk counted. */
export interface Load {
  readonly requests: number
  readonly perSecond: number
}

/**
 * Asks a URL for so long over 32 connections that stay. `within`: what wrk is run with, such as `ip netns exec NAME`.
 * @throws {Error} with what wrk said, where an answer was no success
 */
export async function load(
  url: string,
  seconds: number,
  headers: readonly string[] = [],
  within: readonly string[] = [],
): Promise<Load> {
  const fields = headers.flatMap((header) => ['-H', header])
  const wrk = Bun.spawn([...within, 'wrk', '-t1', '-c32', `-d${seconds}s`, ...fields, url], { stdout: 'pipe' })
  const text = await new Response(wrk.stdout).text()
  const perSecond = /Requests\/sec:\s*([\d.]+)/.exec(text)
  const requests = /(\d+) requests in/.exec(text)
  if (perSecond === null || requests === null || /Non-2xx/.test(text)) throw new Error(`wrk: ${text}`)
  return { requests: Number(requests[1]), perSecond: Number(perSecond[1]) }
}

/** What all threads of a process have used so far; the kernel counts in hundredths of a second. */
export function processorMicroseconds(pid: number): number {
  const [user, system] = readFileSync(`/proc/${pid}/stat`, 'utf8')
    .replace(/^.*\) /, '')
    .split(' ')
    .slice(11)
  return (Number(user) + Number(system)) * 10_000
}

/** What the threads that a process has now have used so far, as exact as the scheduler's clock. */
export function threadMicroseconds(pid: number): number {
  let nanoseconds = 0
  for (const thread of readdirSync(`/proc/${pid}/task`))
    nanoseconds += Number(readFileSync(`/proc/${pid}/task/${thread}/schedstat`, 'utf8').split(' ')[0])
  return nanoseconds / 1000
}
