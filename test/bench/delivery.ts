/**
 * What `delivery` costs a request that reads it beside TCP_INFO, and what it keeps for each connection, in-process:
 * `bun test/bench/delivery.ts [ROUNDS]`.
 *
 * One fingerprint per request over a connection of which TCP_INFO is read, once with `tcpInfo.rtt` alone and once with
 * `delivery.bytesSent` too, in turns. Ends with 1 above 0.3 µs or 280 octets.
 * @module
 */
import { Connection } from '../../src/connection/connection.ts'
import { readCounts } from '../../src/connection/delivery.ts'
import { type Collection, FingerprintView } from '../../src/connection/view.ts'
import { hex } from '../support/hex.ts'
import golden from '../vectors/tcp-info.json' with { type: 'json' }
import { median } from './pairs.ts'

const MOST_MICROSECONDS = 0.3
const MOST_OCTETS = 280
const REQUESTS = 50_000
const CONNECTIONS = 50_000
const rounds = Number(process.argv[2] ?? 41)
const info = hex(golden[0]!.hex)

const collection: Collection = {
  syn: false,
  tcpInfo: 'request',
  envOptions: {} as Collection['envOptions'],
  readInfo: () => info.slice(),
  labelOf: () => undefined,
}
const connection = new Connection({
  fd: 3,
  cookieLow: 1,
  cookieHigh: 0,
  address: '192.0.2.1',
  port: 1024,
  acceptedOn: { port: 80, owner: {} },
  synBytes: new Uint8Array(0),
  synReason: undefined,
  handshakeTimeToLive: 64,
  timing: undefined,
  firstInfo: undefined,
})
let sink = 0

function withoutIt(): void {
  for (let i = 0; i < REQUESTS; i++) {
    connection.requests++
    sink += new FingerprintView(collection, connection, connection.requests).tcpInfo!.rtt ?? 0
  }
}

function withIt(): void {
  for (let i = 0; i < REQUESTS; i++) {
    connection.requests++
    const { tcpInfo, delivery } = new FingerprintView(collection, connection, connection.requests)
    sink += (tcpInfo!.rtt ?? 0) + (delivery?.bytesSent ?? 0)
  }
}

function microseconds(run: () => void): number {
  const start = Bun.nanoseconds()
  run()
  return (Bun.nanoseconds() - start) / REQUESTS / 1000
}

for (let i = 0; i < 5; i++) for (const run of [withoutIt, withIt]) run()
const differences: number[] = []
const whole: number[] = []
for (let i = 0; i < rounds; i++) {
  const before = microseconds(withoutIt)
  const after = microseconds(withIt)
  differences.push(after - before)
  whole.push(before)
}
const kept: unknown[] = new Array(CONNECTIONS).fill(undefined)
Bun.gc(true)
const heap = process.memoryUsage().heapUsed
for (let i = 0; i < CONNECTIONS; i++) kept[i] = readCounts(info, i, i + 0.5)
Bun.gc(true)
const octets = (process.memoryUsage().heapUsed - heap) / CONNECTIONS
const cost = median(differences)
console.log(
  `delivery: ${cost.toFixed(3)} µs a request beside ${median(whole).toFixed(3)} (median of ${rounds} rounds in turns)`,
)
console.log(`  kept for each connection that asked: ${octets.toFixed(0)} octets (${kept.length} of them)`)
if (sink < 0) console.log(sink)
process.exit(cost <= MOST_MICROSECONDS && octets <= MOST_OCTETS ? 0 : 1)
