import { describe, expect, test } from 'bun:test'
import { chmodSync, cpSync, symlinkSync } from 'node:fs'
import { resolve } from 'node:path'
import type { Finding } from '../../src/doctor/finding.ts'
import { createNetns, type ExecResult, type Netns, withNetns } from '../lab/netns.ts'
import { needs, program } from '../lab/privilege.ts'
import { ROOT, runtimePath, startServer } from '../lab/server.ts'
import { temporaryDirectory } from '../support/temporary.ts'
import { tcpfingerprint } from './run.ts'

const CLI = resolve(ROOT, 'src/cli.ts')
const NO_ANSI = { NO_COLOR: '1' }

interface Report {
  readonly status: string
  readonly checks: readonly Finding[]
  readonly exitCode: number
}

function reportOf({ exitCode, stdout, stderr }: ExecResult): Report {
  expect(stderr).toBe('')
  expect(stdout.split('\n')).toHaveLength(2)
  return { ...JSON.parse(stdout), exitCode }
}

/** Findings of a name; all of one name are servers. */
const of = ({ checks }: Report, name: string): Finding[] => checks.filter((one) => one.name === name)
const statusOf = (report: Report, name: string): string | undefined => of(report, name)[0]?.status

function doctorIn(ns: Netns, ...args: string[]): Report {
  return reportOf(ns.exec([runtimePath('bun'), CLI, 'doctor', '--json', ...args], NO_ANSI))
}

const EVERY_CHECK = [
  'kernel',
  'runtime',
  'syn-cookies',
  'descriptors',
  'libc',
  'inotify',
  'sock_diag',
  'packets',
  'TCP_SAVE_SYN',
  'TCP_DEFER_ACCEPT',
  'ipv4',
  'ipv6',
]

