/**
 * Workers that serve, watch their connections and end, one after the other. Prints the inotify descriptors and AIO rings that the process
 * has left.
 */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { createFingerprinter } from '../../../src/bun.ts'

declare const self: Worker

const isInotify = (fd: string): boolean => {
  try {
    return readlinkSync(`/proc/self/fd/${fd}`) === 'anon_inode:inotify'
  } catch {
    return false
  }
}

/** Inotify descriptors and AIO rings of the process. */
const left = (): [number, number] => [
  readdirSync('/proc/self/fd').filter(isInotify).length,
  readFileSync('/proc/self/maps', 'utf8').match(/\/\[aio\]/g)?.length ?? 0,
]

if (Bun.isMainThread) {
  const before = left()
  let watches = 0
  for (let i = 0; i < 3; i++) {
    const worker = new Worker(import.meta.url)
    const ended = new Promise((resolve) => worker.addEventListener('close', resolve))
    worker.onmessage = (event) => {
      watches += event.data
    }
    await ended
  }
  const [inotify, rings] = left()
  console.log(`${watches} watches, ${inotify - before[0]} inotify, ${rings - before[1]} rings`)
  process.exit()
} else {
  const fp = createFingerprinter()
  const server = Bun.serve({
    port: 0,
    hostname: '127.0.0.1',
    fetch: (request, self) => Response.json(fp.fromBun(request, self as never).available),
  })
  fp.arm(server as never)
  for (let i = 0; i < 60; i++) await (await fetch(server.url)).text()
  self.postMessage(fp.status().watches)
  await server.stop(true)
  process.exit()
}
