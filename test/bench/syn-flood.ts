/**
 * `npm run bench -- syn-flood [SYNS_A_SECOND]`: requests through nginx while spoofed SYNs come, half of them with the ends of live
 * connections and half with random ones (50,000 a second): right, wrong, ambiguous, missing; the server's memory; requests per second
 * with and without the option `packets`. Needs root, nginx and python3. Variables: `RUNTIME` (bun, deno), `REQUESTS` (20,000).
 * @module
 */
import { DENO_ARGUMENTS } from '../lab/runtimes.ts'
import { type Runtime, startServer, type TestServer } from '../lab/server.ts'
import { EDGE_PORTS, startEdge } from '../proxy/edge-proxies.ts'
import { createClientNetwork, type LoadCount, runLoad } from '../proxy/many-clients.ts'
import { residentMemory } from '../support/memory.ts'

const rate = Number(process.argv[2] ?? 50_000)
const { RUNTIME: runtime = 'bun', REQUESTS: requests = '20000' } = process.env
const TRUSTED = { header: 'X-Real-IP', portHeader: 'X-Real-Port', kind: 'address', from: ['127.0.0.1'] }
/** Raw IPv4 packets without checksum of TCP, which loopback and veth take as verified; prints how many it sent. */
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
    print(sent, time.monotonic() - start, flush=True)
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
  await run(2000)
  const before = residentMemory(server.pid)
  const flood = isFlooded
    ? network.clients.spawn(['python3', '-c', FLOOD, host, String(EDGE_PORTS.plain), String(rate)])
    : undefined
  const got = await run(Number(requests))
  flood?.kill('SIGTERM')
  const [sent, seconds] =
    flood === undefined ? [0, 1] : (await new Response(flood.stdout).text()).split(' ').map(Number)
  const { right, wrong, ambiguous, missing } = got
  console.log(
    `packets ${hasPackets ? 'on ' : 'off'}, ${Math.round(sent! / seconds!)} SYNs/s:`,
    `right ${right}, wrong ${wrong}, ambiguous ${ambiguous}, missing ${missing},`,
    `${Math.round(Number(requests) / got.seconds)} requests/s, resident ${before.toFixed(0)} MiB before, ${residentMemory(server.pid).toFixed(0)} after`,
  )
  for (const example of hasPackets ? got.examples.slice(0, 2) : []) console.log(JSON.stringify(example))
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

for (const isFlooded of [false, true, true, false])
  for (const hasPackets of [true, false]) await measure(hasPackets, isFlooded)
