/**
 * `tcpfingerprint pcap --json` against `p0f -r FILE -o LOG` on the same file of distinct SYNs:
 * `bun test/bench/pcap.ts [SYNS] [ROUNDS] [FILE]`.
 *
 * Both write to files in the same temporary directory, which is removed afterwards. Needs Debian's `p0f`. With FILE that
 * capture is read in place of a made one.
 * @module
 */
import { closeSync, openSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { temporaryDirectory } from '../support/temporary.ts'
import { ratio, report, runPairs, type Variant } from './pairs.ts'
import { writeSyns } from './pcap-file.ts'

const count = Number(process.argv[2] ?? 1_000_000)
const rounds = Number(process.argv[3] ?? 5)
const cli = join(import.meta.dir, '../../src/cli.ts')
const { path: directory, remove } = temporaryDirectory()

/** Runs a program with its output in a file, and gives SYNs per second and, in `cpu`, per second of processor time. */
async function perSecond(argv: string[], output: string): Promise<number> {
  const fd = openSync(output, 'w')
  const start = performance.now()
  const child = Bun.spawn(argv, { stdout: fd, stderr: 'inherit' })
  const code = await child.exited
  const seconds = (performance.now() - start) / 1000
  closeSync(fd)
  if (code !== 0) throw new Error(`${argv[0]} ended with ${code}`)
  const usage = child.resourceUsage()
  const processor = Number(usage?.cpuTime.total ?? 0) / 1e6
  console.log(`  ${argv.slice(0, 3).join(' ')}: ${seconds.toFixed(2)} s, processor ${processor.toFixed(2)} s`)
  return count / seconds
}

try {
  const file = process.argv[4] ?? join(directory, 'syns.pcap')
  if (process.argv[4] === undefined) writeSyns(file, count)
  const log = join(directory, 'p0f.log')
  const lines = join(directory, 'ours.ndjson')
  const variants: Variant[] = [
    {
      name: 'p0f -r',
      async measure() {
        rmSync(log, { force: true })
        return await perSecond(['p0f', '-r', file, '-o', log], '/dev/null')
      },
    },
    {
      name: 'tcpfingerprint pcap --json',
      measure: () => perSecond([process.execPath, cli, 'pcap', '--json', file], lines),
    },
    {
      name: 'with --p0f-db p0f.fp',
      measure: () => perSecond([process.execPath, cli, 'pcap', '--json', '--p0f-db', '/etc/p0f/p0f.fp', file], lines),
    },
  ]
  const results = await runPairs(variants, rounds)
  report(`${count} SYNs of a capture file`, 'SYNs a second, output to a file', results)
  for (const { name } of variants.slice(1)) {
    console.log(`  ${name} / p0f -r: ${ratio(results, name, 'p0f -r').toFixed(2)}`)
  }
  const first = readFileSync(lines, { encoding: 'latin1' }).slice(0, 2000).split('\n')[0]
  console.log(`  one record: ${first}`)
} finally {
  remove()
}
