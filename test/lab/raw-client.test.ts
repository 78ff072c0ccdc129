import { expect, test } from 'bun:test'
import { createNetns, createVethPair, withNetns } from './netns.ts'
import { parsePacket } from './packet.ts'
import { needs } from './privilege.ts'
import { createProbe } from './probe.ts'
import { connectKernel, runAttribution, runTwoAddresses } from './raw-client.ts'
import { createTruthServer } from './truth-server.ts'

needs('netns').describe('connectKernel', () => {
  for (const [address, from] of [
    ['127.0.0.1', '127.1.2.3'],
    ['::1', '::1'],
  ] as const) {
    test(`MSS, TTL, TOS, source address and port are the given ones: ${address}`, async () => {
      await withNetns(async (ns) => {
        const probe = createProbe(ns, { address })
        const source = { address: from, port: 23_456 }
        const client = await connectKernel({
          netns: ns,
          destination: probe.endpoint,
          source,
          mss: 1234,
          ttl: 33,
          tos: 0x28,
        })
        const child = await probe.accept()
        expect(child.peer).toEqual(source)
        expect(client.local).toEqual(source)
        expect(parsePacket(child.savedSyn())).toMatchObject({ source, mss: 1234, ttl: 33, tos: 0x28 })
        client.send('to and')
        expect(new TextDecoder().decode((await child.readSoon())!)).toBe('to and')
        child.write(new TextEncoder().encode('fro'))
        expect(new TextDecoder().decode((await client.read())!)).toBe('fro')
        client.end()
        expect(await child.readSoon()).toBeNull()
        child.close()
        expect(await client.read()).toBeNull()
        client.close()
        probe.close()
      })
    })
  }

  test('reset sends RST, and the same tuple is free at once', async () => {
    await withNetns(async (ns) => {
      const probe = createProbe(ns, { address: '127.0.0.1' })
      const source = { address: '127.0.0.1', port: 23_456 }
      for (const mss of [1000, 1001, 1002]) {
        const client = await connectKernel({ netns: ns, destination: probe.endpoint, source, mss })
        const child = await probe.accept()
        expect(parsePacket(child.savedSyn())?.mss).toBe(mss)
        client.reset()
        await expect(child.readSoon()).rejects.toThrow('ECONNRESET')
      }
      probe.close()
    })
  })

  test('a refused connection is an error with its code', async () => {
    await withNetns(async (ns) => {
      const refused = connectKernel({ netns: ns, destination: { address: '127.0.0.1', port: 9 } })
      await expect(refused).rejects.toMatchObject({ code: 'ECONNREFUSED' })
    })
  })
})

needs('netns').describe('runAttribution', () => {
  for (const host of ['127.0.0.1', '::1']) {
    test(`an honest server is never wrong: ${host}`, async () => {
      await withNetns(async (ns) => {
        const server = createTruthServer(ns, { address: '::' })
        const result = await runAttribution({
          netns: ns,
          host,
          port: server.port,
          connections: 1500,
          concurrency: 200,
          seed: 5,
        })
        expect(result).toMatchObject({
          wrong: 0,
          missing: 0,
          ambiguous: 0,
          failed: 0,
          miscounted: 0,
          failures: {},
          examples: [],
        })
        expect(result.connections).toBe(1500)
        expect(server.accepted).toBe(1500)
        expect(result.mostOpen).toBe(200)
        expect(result.responses).toBe(result.ok)
        expect(result.reused).toBeGreaterThan(400)
        expect(result.aborted).toBeGreaterThan(100)
        server.close()
      })
    })
  }

  test('over a cable, with the MSS range of Ethernet', async () => {
    await using server = createNetns()
    await using client = createNetns()
    const { ipv4 } = createVethPair(server, client)
    const truth = createTruthServer(server, { address: ipv4[0] })
    const result = await runAttribution({
      netns: client,
      host: ipv4[0],
      port: truth.port,
      connections: 500,
      concurrency: 100,
    })
    expect(result).toMatchObject({ wrong: 0, missing: 0, ambiguous: 0, failed: 0, miscounted: 0 })
    truth.close()
  })

  test('every kind of lie is counted as what it is', async () => {
    await withNetns(async (ns) => {
      let n = 0
      const told = { wrong: 0, missing: 0, ambiguous: 0, miscounted: 0 }
      const server = createTruthServer(ns, {
        address: '127.0.0.1',
        distort: (mss, request) => {
          n += 1
          if (n % 11 === 0) {
            told.wrong += 1
            return { available: true, syn: { tcp: { mss: mss ^ 1 } } }
          }
          if (n % 7 === 0) {
            told.missing += 1
            return { available: true, reason: 'not-found', tcpInfo: {} }
          }
          if (n % 5 === 0) {
            told.ambiguous += 1
            return { available: false, reason: 'ambiguous' }
          }
          if (n % 3 === 0) {
            told.miscounted += 1
            return { available: true, syn: { tcp: { mss } }, connection: { request: request + 1 } }
          }
          return undefined
        },
      })
      // Without aborted requests every answer is read and judged.
      const result = await runAttribution({
        netns: ns,
        host: '127.0.0.1',
        port: server.port,
        connections: 200,
        concurrency: 20,
        reuseTuples: 0,
      })
      expect(told.wrong * told.missing * told.ambiguous * told.miscounted).toBeGreaterThan(0)
      expect(result).toMatchObject(told)
      expect(result.reasons).toEqual({ 'not-found': told.missing, ambiguous: told.ambiguous })
      expect(result.examples).toHaveLength(10)
      server.close()
    })
  })

  test('a server that is not there is counted as failed, and the run ends', async () => {
    await withNetns(async (ns) => {
      const result = await runAttribution({ netns: ns, host: '127.0.0.1', port: 9, connections: 20, concurrency: 5 })
      expect(result.failed).toBe(20)
      expect(result.failures).toEqual({ 'connect ECONNREFUSED': 20 })
    })
  })
})

needs('netns').describe('runTwoAddresses', () => {
  test('both connections of a pair are asked, from the same source', async () => {
    await withNetns(async (ns) => {
      const server = createTruthServer(ns, { address: '0.0.0.0' })
      const options = {
        netns: ns,
        hosts: ['127.0.0.1', '127.0.0.2'],
        port: server.port,
        source: { address: '127.0.0.1', port: 20_000 },
        pairs: 20,
      } as const
      const result = await runTwoAddresses(options)
      expect(result).toMatchObject({ ok: 80, wrong: 0, missing: 0, ambiguous: 0, pairs: 20 })
      expect(server.accepted).toBe(40)
      server.close()
    })
  })
})
