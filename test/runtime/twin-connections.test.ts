/**
 * A client with two connections from one port to two local addresses, half a request sent on one of them. At full size:
 * `npm run bench -- twin-connections`.
 */
import { afterAll, expect, test } from 'bun:test'
import { runTwins, type TwinOptions } from '../bench/twin-connections.ts'
import { needs } from '../lab/privilege.ts'
import { RUNTIMES, startJsonServer } from '../lab/runtimes.ts'
import type { TestServer } from '../lab/server.ts'

const SCENES: readonly Pick<TwinOptions, 'scene' | 'rate' | 'open'>[] = [
  { scene: 'idle', rate: 0, open: 0 },
  { scene: 'churn', rate: 600, open: 0 },
  { scene: 'opened', rate: 0, open: 1500 },
]

for (const runtime of RUNTIMES) {
  needs('linux').describe(`twin connections on ${runtime}`, () => {
    const started: TestServer[] = []
    afterAll(() => Promise.all(started.map((server) => server.stop())))

    for (const { scene, rate, open } of SCENES) {
      test(`${scene}: none is told the other's SYN, and ordinary clients are told their own`, async () => {
        const server = await startJsonServer(runtime, undefined, { HOSTNAME_TO_BIND: '0.0.0.0', FACE: 'plain' })
        started.push(server)
        const result = await runTwins({ port: server.port, tries: 60, scene, rate, open })
        expect(result).toMatchObject({ wrong: 0, ordinaryWrong: 0 })
        expect(result.tries).toBeGreaterThan(40)
        expect(result.ordinaryAmbiguous).toBeLessThanOrEqual(result.ordinary / 100)
      }, 60_000)
    }
  })
}
