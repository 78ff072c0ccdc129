import { expect, test } from 'bun:test'
import { readFileSync } from 'node:fs'
import { between, outside } from '../lab/moments.ts'
import { createNetns, createVethPair, type Netns } from '../lab/netns.ts'
import { NODES, startNode } from '../lab/nodes.ts'
import { option, tcpOptions } from '../lab/packet.ts'
import { needs, program } from '../lab/privilege.ts'
import { DENO_ARGUMENTS } from '../lab/runtimes.ts'
import { ROOT, type Runtime, runtimePath, startServer, type TestServer } from '../lab/server.ts'
import { createTunPeer } from '../lab/tun-peer.ts'
import { until } from '../support/wait.ts'
import { EDGE_PORTS, PROXIES, startEdge } from './edge-proxies.ts'
import { createClientNetwork, runLoad, runReconnects } from './many-clients.ts'

const REAL_IP = { header: 'X-Real-IP', portHeader: 'X-Real-Port', kind: 'address', from: ['127.0.0.1'] }

/** The application behind the proxies. */
function startApplication(
  ns: Netns,
  runtime: Runtime,
  packets: boolean = true,
  more: string[] = [],
): Promise<TestServer> {
  return startServer(
    ns,
    'test/proxy/servers/app.ts',
    {},
    {
      runtime,
      runtimeArguments: runtime === 'deno' ? ['run', ...DENO_ARGUMENTS] : [],
      // The first of a name counts.
      arguments: [...more, ...(packets ? ['PACKETS=true'] : []), `TRUSTED=${JSON.stringify(REAL_IP)}`],
    },
  )
}

/** The same without a capability. */
async function startWithout(ns: Netns, capability: string): Promise<{ port: number; errors(): Promise<string> }> {
  const child = ns.spawn(
    [
      Bun.which('setpriv')!,
      `--bounding-set=-${capability}`,
      `--inh-caps=-${capability}`,
      runtimePath('bun'),
      'test/proxy/servers/app.ts',
      'PACKETS=true',
      `TRUSTED=${JSON.stringify(REAL_IP)}`,
    ],
    {},
    ROOT,
  )
  const reader = child.stdout.getReader()
  const { value } = await reader.read()
  return {
    port: Number(/port (\d+)/.exec(new TextDecoder().decode(value))![1]),
    errors: async () => {
      child.kill('SIGTERM')
      return await new Response(child.stderr).text()
    },
  }
}

const parse = (body: Uint8Array): any => JSON.parse(new TextDecoder().decode(body))

const GET = 'GET /json HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n'
const lab = needs('netns', 'tun', 'nginx', 'haproxy', 'apache2', 'caddy', 'ss')