needs('netns').describe('doctor', () => {
  test.each(['bun', 'deno'] as const)('finds nothing wrong where nothing is, on %s', async (runtime) => {
    await withNetns((ns) => {
      const command = runtime === 'bun' ? [runtimePath('bun')] : [runtimePath('deno'), 'run', '-A']
      const report = reportOf(ns.exec([...command, CLI, 'doctor', '--json'], NO_ANSI))
      expect(report.checks.map(({ name }) => name)).toEqual(EVERY_CHECK)
      expect(report.checks.filter(({ status }) => status === 'failing')).toEqual([])
      expect(
        report.checks
          .filter(({ status }) => status === 'degraded')
          .map(({ name }) => name)
          .filter((name) => name !== 'descriptors'),
      ).toEqual([])
      expect(report.exitCode).toBe(0)
      expect(of(report, 'ipv4')[0]!.found).toMatch(/^a SYN of 60 octets was captured; handshake RTT \d/)
      expect(of(report, 'ipv6')[0]!.found).toMatch(/^a SYN of 80 octets was captured/)
    })
  })

  test.each(['bun', 'deno'] as const)(
    'finds nothing wrong as another user either, on %s',
    async (runtime) => {
      await withNetns((ns) => {
        // A directory that the user may enter, which the checkout's need not be.
        using directory = temporaryDirectory()
        chmodSync(directory.path, 0o755)
        for (const name of ['src', 'ffi', 'package.json', 'node_modules/hono', 'node_modules/valibot']) {
          cpSync(resolve(ROOT, name), directory.file(name), { recursive: true })
        }
        const command = directory.file(runtime)
        cpSync(runtimePath(runtime), command)
        chmodSync(command, 0o755)
        const nobody = ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups', 'env', `HOME=${directory.path}`]
        const argv = runtime === 'bun' ? [command] : [command, 'run', '-A', '--no-lock', '--cached-only']
        const env = { ...NO_ANSI, DENO_DIR: '/tmp/none' }
        const done = ns.exec([...nobody, ...argv, directory.file('src/cli.ts'), 'doctor', '--json'], env)
        const report = reportOf(done)
        const notOk = report.checks.filter(({ status, name }) => status !== 'ok' && name !== 'descriptors')
        expect(notOk).toEqual([])
      })
    },
    60_000,
  )

  test('names SYN cookies that are forced, and the remedy', async () => {
    await withNetns((ns) => {
      ns.setSysctl('net.ipv4.tcp_syncookies', 2)
      const report = doctorIn(ns)
      expect(report).toMatchObject({ status: 'failing', exitCode: 1 })
      const [cookies] = of(report, 'syn-cookies')
      expect(cookies).toMatchObject({ status: 'failing', remedy: expect.stringContaining('net.ipv4.tcp_syncookies=1') })
      for (const name of ['ipv4', 'ipv6']) {
        expect(of(report, name)[0]).toMatchObject({ status: 'failing', found: expect.stringContaining('not-saved') })
      }
      // The options themselves are in order.
      expect(statusOf(report, 'TCP_SAVE_SYN')).toBe('ok')
    })
  })

  test('names a listener that keeps deferred accept, and not one that does not', async () => {
    await using ns = createNetns()
    const keeping = await startServer(ns, 'test/lab/json-server.ts', {
      DEFER_ACCEPT: 'keep',
      HOSTNAME_TO_BIND: '127.0.0.1',
    })
    const clearing = await startServer(ns, 'test/lab/json-server.ts', { DEFER_ACCEPT: 'clear' })
    const report = doctorIn(ns)
    const servers = of(report, 'server')
    expect(servers).toHaveLength(2)
    const deferred = servers.find(({ found }) => found.startsWith(`127.0.0.1:${keeping.port} `))
    expect(deferred?.status).toBe('degraded')
    expect(deferred!.found).toContain(`process ${keeping.pid}`)
    expect(deferred!.found).toContain('TCP_DEFER_ACCEPT')
    expect(deferred!.remedy).toContain('deferAccept')
    expect(servers.find(({ found }) => found.startsWith(`[::]:${clearing.port} `))).toMatchObject({ status: 'ok' })
    // By its port too; and a port without a server is told.
    expect(of(doctorIn(ns, '--port', String(keeping.port)), 'server')).toEqual([deferred!])
    expect(of(doctorIn(ns, '--port', '9'), 'server')).toMatchObject([
      { status: 'failing', found: 'nothing listens on port 9' },
    ])
    await keeping.stop()
    await clearing.stop()
  })

  test('names a proxy that listens, which is asked nothing', async () => {
    await using ns = createNetns()
    using directory = temporaryDirectory()
    // The kernel names a process by the file it was started as.
    const nginx = directory.file('nginx')
    symlinkSync(runtimePath('bun'), nginx)
    const listens = "require('net').createServer().listen(8443, '127.0.0.1', () => console.log('listening'))"
    const proxy = ns.spawn([nginx, '-e', listens], { BUN_BE_BUN: '1' })
    await proxy.stdout.getReader().read()
    const report = doctorIn(ns)
    expect(of(report, 'proxy')).toMatchObject([{ status: 'ok', found: 'nginx listens on port 8443' }])
    expect(of(report, 'server')).toEqual([])
    proxy.kill()
    await proxy.exited
  })

  test('names inotify that is not to be had, and captures all the same', async () => {
    await withNetns((ns) => {
      const script = 'echo 0 > /proc/sys/user/max_inotify_instances && exec "$@"'
      const inside = ['unshare', '--user', '--map-root-user', '/bin/sh', '-c', script, 'sh']
      const report = reportOf(ns.exec([...inside, runtimePath('bun'), CLI, 'doctor', '--json'], NO_ANSI))
      expect(of(report, 'inotify')[0]).toMatchObject({
        status: 'degraded',
        found: expect.stringContaining('EMFILE'),
        remedy: expect.stringContaining('max_inotify_instances'),
      })
      expect(statusOf(report, 'ipv4')).toBe('ok')
      expect(report).toMatchObject({ status: 'degraded', exitCode: 0 })
    })
  })

  test('names a loopback device that is down, and IPv6 that is off', async () => {
    await withNetns((ns) => {
      ns.setSysctl('net.ipv6.conf.lo.disable_ipv6', 1)
      expect(of(doctorIn(ns), 'ipv6')[0]).toMatchObject({
        status: 'degraded',
        remedy: expect.stringContaining('disable_ipv6'),
      })
      ns.ip('link', 'set', 'lo', 'down')
      expect(of(doctorIn(ns), 'ipv4')[0]).toMatchObject({
        status: 'failing',
        remedy: expect.stringContaining('ip link set lo up'),
      })
    })
  })

  test('names few descriptors', async () => {
    await withNetns((ns) => {
      const few = ['/bin/sh', '-c', 'ulimit -n 1024 && exec "$@"', 'sh']
      const report = reportOf(ns.exec([...few, runtimePath('bun'), CLI, 'doctor', '--json'], NO_ANSI))
      expect(of(report, 'descriptors')[0]).toMatchObject({
        status: 'degraded',
        remedy: expect.stringContaining('LimitNOFILE'),
      })
    })
  })

  for (const errno of ['ENOPROTOOPT', 'EPERM'])
    needs('python3').test(`names calls that a sandbox refuses with ${errno}`, () => {
      const refusing = [program('python3'), 'test/lab/seccomp.py', 'getsockopt:2=57', errno]
      const { stdout } = Bun.spawnSync([...refusing, runtimePath('bun'), CLI, 'doctor', '--json'], { cwd: ROOT })
      const { checks } = JSON.parse(stdout.toString()) as Report
      expect(checks.find(({ name }) => name === 'ipv4')).toMatchObject({
        status: 'failing',
        found: expect.stringContaining('a sandbox refuses the calls'),
        remedy: expect.stringContaining('seccomp'),
      })
    })

  test('names what Deno was not allowed', async () => {
    await withNetns((ns) => {
      const withNet = ns.exec(
        [runtimePath('deno'), 'run', '--no-prompt', '--allow-net', CLI, 'doctor', '--json'],
        NO_ANSI,
      )
      expect(JSON.parse(withNet.stdout).checks).toContainEqual({
        name: 'ipv4',
        status: 'failing',
        found: 'the test connection has no SYN (denied). Libc was not opened',
        remedy: 'See "libc"',
      })
      const report = reportOf(ns.exec([runtimePath('deno'), 'run', '--no-prompt', CLI, 'doctor', '--json'], NO_ANSI))
      expect(of(report, 'runtime')[0]).toMatchObject({
        status: 'failing',
        remedy: 'Start it with --allow-ffi --allow-net',
      })
      expect(report.exitCode).toBe(1)
    })
  })
})

describe('doctor for people', () => {
  test('prints a line for each check and a summary, no line longer than a terminal', () => {
    const { code, out, err } = tcpfingerprint(['doctor'])
    expect(err).toBe('')
    expect([0, 1]).toContain(code!)
    expect(out).toMatch(/^(?:ok|degraded|failing) +kernel +/)
    expect(out).not.toContain('\x1b')
    for (const line of out.split('\n')) expect(line.length).toBeLessThanOrEqual(80)
    expect(out.trimEnd().split('\n').at(-1)).toMatch(/captured/)
  })
  test('wants no argument and a port that is one', () => {
    expect(tcpfingerprint(['doctor', 'x'])).toMatchObject({
      code: 2,
      err: expect.stringContaining('takes no argument'),
    })
    for (const port of ['0', '65536', '1e3', '']) {
      expect(tcpfingerprint(['doctor', '--port', port])).toMatchObject({
        code: 2,
        err: expect.stringContaining('--port'),
      })
    }
  })
})
