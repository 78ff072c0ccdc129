/**
 * From a live server: clients with several stacks behind shared addresses; every answer of the three questions is exact.
 */
import { expect } from 'bun:test'
import { createNetns } from '../lab/netns.ts'
import { needs } from '../lab/privilege.ts'
import { RUNTIMES } from '../lab/runtimes.ts'
import { temporaryDirectory } from '../support/temporary.ts'
import { NODES_WITH_SQLITE, runLive } from './live.ts'

for (const runtime of [...RUNTIMES, ...NODES_WITH_SQLITE]) {
  const [name, needed] = typeof runtime === 'string' ? [runtime, []] : [runtime.name, [runtime]]
  needs('netns', 'tun', ...needed).test(
    `every answer is exact: 200 clients behind 20 addresses, on ${name}`,
    async () => {
      using directory = temporaryDirectory()
      const netns = createNetns()
      try {
        const url = `sqlite:${directory.file('seen.sqlite')}`
        // At full size: npm run bench -- store-live
        expect(await runLive({ netns, runtime, url, connections: 1000 })).toEqual([])
      } finally {
        await netns[Symbol.asyncDispose]()
      }
    },
    60_000,
  )
}
