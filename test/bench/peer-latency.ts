#!/usr/bin/env bun
/**
 * Prints how exact the TUN peer's delays are: what the kernel measured as handshake RTT, less the delay that was set.
 *
 * @example npm run bench -- peer-latency
 * @module
 */
import { createNetns } from '../lab/netns.ts'
import { createProbe } from '../lab/probe.ts'
import { createTunPeer } from '../lab/tun-peer.ts'

if (import.meta.main) {
  await using ns = createNetns()
  const peer = createTunPeer(ns)
  console.log('delay set, ms | rounds | kernel tcpi_rtt minus delay, µs: median, p90, worst')
  for (const address of [peer.ipv4, peer.ipv6]) {
    const probe = createProbe(ns, { address })
    for (const ackDelayMs of [0, 1, 10, 30, 100, 200]) {
      const errors: number[] = []
      for (let round = 0; round < 50; round += 1) {
        const [connection, child] = await Promise.all([
          peer.connect({ destination: probe.endpoint, ackDelayMs }),
          probe.accept(),
        ])
        errors.push(child.info().rtt - ackDelayMs * 1000)
        child.close()
        connection.rst()
      }
      errors.sort((a, b) => a - b)
      console.log(`${address} ${ackDelayMs} | ${errors.length} | ${errors[25]} ${errors[45]} ${errors[49]}`)
    }
    probe.close()
  }
}
