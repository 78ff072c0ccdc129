/**
 * Receives SYNs, on Bun, Deno or Node: for each line on stdin, the processor time and the elapsed time of one drain of all that wait, in
 * microseconds, and how many they were.
 * @module
 */
import process from 'node:process'
import { createInterface } from 'node:readline'
import type { Libc } from '../../ffi/libc.ts'
import { SockDiag } from '../../ffi/sock-diag.ts'
import { PacketSource } from '../../src/packets/packet-source.ts'
import { currentRuntime } from '../../src/runtime/current.ts'

const libc = currentRuntime().openLibc() as Libc
// The clock stands still: no timer drains in between.
const source = new PacketSource(libc, new SockDiag(libc), { ports: [80] }, 1 << 17)
console.log('ready')
for await (const _ of createInterface({ input: process.stdin })) {
  const before = process.cpuUsage()
  const start = performance.now()
  const came = source.drain()
  const elapsed = (performance.now() - start) * 1000
  const { user, system } = process.cpuUsage(before)
  console.log(`${came} ${user + system} ${elapsed} ${source.counts().dropped}`)
}
source.close()
