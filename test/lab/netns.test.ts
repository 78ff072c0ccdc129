import { expect, test } from 'bun:test'
import { existsSync, readFileSync } from 'node:fs'
import { createNetns, createVethPair, withNetns } from './netns.ts'
import { needs } from './privilege.ts'
import { createProbe } from './probe.ts'
import { connectKernel } from './raw-client.ts'

const there = (name: string): boolean => existsSync(`/run/netns/${name}`)
/** True if a process runs `sleep 300`; a process id alone may have been taken again. */
function sleeping(pid: number): boolean {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'latin1').startsWith('sleep')
  } catch {
    return false
  }
}

needs('netns').describe('createNetns', () => {
  test('gives a network of its own, and leaves nothing behind', async () => {
    const ns = createNetns()
    expect(there(ns.name)).toBe(true)
    expect(ns.exec(['ip', '-o', 'link']).stdout.trim().split('\n')).toHaveLength(1)
    const child = ns.spawn(['sleep', '300'])
    // The command replaces `ip` under the same process id.
    while (!sleeping(child.pid)) await Bun.sleep(1)
    await ns.close()
    expect(there(ns.name)).toBe(false)
    expect(sleeping(child.pid)).toBe(false)
    await ns.close()
    expect(() => ns.run(() => 1)).toThrow('closed')
  })

  test('run is inside, and only while it runs', async () => {
    await withNetns((ns) => {
      const links = (): string => readFileSync('/proc/thread-self/net/dev', 'utf8')
      const outside = links()
      const inside = ns.run(links)
      expect(inside).toContain('lo:')
      expect(inside).not.toBe(outside)
      expect(() =>
        ns.run(() => {
          throw new RangeError('from inside')
        }),
      ).toThrow('from inside')
      expect(links().split('\n').length).toBe(outside.split('\n').length)
      expect(() => ns.run(async () => 1)).toThrow(TypeError)
    })
  })

  test('sysctls are the namespace own', async () => {
    await withNetns(
      (ns) => {
        expect(ns.getSysctl('net.ipv4.tcp_syncookies')).toBe('2')
        ns.setSysctl('net.ipv4.tcp_syncookies', 0)
        expect(ns.getSysctl('net.ipv4.tcp_syncookies')).toBe('0')
        expect(() => ns.setSysctl('net.ipv4.tcp_syncookies', 'seven')).toThrow('net.ipv4.tcp_syncookies')
      },
      { sysctl: { 'net.ipv4.tcp_syncookies': 2 } },
    )
  })

  test('withNetns deletes the namespace when the body fails', async () => {
    let name = ''
    const failed = withNetns((ns) => {
      name = ns.name
      throw new Error('in the body')
    })
    expect(failed).rejects.toThrow('in the body')
    await failed.catch(() => {})
    expect(name).not.toBe('')
    expect(there(name)).toBe(false)
  })

  test('exec gives exit code and output, ip throws what ip said', async () => {
    await withNetns((ns) => {
      expect(ns.exec(['sh', '-c', 'echo out; echo err >&2; exit 3'])).toEqual({
        exitCode: 3,
        stdout: 'out\n',
        stderr: 'err\n',
      })
      expect(() => ns.ip('link', 'set', 'nothing', 'up')).toThrow('nothing')
    })
  })

  for (const how of ['exit', 'throw', 'term', 'kill']) {
    test(`a process that ends by ${how} leaves nothing behind${how === 'kill' ? ' once another one has begun' : ''}`, async () => {
      const fixture = `${import.meta.dir}/fixture-netns.ts`
      const done = Bun.spawnSync([process.execPath, fixture, how], { stderr: 'ignore' })
      const [name = '', pid = ''] = done.stdout.toString().trim().split(' ')
      expect(name).toStartWith('tcpfp-')
      if (how === 'kill') {
        expect(there(name)).toBe(true)
        Bun.spawnSync([process.execPath, fixture, 'exit'], { stderr: 'ignore' })
      }
      expect(there(name)).toBe(false)
      // The signal is sent; the process may need a moment to be gone.
      for (let n = 0; n < 500 && sleeping(Number(pid)); n += 1) await Bun.sleep(10)
      expect(sleeping(Number(pid))).toBe(false)
    })
  }
})

needs('netns').describe('createVethPair', () => {
  test('joins two namespaces over IPv4 and IPv6', async () => {
    await using server = createNetns()
    await using client = createNetns()
    const cable = createVethPair(server, client)
    for (const [here, there] of [cable.ipv4, cable.ipv6]) {
      const probe = createProbe(server, { address: here })
      const [connection, child] = await Promise.all([
        connectKernel({ netns: client, destination: probe.endpoint }),
        probe.accept(),
      ])
      expect(child.peer).toEqual(connection.local)
      expect(child.peer.address).toBe(there)
      connection.close()
      probe.close()
    }
  })
})
