import { afterAll, beforeAll, expect, test } from 'bun:test'
import { readFileSync } from 'node:fs'
import { createNetns, type ExecResult, type Netns, type NetnsProcess } from '../lab/netns.ts'
import { needs, program } from '../lab/privilege.ts'
import { ROOT, runtimePath } from '../lab/server.ts'
import { temporaryDirectory } from '../support/temporary.ts'
import { until } from '../support/wait.ts'

const CONNECTIONS = 3000
const PORT = 8080

/** Opens connections, has each answered once, says so, and keeps them. */
const CLIENT = `
import resource, socket, sys, time
resource.setrlimit(resource.RLIMIT_NOFILE, (20000, 20000))
open_ones = []
for i in range(${CONNECTIONS}):
    one = socket.create_connection(('127.0.0.1' if i % 2 else '::1', ${PORT}))
    one.sendall(b'GET / HTTP/1.1\\r\\nHost: x\\r\\n\\r\\n')
    open_ones.append(one)
for one in open_ones:
    one.recv(4096)
print('ready', flush=True)
time.sleep(600)
`

interface Line {
  readonly state: string
  readonly peer: { readonly address: string; readonly port: number }
  readonly local: { readonly address: string; readonly port: number }
  readonly cookie: string
  readonly uid: number
  readonly congestionControl: string
  readonly tcpInfo: Readonly<Record<string, number>>
}

needs('netns', 'nginx').describe('tcpfingerprint connections beside nginx', () => {
  const { path: directory, file, remove } = temporaryDirectory()
  let ns: Netns
  let client: NetnsProcess

  const command = (words: readonly string[], before: readonly string[] = []): ExecResult =>
    ns.exec([...before, runtimePath('bun'), `${ROOT}/src/cli.ts`, 'connections', ...words])
  const listed = (words: readonly string[], before: readonly string[] = []): Line[] => {
    const { exitCode, stdout, stderr } = command(['--json', ...words], before)
    expect([exitCode, stderr]).toEqual([0, ''])
    return stdout
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line))
  }

  beforeAll(async () => {
    ns = createNetns()
    const config = file('nginx.conf')
    await Bun.write(
      config,
      `daemon off; pid ${file('nginx.pid')}; error_log ${file('error.log')}; worker_processes 1; worker_rlimit_nofile 20000;
       events { worker_connections 8192; }
       http { access_log off; keepalive_timeout 600; client_body_temp_path ${directory}; proxy_temp_path ${directory};
         fastcgi_temp_path ${directory}; uwsgi_temp_path ${directory}; scgi_temp_path ${directory};
         server { listen ${PORT} backlog=4096; listen [::]:${PORT} backlog=4096; return 200 "hello"; } }`,
    )
    ns.spawn([program('nginx'), '-c', config, '-e', file('error.log')])
    await until('nginx listens', () => ns.exec(['ss', '-tlnH', `sport = :${PORT}`]).stdout !== '')
    client = ns.spawn(['python3', '-c', CLIENT])
    const reader = client.stdout.getReader()
    expect(new TextDecoder().decode((await reader.read()).value)).toMatch(/^ready/)
  }, 60_000)
  afterAll(async () => {
    await ns?.close()
    remove()
  })

  test('lists what ss lists, with the same RTT', () => {
    const lines = listed(['--port', String(PORT)])
    expect(lines.length).toBe(CONNECTIONS)
    expect(new Set(lines.map(({ cookie }) => cookie)).size).toBe(CONNECTIONS)
    const { stdout } = ns.exec(['ss', '-tinH', `sport = :${PORT}`])
    const theirs = new Map<string, { rtt: string | undefined; state: string }>()
    for (const [, state, local, peer, rtt] of stdout.matchAll(
      /^(\S+)\s+\d+\s+\d+\s+(\S+)\s+(\S+)\s*\n\s.*? rtt:([\d.]+)\//gm,
    )) {
      theirs.set(`${local} ${peer}`, { state: state!, rtt })
    }
    expect(theirs.size).toBe(CONNECTIONS)
    const bracketed = (address: string): string => (address.includes(':') ? `[${address}]` : address)
    for (const { local, peer, tcpInfo, state } of lines) {
      const other = theirs.get(`${bracketed(local.address)}:${local.port} ${bracketed(peer.address)}:${peer.port}`)
      expect(state.startsWith(other?.state ?? '?')).toBe(true)
      expect(Math.abs(Number(other!.rtt) * 1000 - tcpInfo.rtt!)).toBeLessThan(1)
    }
    const { uid, congestionControl } = lines[0]!
    expect(uid).toBeGreaterThanOrEqual(0)
    expect(congestionControl).toBe(readFileSync('/proc/sys/net/ipv4/tcp_congestion_control', 'utf8').trim())
  })

  test('filters by peer and state, and by what is not there', () => {
    const half = listed(['--port', String(PORT), '--peer', '127.0.0.1'])
    expect(half.length).toBe(CONNECTIONS / 2)
    expect(new Set(half.map(({ peer }) => peer.address))).toEqual(new Set(['127.0.0.1']))
    expect(listed(['--port', String(PORT), '--peer', '::1']).length).toBe(CONNECTIONS / 2)
    expect(listed(['--port', String(PORT), '--peer', '192.0.2.1'])).toEqual([])
    expect(listed(['--port', '1'])).toEqual([])
    expect(listed(['--port', String(PORT), '--state', 'close-wait'])).toEqual([])
    expect(listed(['--port', String(PORT), '--state', 'listen']).length).toBe(2)
    const [one] = half
    expect(ns.exec(['ss', '-tnH', `sport = :${PORT} and dport = :${one!.peer.port}`]).stdout).toContain(
      String(one!.peer.port),
    )
  })

  test('as a user without privilege', () => {
    const nobody = ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups']
    expect(listed(['--port', String(PORT)], nobody).length).toBe(CONNECTIONS)
  })

  test('the table has a line a connection', () => {
    const { stdout } = command(['--port', String(PORT)])
    const lines = stdout.trimEnd().split('\n')
    expect(lines.length).toBe(CONNECTIONS + 1)
    expect(lines[0]).toMatch(/STATE +LOCAL +PEER +RTT/)
    expect(lines[1]).toMatch(/ESTABLISHED +\S+:8080 +\S+ +[\d.]+ \S+ +[\d.]+ \S+ +0 +\d+ +0 +\w+$/)
  })

  test('watching draws it again', async () => {
    const watching = ns.spawn([
      runtimePath('bun'),
      `${ROOT}/src/cli.ts`,
      'connections',
      '--port',
      '1',
      '--watch',
      '0.1',
    ])
    const reader = watching.stdout.getReader()
    let text = ''
    while ((text.match(/0 connections/g)?.length ?? 0) < 3)
      text += new TextDecoder().decode((await reader.read()).value)
    watching.kill()
    await watching.exited
    expect(text.match(/STATE/g)!.length).toBeGreaterThanOrEqual(2)
  })
})
