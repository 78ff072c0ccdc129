import { expect } from 'bun:test'
import { join } from 'node:path'
import { syn } from '../lab/linux-syn.ts'
import { createNetns } from '../lab/netns.ts'
import { NODES, nodeProject } from '../lab/nodes.ts'
import { needs } from '../lab/privilege.ts'
import { ROOT, runtimePath } from '../lab/server.ts'
import { createTunPeer } from '../lab/tun-peer.ts'

const SCRIPT = 'test/net/ring-reader.ts'
/** Packets that the shared memory holds; the receive buffer holds more of them. */
const RING = 16_384
const COUNT = RING + 808
const WAITING = needs('netns', 'tun')

/** The script for a Node that knows no types. */
async function bundled(): Promise<string> {
  const outdir = join(await nodeProject(), 'ring')
  const { success, logs } = await Bun.build({
    entrypoints: [join(ROOT, SCRIPT)],
    external: ['koffi'],
    target: 'node',
    naming: '[name].mjs',
    outdir,
  })
  if (!success) throw new AggregateError(logs, 'Cannot bundle')
  return join(outdir, 'ring-reader.mjs')
}

const RUNTIMES = [
  { name: 'Bun', need: WAITING, argv: async () => [runtimePath('bun'), SCRIPT] },
  { name: 'Deno', need: WAITING, argv: async () => [runtimePath('deno'), 'run', '-A', '--no-lock', SCRIPT] },
  ...NODES.map((node) => ({
    name: node.name,
    need: needs('netns', 'tun', node),
    argv: async () => [node.path, '--no-warnings', await bundled()],
  })),
]

for (const { name, need, argv } of RUNTIMES)
  need.test(
    `${name}: SYNs wait in memory that the kernel shares, in order, and those beyond it are counted`,
    async () => {
      await using ns = createNetns()
      const peer = createTunPeer(ns)
      const child = Bun.spawn(['ip', 'netns', 'exec', ns.name, ...(await argv())], {
        cwd: ROOT,
        stdin: 'pipe',
        stdout: 'pipe',
        stderr: 'inherit',
      })
      const reader = child.stdout.getReader()
      const line = async (): Promise<string> => new TextDecoder().decode((await reader.read()).value)
      const drain = async (): Promise<string> => {
        child.stdin.write('\n')
        child.stdin.flush()
        return await line()
      }
      const send = (count: number): void => {
        for (let i = 0; i < count; i++) {
          const source = { address: `10.99.${i >> 8}.${i & 255}`, port: 1024 }
          peer.inject(syn({ source, destination: { address: peer.ipv4, port: 80 }, sequence: i }).bytes)
        }
      }
      try {
        expect(await line()).toBe('ready\n')
        send(COUNT)
        expect(await drain()).toBe(`${RING} true ${COUNT - RING}\n`)
        // Round the end of the ring.
        send(RING - 5)
        expect(await drain()).toBe(`${RING - 5} true 0\n`)
        send(10)
        expect(await drain()).toBe('10 true 0\n')
      } finally {
        child.kill('SIGKILL')
        await child.exited
      }
    },
    30_000,
  )
