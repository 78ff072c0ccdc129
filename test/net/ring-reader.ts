/**
 * Receives SYNs, on Bun, Deno or Node: for each line on stdin how many waited, whether their sequence numbers grew by one, and how many the
 * kernel has dropped since.
 * @module
 */
import process from 'node:process'
import { createInterface } from 'node:readline'
import type { Libc } from '../../ffi/libc.ts'
import { PacketSocket } from '../../ffi/packet.ts'
import { currentRuntime } from '../../src/runtime/current.ts'

const socket = new PacketSocket(currentRuntime().openLibc() as Libc, { ports: [80] }, true)
const view = new DataView(socket.packet.buffer)
console.log('ready')
for await (const _ of createInterface({ input: process.stdin })) {
  let came = 0
  let isInOrder = true
  for (let last = -1; socket.receive() > 0; came++) {
    const sequence = view.getUint32(24)
    isInOrder &&= came === 0 || sequence === last + 1
    last = sequence
  }
  console.log(`${came} ${isInOrder} ${socket.takeDrops()}`)
}
socket.close()
