/**
 * `npm run bench -- syn-flood [SYNS_A_SECOND]`: requests through nginx while spoofed SYNs come, half of them with the ends of live
 * connections and half with random ones (50,000 a second). Exit code 1 where an answer is wrong or missing, memory grows by more than
 * 64 MiB, or the flood takes a tenth of the server's time more with the option `packets` than without.
 *
 * The sender is on this machine, and its share is not the server's. Told apart are: processor time of the server for each request; the
 * part of a core that the flood takes of the server, which is what requests per second fall by where the server has a core of its own;
 * processor time of the sender for each SYN, in which the kernel also receives it, and filters and queues it for the packet socket.
 *
 * Needs root, nginx and python3. Variables: `RUNTIME` (bun, deno), `REQUESTS` (20,000), `ROUNDS` (2).
 * @module
 */
import { DENO_ARGUMENTS } from '../lab/runtimes.ts'
import { type Runtime, startServer, type TestServer } from '../lab/server.ts'
import { EDGE_PORTS, startEdge } from '../proxy/edge-proxies.ts'
import { createClientNetwork, type LoadCount, runLoad } from '../proxy/many-clients.ts'
import { residentMemory } from '../support/memory.ts'
import { processorMicroseconds } from './load.ts'
import { median } from './pairs.ts'

const rate = Number(process.argv[2] ?? 50_000)
const { RUNTIME: runtime = 'bun', REQUESTS = '20000', ROUNDS = '2' } = process.env
const requests = Number(REQUESTS)
const MOST_MEBIBYTES = 64
const MOST_SHARE = 0.1
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

/** What one run used. */
interface Used {
  readonly seconds: number
  /** Microseconds of the server's processor time. */
  readonly server: number
  /** SYNs sent, and microseconds of the sender's processor time. */
  readonly sent: number
  readonly sender: number
}

const runs: Record<string, Used[]> = {}
let isMissed = false

async function measure(hasPackets: boolean, isFlooded: boolean): Promise<void> {
  await using server = await startApplication(hasPackets)
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
  const before = processorMicroseconds(server.pid)
  const flood = isFlooded
    ? network.clients.spawn(['python3', '-c', FLOOD, host, String(EDGE_PORTS.plain), String(rate)])
    : undefined
  const { right, wrong, ambiguous, missing, seconds, examples } = await run(requests)
  const used = processorMicroseconds(server.pid) - before
  flood?.kill('SIGTERM')
  const [sent = 0, floodSeconds = 1, processorSeconds = 0] =
    flood === undefined ? [] : (await new Response(flood.stdout).text()).split(' ').map(Number)
  const grown = residentMemory(server.pid) - memory
  const name = `${hasPackets ? 'on' : 'off'}${isFlooded ? ' flood' : ''}`
  const list = (runs[name] ??= [])
  list.push({ seconds, server: used, sent, sender: processorSeconds * 1e6 })
  isMissed ||= hasPackets && (wrong > 0 || missing > 0 || grown > MOST_MEBIBYTES)
  console.log(
    `packets ${name.padEnd(9)} ${String(Math.round(sent / floodSeconds)).padStart(6)} SYNs/s:`,
    `right ${right}, wrong ${wrong}, ambiguous ${ambiguous}, missing ${missing},`,
    `${Math.round(requests / seconds)} requests/s, ${(used / requests).toFixed(0)} µs of the server a request, resident ${memory.toFixed(0)} MiB and ${grown.toFixed(0)} more`,
  )
  for (const example of hasPackets ? examples.slice(0, 2) : []) console.log(JSON.stringify(example).slice(0, 600))
  await edge.stop()
}

function startApplication(hasPackets: boolean): Promise<TestServer> {
  return startServer(
    network.server,
    'test/proxy/servers/app.ts',
    {},
    {
      runtime: runtime as Runtime,
      runtimeArguments: runtime === 'deno' ? ['run', ...DENO_ARGUMENTS] : [],
      arguments: [...(hasPackets ? ['PACKETS=true'] : []), `TRUSTED=${JSON.stringify(TRUSTED)}`],
    },
  )
}

for (let round = 0; round < Number(ROUNDS); round++) {
  for (const isFlooded of round % 2 === 0 ? [false, true] : [true, false])
    for (const hasPackets of [true, false]) await measure(hasPackets, isFlooded)
}

/** The part of a core that the flood takes of the server: what it used beyond what the requests cost without a flood. */
function shareOf(name: string): number {
  const quiet = median(runs[name]!.map(({ server }) => server / requests))
  return median(runs[`${name} flood`]!.map(({ server, seconds }) => (server - quiet * requests) / 1e6 / seconds))
}
const [on, off] = [shareOf('on'), shareOf('off')]
const sender = (name: string): string =>
  median(runs[`${name} flood`]!.map(({ sender, sent }) => sender / sent)).toFixed(1)
isMissed ||= on - off >= MOST_SHARE
console.log(`the flood takes of the server: ${on.toFixed(3)} of a core with packets, ${off.toFixed(3)} without`)
console.log(`  the option: ${(on - off).toFixed(3)} (below ${MOST_SHARE})${on - off < MOST_SHARE ? '' : ' MISSED'}`)
console.log(`a SYN costs its sender ${sender('on')} µs with packets, ${sender('off')} without`)
process.exitCode = isMissed ? 1 : 0
