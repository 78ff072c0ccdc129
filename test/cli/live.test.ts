/**
 * The live example of `pcap --help`, run as it stands in a namespace of its own.
 */
import { expect } from 'bun:test'
import { join } from 'node:path'
import { help } from '../../src/cli/commands/pcap.ts'
import { withNetns } from '../lab/netns.ts'
import { needs, program } from '../lab/privilege.ts'

const CLI = join(import.meta.dir, '../../src/cli.ts')

needs('netns', 'ipv6', 'tcpdump').test(
  'pcap --help: the live example shows SYNs of both IP versions as they come',
  async () => {
    const example = help.examples.map(([line]) => line).find((line) => line.startsWith('tcpdump'))!
    const line = example
      .replace('tcpdump ', `${program('tcpdump')} -i lo `)
      .replace('tcpfingerprint pcap', `'${process.execPath}' '${CLI}' pcap --json`)
    await withNetns(async (ns) => {
      const child = ns.spawn(['sh', '-c', line])
      const versions: number[] = []
      let rest = ''
      const decoder = new TextDecoder()
      const reading = (async () => {
        for await (const chunk of child.stdout) {
          const lines = (rest + decoder.decode(chunk, { stream: true })).split('\n')
          rest = lines.pop()!
          for (const record of lines) versions.push(JSON.parse(record).ip.version)
        }
      })()
      // No socket listens: the SYN is sent all the same. tcpdump needs a while before it sees any.
      const until = performance.now() + 20_000
      while (!(versions.includes(4) && versions.includes(6)) && performance.now() < until) {
        ns.exec(['bash', '-c', 'exec 3<>/dev/tcp/127.0.0.1/9'])
        ns.exec(['bash', '-c', 'exec 3<>/dev/tcp/::1/9'])
        await Bun.sleep(100)
      }
      // Both are still running: what was read came while the capture went on.
      expect(child.exitCode).toBeNull()
      expect(new Set(versions)).toEqual(new Set([4, 6]))
      ns.exec(['sh', '-c', `kill $(ip netns pids ${ns.name} | grep -vw $$)`])
      await reading
    })
  },
  40_000,
)
