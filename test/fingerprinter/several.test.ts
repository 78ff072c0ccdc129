import { expect } from 'bun:test'
import { createFingerprinter } from '../../src/bun.ts'
import { needs } from '../lab/privilege.ts'

needs('linux').test('a request that several fingerprinters look at counts once', async () => {
  const all = [createFingerprinter(), createFingerprinter(), createFingerprinter()]
  let turn = 0
  using server = Bun.serve({
    port: 0,
    hostname: '127.0.0.1',
    fetch(request, server) {
      // Another one is the first each time.
      const inTurn = all.map((_, index) => all[(index + turn) % all.length]!)
      turn++
      const found = inTurn.map((one) => one.fromBun(request, server))
      return Response.json(found.map(({ connection, delivery }) => [connection?.request, delivery !== undefined]))
    },
  })
  all[0]!.arm(server)
  for (const request of [1, 2, 3]) {
    const answer = (await (await fetch(server.url)).json()) as unknown
    const isLater = request > 1
    expect(answer).toEqual([
      [request, isLater],
      [request, false],
      [request, false],
    ])
  }
  expect(all.map((one) => one.status().requests.ok)).toEqual([3, 3, 3])
})