lab.describe("a client's own SYN behind a proxy of the same machine", () => {
  for (const proxy of PROXIES) {
    test(`${proxy}: plain, TLS and HTTP/2, IPv4 and IPv6: every request has its client's`, async () => {
      await using network = createClientNetwork(12)
      await using server = await startApplication(network.server, proxy === 'haproxy' ? 'deno' : 'bun')
      const edge = await startEdge(network.server, proxy, server.port)
      try {
        for (const [family, protocol] of [
          [4, 'http'],
          [6, 'https'],
          [4, 'h2'],
        ] as const) {
          const { right, examples } = await runLoad(network, {
            clients: network.of[family],
            host: network.addresses[family === 4 ? 0 : 1],
            port: EDGE_PORTS[protocol === 'http' ? 'plain' : 'tls'],
            requests: 200,
            concurrency: 6,
            perConnection: 5,
            protocol,
          })
          expect(examples).toEqual([])
          expect(right).toBe(200)
        }
        expect(server.stderr()).not.toContain('onError')
      } finally {
        await edge.stop()
      }
    }, 60_000)
  }

  test('connections one after the other from one port, some given up: never the SYN of another', async () => {
    await using network = createClientNetwork(1)
    await using server = await startApplication(network.server, 'bun')
    const edge = await startEdge(network.server, 'nginx', server.port)
    try {
      for (const family of [4, 6] as const) {
        const { right, wrong, none } = await runReconnects(network, family, EDGE_PORTS.plain, 1000, server.port)
        expect(wrong).toBe(0)
        expect(right + none).toBeGreaterThan(600)
      }
    } finally {
      await edge.stop()
    }
  }, 60_000)

  test("RTT is that of the client's connection, 30 ms, and that of the hop is the proxy's", async () => {
    await using ns = createNetns()
    const peer = createTunPeer(ns)
    await using server = await startApplication(ns, 'bun')
    const edge = await startEdge(ns, 'nginx', server.port)
    try {
      for (const destination of [peer.ipv4, peer.ipv6]) {
        const { connection, response } = await peer.exchange(
          {
            destination: { address: destination, port: EDGE_PORTS.plain },
            syn: { ttl: 51, window: 12_345, options: tcpOptions(option.mss(1234)) },
            pathDelayMs: 30,
          },
          GET,
        )
        const { source, syn, tcpInfo, timing, hop, env } = parse(response.body)
        expect(source).toBe('packet')
        expect(syn.tcp).toMatchObject({ mss: 1234, window: 12_345 })
        expect(syn.ip.timeToLive ?? syn.ip.hopLimit).toBe(51)
        // Timers of a busy machine make it longer: what the peer saw of the handshake is what the kernel must say, to 2 ms.
        const seen = between(connection.times.synAck, connection.times.ack)
        expect(seen.from).toBeGreaterThanOrEqual(29)
        expect(outside(tcpInfo.rtt / 1000, seen)).toBeLessThanOrEqual(2)
        expect(timing.rtt.microseconds).toBe(tcpInfo.rtt)
        expect(timing.handshakeRtt.microseconds).toBe(tcpInfo.rtt)
        expect(hop.tcpInfo.rtt).toBeLessThan(1000)
        expect(env).toMatchObject({
          FINGERPRINT_SOURCE: 'packet',
          FINGERPRINT_TCP_MSS: '1234',
          FINGERPRINT_IP_TTL: '51',
        })
      }
    } finally {
      await edge.stop()
    }
  }, 60_000)

  test("delivery is that of the client's connection, from its second request on", async () => {
    await using ns = createNetns()
    await using server = await startApplication(ns, 'bun')
    const edge = await startEdge(ns, 'nginx', server.port)
    try {
      const url = `http://127.0.0.1:${EDGE_PORTS.plain}/json`
      const { stdout } = ns.exec(['curl', '-s', '-w', '\\n', url, url, url])
      const answers = stdout.trim().split('\n')
      const [first, ...later] = answers.map((answer) => JSON.parse(answer))
      expect(first).toMatchObject({ source: 'packet', connection: { request: 1 } })
      expect(first.delivery).toBeUndefined()
      expect(later.length).toBe(2)
      for (const [index, { source, delivery, tcpInfo, hop }] of later.entries()) {
        expect(source).toBe('packet')
        // All that was sent to the client before is one answer of nginx's, with its head.
        const before = index === 0 ? first : later[0]
        expect(delivery.bytesSent).toBe(tcpInfo.bytes_sent - before.tcpInfo.bytes_sent)
        expect(delivery.bytesSent).toBeGreaterThan(answers[index]!.length)
        expect(hop.delivery?.bytesSent).not.toBe(delivery.bytesSent)
      }
    } finally {
      await edge.stop()
    }
  }, 60_000)

  test('without the option TCP_INFO is there; without CAP_NET_RAW the SYN is denied, with one message', async () => {
    await using network = createClientNetwork(2)
    await using server = await startApplication(network.server, 'bun', false)
    const ask = async (port: number): Promise<any> => {
      const edge = await startEdge(network.server, 'nginx', port)
      try {
        const got = await runLoad(network, {
          clients: network.of[4],
          host: network.addresses[0],
          port: EDGE_PORTS.plain,
          requests: 6,
          concurrency: 1,
          perConnection: 2,
          protocol: 'http',
        })
        expect(got.missing).toBe(6)
        return (got.examples[2] as any).answer
      } finally {
        await edge.stop()
      }
    }
    const plain = await ask(server.port)
    expect(plain).toMatchObject({ available: true, source: 'header', reason: 'not-saved' })
    expect(plain.tcpInfo.rtt).toBeGreaterThan(0)
    expect(plain.connection.cookie).not.toBe(plain.hop.connection.cookie)
    const without = await startWithout(network.server, 'net_raw')
    const denied = await ask(without.port)
    expect(denied).toMatchObject({ available: true, source: 'header', reason: 'denied' })
    expect(denied.tcpInfo.rtt).toBeGreaterThan(0)
    expect((await without.errors()).match(/Cannot read SYNs from the wire/g)?.length).toBe(1)
  }, 60_000)

  test('CAP_NET_RAW alone, as an ambient capability of an ordinary user; a process that has given everything up', async () => {
    await using network = createClientNetwork(2)
    const only = ['--inh-caps', '--ambient-caps', '--bounding-set'].map((name) => `${name}=-all,+net_raw`)
    const nobody = ['--reuid=65534', '--regid=65534', '--clear-groups', '--no-new-privs', ...only]
    for (const [wrapper, words, capabilities] of [
      [[Bun.which('setpriv')!, ...nobody], [], 1n << 13n],
      [[], ['DROP=user'], 0n],
    ] as const) {
      const [first, ...rest] = [...wrapper, runtimePath('bun')]
      await using server = await startServer(
        network.server,
        'test/proxy/servers/app.ts',
        {},
        {
          program: first,
          runtimeArguments: rest,
          arguments: [...words, 'PACKETS=true', `TRUSTED=${JSON.stringify(REAL_IP)}`],
        },
      )
      const status = readFileSync(`/proc/${server.pid}/status`, 'utf8')
      expect(/^Uid:\s+(\d+)/m.exec(status)![1]).toBe('65534')
      expect(BigInt(`0x${/^CapEff:\s+(\w+)/m.exec(status)![1]}`)).toBe(capabilities)
      const edge = await startEdge(network.server, 'nginx', server.port)
      try {
        const { right, examples } = await runLoad(network, {
          clients: network.of[4],
          host: network.addresses[0],
          port: EDGE_PORTS.plain,
          requests: 20,
          concurrency: 2,
          perConnection: 2,
          protocol: 'http',
        })
        expect(examples).toEqual([])
        expect(right).toBe(20)
      } finally {
        await edge.stop()
      }
    }
  }, 60_000)

  for (const runtime of ['bun', 'deno'] as const) {
    for (const [what, condition] of [
      ['sock_diag', 'socket:2=4'],
      ['netlink', 'socket:0=16'],
    ] as const) {
      test(`without ${what}, by seccomp: the SYN and no TCP_INFO, with one message (${runtime})`, async () => {
        await using network = createClientNetwork(2)
        await using server = await startServer(
          network.server,
          'test/proxy/servers/app.ts',
          {},
          {
            program: program('python3'),
            runtimeArguments: [
              'test/lab/seccomp.py',
              condition,
              'EPERM',
              runtimePath(runtime),
              ...(runtime === 'deno' ? ['run', ...DENO_ARGUMENTS] : []),
            ],
            arguments: ['PACKETS=true', `TRUSTED=${JSON.stringify(REAL_IP)}`],
          },
        )
        const edge = await startEdge(network.server, 'nginx', server.port)
        try {
          for (const family of [4, 6] as const) {
            const got = await runLoad(network, {
              clients: network.of[family],
              host: network.addresses[family === 4 ? 0 : 1],
              port: EDGE_PORTS.plain,
              requests: 6,
              concurrency: 1,
              perConnection: 2,
              protocol: 'http',
            })
            // Answers without TCP_INFO are not right for the clients.
            expect(got.examples.length).toBe(5)
            for (const { client, port, answer } of got.examples as any[]) {
              expect(answer).toMatchObject({ source: 'packet', peer: { address: client.address, port } })
              expect(answer.syn.tcp.mss).toBe(client.mss)
              expect(answer.tcpInfo).toBeUndefined()
              expect(answer.hop.tcpInfo.rtt).toBeGreaterThan(0)
            }
          }
          expect(server.stderr().match(/onError: [^\n]*/g)).toEqual([
            expect.stringContaining('sock_diag does not answer'),
          ])
        } finally {
          await edge.stop()
        }
      }, 60_000)
    }
  }

  test('a header of a peer that is not believed changes nothing; one that names an unknown client is not-found', async () => {
    await using ns = createNetns()
    await using server = await startApplication(ns, 'bun')
    const curl = (...words: string[]): any =>
      JSON.parse(ns.exec(['curl', '-s', `http://127.0.0.1:${server.port}/json`, ...words]).stdout)
    const other = curl('--interface', '127.0.0.9', '-H', 'X-Real-IP: 192.0.2.1', '-H', 'X-Real-Port: 7')
    expect(other).toMatchObject({ source: 'kernel', peer: { address: '127.0.0.9' } })
    expect(other.hop).toBeUndefined()
    const unknown = curl('-H', 'X-Real-IP: 192.0.2.1', '-H', 'X-Real-Port: 7')
    expect(unknown).toMatchObject({ available: false, reason: 'not-found', peer: { address: '192.0.2.1', port: 7 } })
    expect(unknown.syn).toBeUndefined()
  }, 30_000)

  test('in another namespace than the proxy: requests are served, not-found, one message', async () => {
    await using proxy = createNetns()
    await using ns = createNetns()
    const { ipv4 } = createVethPair(proxy, ns)
    const trusted = JSON.stringify({ ...REAL_IP, from: [ipv4[0]] })
    await using server = await startApplication(ns, 'bun', true, [
      `TRUSTED=${trusted}`,
      `LISTEN={"hostname":"${ipv4[1]}","port":0}`,
    ])
    for (let i = 0; i < 3; i++) {
      const url = `http://${ipv4[1]}:${server.port}/json`
      const { stdout } = proxy.exec(['curl', '-s', url, '-H', 'X-Real-IP: 192.0.2.1', '-H', 'X-Real-Port: 7'])
      const { available, reason, peer, hop } = JSON.parse(stdout)
      expect({ available, reason, peer }).toEqual({
        available: false,
        reason: 'not-found',
        peer: { address: '192.0.2.1', port: 7 },
      })
      expect(hop.source).toBe('kernel')
    }
    await until('the message', () => server.stderr().includes('onError'))
    expect(server.stderr().match(/onError: [^\n]*/g)).toEqual([
      expect.stringContaining(
        `the proxy ${ipv4[0]} is elsewhere: run this server in the network namespace of the proxy`,
      ),
    ])
  }, 30_000)

  for (const runtime of ['bun', 'deno'] as const) {
    for (const [what, word] of [
      ['that is older than the arming of its listener', 'ARM=late'],
      ['whose SYN another reader has taken', 'TAKE=syn'],
    ] as const) {
      test(`a direct connection ${what} has its SYN (${runtime})`, async () => {
        await using ns = createNetns()
        const peer = createTunPeer(ns)
        for (const hasPackets of [true, false]) {
          await using server = await startApplication(ns, runtime, hasPackets, [
            'LISTEN={"hostname":"::","port":0}',
            word,
          ])
          const { response } = await peer.exchange(
            { destination: { address: peer.ipv4, port: server.port }, syn: { options: tcpOptions(option.mss(1111)) } },
            GET,
          )
          const { source, reason, syn, tcpInfo } = parse(response.body)
          expect({ source, reason, mss: syn?.tcp.mss }).toEqual(
            hasPackets
              ? { source: 'packet', reason: undefined, mss: 1111 }
              : { source: 'kernel', reason: 'not-saved', mss: undefined },
          )
          expect(tcpInfo.rtt).toBeGreaterThan(0)
        }
      }, 30_000)
    }
  }

  for (const runtime of ['bun', 'deno', ...NODES] as const) {
    const isNode = typeof runtime === 'object'
    const subject = isNode ? needs(runtime).test : test
    subject(
      `a direct connection under SYN cookies has its SYN (${isNode ? runtime.name : runtime})`,
      async () => {
        await using ns = createNetns({ sysctl: { 'net.ipv4.tcp_syncookies': 2 } })
        const peer = createTunPeer(ns)
        await using server = isNode
          ? await startNode(runtime, ns, { OPTIONS: '{"packets":true}', HOST: '::' })
          : await startApplication(ns, runtime, true, ['LISTEN={"hostname":"::","port":0}'])
        for (const destination of [peer.ipv4, peer.ipv6]) {
          for (let mss = 1000; mss < 1020; mss++) {
            const { response } = await peer.exchange(
              {
                destination: { address: destination, port: server.port },
                syn: { options: tcpOptions(option.mss(mss)) },
              },
              GET,
            )
            const { source, reason, syn } = parse(response.body)
            expect({ source, reason, mss: syn?.tcp.mss }).toEqual({ source: 'packet', reason: undefined, mss })
          }
        }
      },
      60_000,
    )
  }
})
