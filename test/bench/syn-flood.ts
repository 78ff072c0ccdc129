/**
 * `npm run bench -- syn-flood [SYNS_A_SECOND]`: requests through nginx while spoofed SYNs come, half of them with the ends of live
 * connections and half with random ones (50,000 a second). Exit code 1 where a bound is missed.
 *
 * 1. `answers`: with the option `packets`, what is said of the clients of 20,000 requests: none is wrong or missing, and memory grows by 64
 *    MiB at most.
 * 2. `others`: the part of a core that the flood takes of the application, beyond what requests cost without a flood: less than a tenth
 *    more with the option than without. Application and proxy have one core, sender and clients the other. The flood takes processor of sender and kernel without us: requests per second that are
 *    left of those without a flood are at least 0.9 with the option of what they are without it.
 *
 * Each round starts an application with the option and one without it, one at a time, because the flood would reach both. Each is warmed
 * up and then measured beside a flood and without one, in both orders, which are judged apart: what a flood leaves behind must cost those
 * who come after it nothing. Medians of the rounds.
 *
 * Needs root, nginx, python3, wrk, taskset and curl. Variables: `RUNTIME` (bun, deno, node-20, node-24, node-26), `REQUESTS` (20,000),
 * `ROUNDS` (4), `PART` for one of the two.
 * @module
 */
import type { NetnsProcess } from '../lab/netns.ts'
import { program } from '../lab/privilege.ts'
import type { TestServer } from '../lab/server.ts'
import { EDGE_PORTS, startEdge } from '../proxy/edge-proxies.ts'
import { createClientNetwork, type LoadCount, runLoad } from '../proxy/many-clients.ts'
import { residentMemory } from '../support/memory.ts'
import { load, processorMicroseconds } from './load.ts'
import { runtimeName, startBehindProxy, startMeasuredIn } from './measured.ts'
import { median, ratio, report } from './pairs.ts'

const rate = Number(process.argv[2] ?? 50_000)
const { REQUESTS = '20000', ROUNDS = '4', PART: part } = process.env
const requests = Number(REQUESTS)
const MOST_MEBIBYTES = 64
const MOST_SHARE = 0.1
const LEAST_KEPT = 0.9
const SECONDS = 3
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
  await using server = await startBehindProxy(network.server)
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
  // What requests take, without a flood.
  await run(requests)
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
const rates: number[] = []

async function use(app: TestServer, isFlooded: boolean): Promise<Used> {
  const url = `http://${host}:${EDGE_PORTS.plain}/`
  const within = ['ip', 'netns', 'exec', network.clients.name, ...pinned]
  const sender = isFlooded ? flood(...pinned) : undefined
  await load(url, 1, [], within)
  const before = processorMicroseconds(app.pid)
  const start = performance.now()
  const { requests } = await load(url, SECONDS, [], within)
  const used = {
    requests,
    processor: processorMicroseconds(app.pid) - before,
    seconds: (performance.now() - start) / 1000,
  }
  if (sender !== undefined) rates.push(await endFlood(sender))
  return used
}

const ORDERS = ['flood first', 'flood last'] as const
const VARIANTS = ['packets', 'without'] as const
const rounds = (): Map<string, number[]> => new Map(VARIANTS.map((variant) => [variant, []]))
/** By order and variant: part of a core, and requests per second beside the flood of those without one. */
const shares = { 'flood first': rounds(), 'flood last': rounds() }
const kept = { 'flood first': rounds(), 'flood last': rounds() }

/** Measures one application in both orders; `isFirst` says which of them begins. */
async function round(variant: (typeof VARIANTS)[number], isFirst: boolean): Promise<void> {
  await using app = await startMeasuredIn(
    network.server,
    'packets-server',
    variant === 'packets' ? 'packets' : 'address',
  )
  Bun.spawnSync(['taskset', '-a', '-c', '-p', '0', String(app.pid)])
  const edge = await startEdge(network.server, 'nginx', app.port)
  Bun.spawnSync(['taskset', '-a', '-c', '-p', '0', String(edge.pid)])
  // For the compilers.
  for (const isFlooded of [true, false]) await use(app, isFlooded)
  const found: Used[] = []
  for (const isFlooded of [isFirst, !isFirst, !isFirst, isFirst]) found.push(await use(app, isFlooded))
  const [a, b, c, d] = found as [Used, Used, Used, Used]
  const pairs = isFirst
    ? { 'flood first': [a, b], 'flood last': [d, c] }
    : { 'flood first': [c, d], 'flood last': [b, a] }
  for (const order of ORDERS) {
    const [beside, quiet] = pairs[order] as [Used, Used]
    const extra = beside.processor - (quiet.processor / quiet.requests) * beside.requests
    shares[order].get(variant)!.push(extra / 1e6 / beside.seconds)
    kept[order].get(variant)!.push(beside.requests / beside.seconds / (quiet.requests / quiet.seconds))
  }
  const status = network.server.exec(['curl', '-s', `http://127.0.0.1:${app.port}/status`]).stdout
  if (variant === 'packets') console.log(`  SYNs and clients with the option: ${status}`)
  await edge.stop()
}

async function others(): Promise<void> {
  for (let number = 0; number < Number(ROUNDS); number++) {
    const isFirst = number % 2 === 0
    for (const variant of isFirst ? VARIANTS : [...VARIANTS].reverse()) await round(variant, isFirst)
  }
  console.log(`\na flood of ${median(rates)} SYNs/s, application behind nginx, ${runtimeName()}`)
  for (const order of ORDERS) {
    report(`${order}: what it takes of the application`, 'part of a core', shares[order])
    report(`${order}: requests/s beside the flood`, 'of those without', kept[order])
    const share = median(shares[order].get('packets')!) - median(shares[order].get('without')!)
    const ofWithout = ratio(kept[order], 'packets', 'without')
    isMissed ||= ofWithout < LEAST_KEPT || share >= MOST_SHARE
    console.log(
      `  the option takes ${share.toFixed(3)} of a core (below ${MOST_SHARE})${share < MOST_SHARE ? '' : ' MISSED'}`,
    )
    console.log(
      `  requests/s with the option ${ofWithout.toFixed(2)} of without (at least ${LEAST_KEPT})`,
      ofWithout < LEAST_KEPT ? 'MISSED' : '',
    )
  }
}

if (part !== 'others') await answers()
if (part !== 'answers') await others()
process.exitCode = isMissed ? 1 : 0
