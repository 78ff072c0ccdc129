/**
 * nftables with the exported pf.os labels this machine's own SYN and one of zmap.
 *
 * nft reads the file from a fixed path: it runs in a mount namespace in which that is ours.
 */
import { expect, test } from 'bun:test'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { defaultDatabase } from '../../src/label/default.ts'
import { DATABASE_FORMATS } from '../../src/label/export/export.ts'
import { needs, program } from '../lab/privilege.ts'

const RECIPE = join(import.meta.dir, '../examples/drop-scanners.nft')
const HELPER = join(import.meta.dir, 'pf-os.py')

function run(argv: readonly string[]): string {
  const { exitCode, stdout, stderr } = Bun.spawnSync([...argv], { stdin: 'ignore' })
  if (exitCode !== 0) throw new Error(`Cannot run ${argv.join(' ')}: ${stderr.toString()}`)
  return stdout.toString()
}

const net = needs('netns', 'raw', 'nft', 'python3')
net.describe('database --format pf.os', () => {
  test('is loaded by nftables, which names this machine and zmap', () => {
    const directory = mkdtempSync(join(tmpdir(), 'tcpfingerprint-pfos-'))
    const namespace = `tcpfp-${process.pid}-osf`
    const file = join(directory, 'pf.os')
    const rules = join(directory, 'rules.nft')
    writeFileSync(file, DATABASE_FORMATS['pf.os']!(defaultDatabase()).text)
    const counters = ['Linux', 'zmap', 'masscan', 'Mirai'].map(
      (genre) => `    tcp flags & (syn|ack) == syn osf name "${genre}" counter comment "${genre}"`,
    )
    writeFileSync(
      rules,
      `table ip t {\n  chain i {\n    type filter hook input priority 0;\n${counters.join('\n')}\n  }\n}\n`,
    )
    const inside = [program('ip'), 'netns', 'exec', namespace]
    run([program('ip'), 'netns', 'add', namespace])
    try {
      run([program('ip'), '-n', namespace, 'link', 'set', 'lo', 'up'])
      const script = `d=$(mktemp -d) && cp ${file} ${rules} "$d" && mount -t tmpfs tmpfs /etc && mkdir -p /etc/nftables/osf && cp "$d/pf.os" /etc/nftables/osf/ && ${inside.join(' ')} ${program('nft')} -f "$d/rules.nft"; code=$?; rm -rf "$d"; exit $code`
      run(['unshare', '--mount', 'sh', '-c', script])
      run([...inside, program('python3'), HELPER, 'send'])
      const counted = run([...inside, program('nft'), 'list', 'ruleset'])
      const packets = (genre: string): number =>
        Number(new RegExp(`osf name "${genre}" counter packets (\\d+)`).exec(counted)?.[1])
      expect(['Linux', 'zmap', 'masscan', 'Mirai'].map(packets)).toEqual([3, 2, 0, 0])
      // the recipe drops zmap alone: connections of this machine still come about
      run([...inside, program('nft'), '-f', RECIPE])
      run([...inside, program('python3'), HELPER, 'send'])
      expect(run([...inside, program('nft'), 'list', 'table', 'inet', 'scanners'])).toMatch(/counter packets 2 .*drop/)
    } finally {
      run([program('ip'), 'netns', 'del', namespace])
      run([program('python3'), HELPER, 'remove', file])
      rmSync(directory, { recursive: true })
    }
  }, 30_000)
})
