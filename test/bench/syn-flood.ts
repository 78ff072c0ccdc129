/**
 * `npm run bench -- syn-flood [SYNS_A_SECOND]`: requests through nginx while spoofed SYNs come, half of them with the ends of live
 * connections and half with random ones (50,000 a second). Exit code 1 where a bound is missed.
 *
 * 1. `answers`: with the option `packets`, what is said of the clients of 20,000 requests: none is wrong or missing, and memory grows by 64
 *    MiB at most.
 * 2. `others`: the part of a core that the flood takes of the application, beyond what requests cost without a flood: less than a tenth
 *    more with the option than without. It is what requests per second of others fall by where the application has a core of its own;
 *    sender and clients are on the other one. Each round measures the application with the option and without it, beside a flood and
 *    without one. The flood takes processor of sender and kernel without us: requests per second that are left of those without a flood
 *    are at least 0.9 with the option of what they are without it.
 *
 * Needs root, nginx, python3, wrk and taskset. Variables: `RUNTIME` (bun, deno), `REQUESTS` (20,000), `ROUNDS` (6), `PART` for one of the two.
 * @module
 */
import type { NetnsProcess } from '../lab/netns.ts'
import { program } from '../lab/privilege.ts'
import { DENO_ARGUMENTS } from '../lab/runtimes.ts'
import { type Runtime, startServer, type TestServer } from '../lab/server.ts'
import { EDGE_PORTS, startEdge } from '../proxy/edge-proxies.ts'
import { createClientNetwork, type LoadCount, runLoad } from '../proxy/many-clients.ts'
import { residentMemory } from '../support/memory.ts'
import { load, processorMicroseconds } from './load.ts'
import { median, ratio, report } from './pairs.ts'

const rate = Number(process.argv[2] ?? 50_000)
const { RUNTIME: runtime = 'bun', REQUESTS = '20000', ROUNDS = '6', PART: part } = process.env
const requests = Number(REQUESTS)
const MOST_MEBIBYTES = 64
const MOST_SHARE = 0.1
const LEAST_KEPT = 0.9
const SECONDS = 4
const TRUSTED = { header: 'X-Real-IP', portHeader: 'X-Real-Port', kind: 'address', from: ['127.0.0.1'] }
/** Raw IPv4 packets without checksum of TCP, which loopback and veth take as verified; prints how many it sent, in how many seconds, and its processor time. */
const FLOOD = `
import random, socket, struct, sys, time
host, port, rate = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
target = socket.inet_aton(host)
raw = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
raw.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 22)

def checksum(octets):
    total = sum(struct.unpack('!%dH' % (len(octets) // 2), octets))
    total = (total >> 16) + (total & 0xffff)
    return ~(total + (total >> 16)) & 0xffff

def syn(source, source_port):
    options = b'\\x02\\x04\\x02\\x18'
    segment = struct.pack('!HHIIBBHHH', source_port, port, random.getrandbits(32), 0, 0x60, 2, 512, 0, 0) + options
    pseudo = source + target + struct.pack('!BBH', 0, 6, len(segment))
    segment = segment[:16] + struct.pack('!H', checksum(pseudo + segment)) + segment[18:]
    return struct.pack('!BBHHHBBH', 0x45, 0, 20 + len(segment), 0, 0, 7, 6, 0) + source + target + segment

def live():
    found = []
    for line in open('/proc/net/tcp').readlines()[1:]:
        _, local, remote, state = line.split()[:4]
        if state == '01' and int(remote.split(':')[1], 16) == port:
            address, number = local.split(':')
            found.append((bytes.fromhex(address)[::-1], int(number, 16)))
    return found

sent = 0
start = time.monotonic()
def stop(*_):
    print(sent, time.monotonic() - start, time.process_time(), flush=True)
    sys.exit(0)
import signal
signal.signal(signal.SIGTERM, stop)
while True:
    ends = live()
    packets = [syn(*random.choice(ends)) for _ in range(1000)] if ends else []
    packets += [syn(struct.pack('!I', 0x0b000000 + random.getrandbits(24)), random.randint(1024, 65535)) for _ in range(1000)]
    until = time.monotonic() + 0.5
    while time.monotonic() < until:
        for packet in packets:
            try: raw.sendto(packet, (host, 0))
            except OSError: pass
            sent += 1
            if sent % 100 == 0:
                ahead = sent / rate - (time.monotonic() - start)
                if ahead > 0: time.sleep(ahead)
`

await using network = createClientNetwork(200)
const host = network.addresses[0]

let isMissed = false

function flood(...before: string[]): NetnsProcess {
  return network.clients.spawn([
    ...before,
    program('python3'),
    '-c',
    FLOOD,
    host,
    String(EDGE_PORTS.plain),
    String(rate),
  ])
}

/** Ends a flood. SYNs per second. */
async function endFlood(sender: NetnsProcess): Promise<number> {
  sender.kill('SIGTERM')
  const [sent = 0, seconds = 1] = (await new Response(sender.stdout).text()).split(' ').map(Number)
  return Math.round(sent / seconds)
}

/** What is said of clients, beside a flood. */
async function answers(): Promise<void> {
  await using server = await startServer(
    network.server,
    'test/proxy/servers/app.ts',
    {},
    {
      runtime: runtime as Runtime,
      runtimeArguments: runtime === 'deno' ? ['run', ...DENO_ARGUMENTS] : [],
      arguments: ['PACKETS=true', `TRUSTED=${JSON.stringify(TRUSTED)}`],
    },
  )
  const edge = await startEdge(network.server, 'nginx', server.port)
  const run = (count: number): Promise<LoadCount> =>
    runLoad(network, {
      clients: network.of[4],
      host,
      port: EDGE_PORTS.plain,
      requests: count,
      concurrency: 64,
      perConnection: 100,
      protocol: 'http',
    })
  await run(4000)
  const memory = residentMemory(server.pid)
  const sender = flood()
  const { right, wrong, ambiguous, missing, examples } = await run(requests)
  const sent = await endFlood(sender)
  const grown = residentMemory(server.pid) - memory
  isMissed ||= wrong > 0 || missing > 0 || grown > MOST_MEBIBYTES
  console.log(
    `${sent} SYNs/s: right ${right}, wrong ${wrong}, ambiguous ${ambiguous}, missing ${missing},`,
    `resident ${memory.toFixed(0)} MiB and ${grown.toFixed(0)} more`,
  )
  for (const example of examples.slice(0, 2)) console.log(JSON.stringify(example).slice(0, 600))
  await edge.stop()
}

/** What requests used of an application. */
interface Used {
  readonly requests: number
  /** Microseconds of processor time. */
  readonly processor: number
  readonly seconds: number
}

const pinned = ['taskset', '-c', '1']

async function use(app: TestServer, isFlooded: boolean): Promise<Used> {
  const edge = await startEdge(network.server, 'nginx', app.port)
  Bun.spawnSync(['taskset', '-a', '-c', '-p', '0', String(app.pid)])
  const url = `http://${host}:${EDGE_PORTS.plain}/`
  const within = ['ip', 'netns', 'exec', network.clients.name, ...pinned]
  const sender = isFlooded ? flood(...pinned) : undefined
  await load(url, 2, [], within)
  const before = processorMicroseconds(app.pid)
  const start = performance.now()
  const { requests } = await load(url, SECONDS, [], within)
  const used = {
    requests,
    processor: processorMicroseconds(app.pid) - before,
    seconds: (performance.now() - start) / 1000,
  }
  if (sender !== undefined) rates.push(await endFlood(sender))
  await edge.stop()
  return used
}
const rates: number[] = []

async function others(): Promise<void> {
  const start = (variant: string): Promise<TestServer> =>
    startServer(
      network.server,
      'test/bench/packets-server.ts',
      {},
      { runtime: runtime as Runtime, arguments: [variant] },
    )
  await using packets = await start('packets')
  await using without = await start('address')
  const shares = new Map<string, number[]>([
    ['packets', []],
    ['without', []],
  ])
  /** Requests per second beside the flood of those without one. */
  const kept = new Map<string, number[]>([
    ['packets', []],
    ['without', []],
  ])
  // The first rounds are for the compilers.
  for (let round = -2; round < Number(ROUNDS); round++) {
    for (const [name, app] of [
      ['packets', packets],
      ['without', without],
    ] as const) {
      const isFirst = round % 2 === 0
      const one = await use(app, isFirst)
      const other = await use(app, !isFirst)
      const [beside, quiet] = isFirst ? [one, other] : [other, one]
      const extra = beside.processor - (quiet.processor / quiet.requests) * beside.requests
      if (round < 0) continue
      shares.get(name)!.push(extra / 1e6 / beside.seconds)
      kept.get(name)!.push(beside.requests / beside.seconds / (quiet.requests / quiet.seconds))
    }
  }
  report(
    `a flood of ${median(rates)} SYNs/s, application behind nginx, ${runtime}`,
    'part of a core that it takes',
    shares,
  )
  report('the same', 'requests/s beside the flood of those without', kept)
  const ofWithout = ratio(kept, 'packets', 'without')
  console.log(`  with the option ${ofWithout.toFixed(2)} of without (at least ${LEAST_KEPT})`)
  isMissed ||= ofWithout < LEAST_KEPT
  const share = median(shares.get('packets')!) - median(shares.get('without')!)
  isMissed ||= share >= MOST_SHARE
  console.log(`  the option: ${share.toFixed(3)} (below ${MOST_SHARE})${share < MOST_SHARE ? '' : ' MISSED'}`)
}

if (part !== 'others') await answers()
if (part !== 'answers') await others()
process.exitCode = isMissed ? 1 : 0
