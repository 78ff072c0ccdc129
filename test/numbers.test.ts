/**
 * Every number in the prose and tables of the documents that the package ships comes from somewhere. A claim is a piece of a document,
 * written with the values of its source: a constant of the code, the manifest, a measured row of `test/bench/README.md`, or, where the
 * source is outside of the repository, the place to look it up. A claim that is not in its document fails, and so does a number that
 * is in no claim. Blocks of code are run by `readme.test.ts` and `recipes.test.ts`.
 */
import { describe, expect, test } from 'bun:test'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import manifest from '../package.json' with { type: 'json' }
import { PROVENANCE } from '../src/explain/timing.ts'
import { resolveOptions } from '../src/fingerprinter/options.ts'
import { LIVE_CAPACITY } from '../src/inspector/live.ts'
import { MAX_TEXT } from '../src/store/text.ts'
import { recognisedTable } from './label/recognised.ts'

const read = (path: string): string => readFileSync(join(import.meta.dir, '..', path), 'utf8')

/** What a pattern finds in a file, as a number. It has to be there once. */
function from(path: string, pattern: RegExp): number {
  const found = [...read(path).matchAll(new RegExp(pattern, 'g'))]
  expect(found.length, `${pattern} in ${path}`).toBe(1)
  return Number(found[0]![1]!.replaceAll(/[_,]/g, ''))
}
/** A constant of a file. */
const constant = (path: string, name: string): number => from(path, new RegExp(`\\bconst ${name} = ([\\d_.]+)`))
/** A figure of the measured rows. */
const measured = (pattern: RegExp): number => from('test/bench/README.md', pattern)
/** A version of the manifest: `^4.5.0` is 4.5. */
const version = (range: string, digits: number): string =>
  range.replace(/^\D*/, '').split('.').slice(0, digits).join('.')
/** Those of Node, of which each is the oldest of its line. */
const NODE = manifest.engines.node
  .split(' || ')
  .map((range) => version(range, 2))
  .join(' or ')

const en = (value: number): string => value.toLocaleString('en-US')
const seconds = (milliseconds: number): number => milliseconds / 1000
/** Rounded to so many digits, as prose rounds. */
const about = (value: number, digits: number): string => en(Number(value.toPrecision(digits)))
const WORDS = ['no', 'one', 'two', 'three', 'four', 'five', 'six', 'seven', 'eight', 'nine', 'ten']

const PORT = from('src/demo/server.ts', /\bport = (\d+), http2/)
const MAX_CONNECTIONS = resolveOptions().maxConnections
const [OBSERVATIONS, DAILY] = [
  /aPeriod\(\), '(\d+) days'\), daily/,
  /daily: v\.optional\(aPeriod\(\), '(\d+) days'/,
].map((pattern) => from('src/store/options.ts', pattern)) as [number, number]
const NODE_FFI = /Node ([\d.]+) or newer, which has node:ffi/.exec(read('ffi/libc.node.ts'))![1]!
const SQLITE = /came with Node ([\d.]+), Deno ([\d.]+) and Bun ([\d.]+)/.exec(read('src/store/sqlite-database.ts'))!
const KERNEL = /Linux ([\d.]+) or newer \(4\.19/.exec(read('src/doctor/checks.ts'))![1]!
interface Claims {
  /** Pieces that follow from the repository. */
  readonly here: readonly string[]
  /** Pieces that something outside says, with the place. */
  readonly outside: readonly (readonly [piece: string, place: string])[]
}

const DOCUMENTS: Readonly<Record<string, Claims>> = {
  'README.md': {
    here: [
      `http://127.0.0.1:${PORT}/`,
      `beside ${measured(/open against (\d+) \| mean/)} and beside ${en(measured(/first request of a connection, ([\d,]+) idle/))} open ones`,
      recognisedTable(),
      `- Linux ${KERNEL} or newer`,
      `SO_COOKIE since ${KERNEL})`,
      `- Bun ${version(manifest.engines.bun, 2)}, `,
      `or Node ${NODE} (`,
      `Node before ${NODE_FFI}, which has \`node:ffi\``,
      `- Hono ${version(manifest.peerDependencies.hono, 2)} for`,
      '`request`: counts from 1',
      `| \`recovered\` | solved from two samples (TLS): ${/within 1 \u00b5s/.exec(PROVENANCE.recovered)![0]} |`,
      `| \`cookie\` | SYN cookie: ${/^up to 64 ms too high/.exec(PROVENANCE.cookie)![0]} |`,
      `| \`maxConnections\` | ${MAX_CONNECTIONS} |`,
      `a port used again within ${seconds(constant('src/packets/client-lookup.ts', 'ON_ITS_WAY'))} seconds`,
      // src/connection/facts.ts, which test/connection/facts.test.ts holds to these.
      '`0`/`1` (unset on IPv6); the two ECN bits `0`..`3`',
      'ECE + 2 x CWR, `0`..`3`',
      'microseconds since 1970',
      // test/cli/cli.test.ts.
      'Exit 0: all good; 1: some input was bad, the rest was answered; 2: usage.',
      'on Deno with TLS 1.2.',
    ],
    outside: [
      ['| p0f 3 |', 'p0f 3.09b, the last release'],
      ['TCP_SAVE_SYN since 4.2', 'Linux commit cd8ae85299d5'],
      ['the counters that tell timing since 4.6', 'Linux commits a44d6eacdaf5 and cd9b266095f4'],
      ['Deno 2.5 (', 'the oldest that the whole suite was run on; the pinned one is newer'],
      ['any Apache 2.4 `LogFormat`', 'Apache, mod_log_config'],
      ['Until 1.0 a minor version', 'Semantic Versioning 2.0.0, section 4'],
      ['From 1.0 on semantic versioning', 'Semantic Versioning 2.0.0, section 5'],
      ['specification CC BY 4.0', 'MuonFP, its repository'],
      ['the FoxIO License 1.1', 'src/ja4t/LICENSE'],
      ['(Apache-2.0)', 'mod_tcpfingerprint, its licence'],
    ],
  },
  'src/GUIDE.md': {
    here: [
      `\`queue\` rows (${en(from('src/store/options.ts', /queue: v\.optional\(aNumber\(1, [\d_]+\), ([\d_]+)\)/))})`,
      `Bun ${SQLITE[3]}, Deno ${SQLITE[2]} (`,
      `Node ${SQLITE[1]} or newer`,
      `batches of ${from('src/store/sqlite.ts', /isApart \? \d+ : (\d+), milliseconds/)}.`,
      `a batch (${from('src/store/sqlite.ts', /isApart \? (\d+) :/)} rows)`,
      `Batches are ${en(from('src/store/postgres.ts', /batch = \{ rows: (\d+)/))} rows or ${WORDS[seconds(from('src/store/postgres.ts', /batch = \{ rows: \d+, milliseconds: (\d+)/))]} seconds`,
      `after ${seconds(constant('src/store/queue.ts', 'FIRST_PAUSE'))} to ${seconds(constant('src/store/queue.ts', 'LONGEST_PAUSE'))} s`,
      `${MAX_TEXT} characters the first ${MAX_TEXT - from('src/store/text.ts', /KEPT_BEFORE_DIGEST = MAX_TEXT - (\d+)/)} are kept`,
      `observations: '${OBSERVATIONS} days', daily: '${DAILY} days'`,
      `million connections of ${measured(/five million connections of (\d+) days/)} days`,
      `${about(measured(/of \d+ days in SQLite[^|]*\| ([\d.]+) octets/), 2)} octets a connection`,
      `\`hosts()\` and \`stacks()\` below ${Math.ceil(measured(/`hosts\(\)` ([\d.]+) ms/))} ms`,
      `\`labels()\` ${measured(/`labels\(\)` over all days ([\d.]+) s/)} s`,
      `within ${WORDS[seconds(constant('src/store/queue.ts', 'CLOSE_TIMEOUT'))]} seconds`,
      `once a ${constant('src/store/recorder.ts', 'INTERVAL') === 60_000 ? 'minute' : '?'}`,
      `koffi, or Node ${NODE_FFI} |`,
      // test/store: addresses in any spelling.
      'the network (/24, /64)',
      // test/bench/store-live.ts kills with SIGKILL.
      '`kill -9`',
    ],
    outside: [
      ['any Apache 2.4 `LogFormat`', 'Apache, mod_log_config'],
      ['9 MiB on Bun, 25 on Deno', 'resident memory with and without the thread, seen once by hand'],
      ['/lib/x86_64-linux-gnu/libc.so.6', 'glibc: the name of its shared object'],
    ],
  },
  'CHANGELOG.md': {
    here: [
      `## ${manifest.version} (unreleased)`,
      `Bun from ${version(manifest.engines.bun, 2)}, `,
      `and Node from ${NODE}, with Hono from ${version(manifest.peerDependencies.hono, 2)} `,
    ],
    outside: [['Deno from 2.5', 'as in the README']],
  },
  'src/LIMITS.md': {
    here: [
      `from one port within ${constant('src/capture/attribution.ts', 'FRESH')} ms`,
      `closed within the last ${constant('ffi/descriptors/census.ts', 'FILES_AGE')} ms`,
      `for ${seconds(constant('src/capture/capture.ts', 'EXPECTED_AFTER_ONE'))} s after the last \`arm()\` (${seconds(constant('src/capture/capture.ts', 'EXPECTED'))} s where`,
    ],
    outside: [],
  },
  'test/examples/README.md': {
    here: [
      `http://127.0.0.1:${PORT}/`,
      `lists the last ${LIVE_CAPACITY} connections`,
      `the last ${LIVE_CAPACITY} connections in memory`,
      `for ${OBSERVATIONS} days (\`retention.observations\`)`,
      `for ${DAILY} days (\`retention.daily\`)`,
      'there is the /24 or /64 in place of',
      // test/examples/fail2ban.test.ts sends it.
      '`%6c` for `l`',
      // Tested in a PID namespace by test/examples and test/demo.
      'process 1',
    ],
    outside: [
      ['WSL 1', 'Microsoft: the version that translates system calls'],
      ['`LogFormat=1`', 'AWStats, its configuration'],
      ['Article 6(1)(f) GDPR', 'Regulation (EU) 2016/679'],
      ['Article 5(3) of Directive 2002/58/EC', 'Directive 2002/58/EC'],
      ["the EDPB's Guidelines 2/2023", 'EDPB'],
    ],
  },
}

/** Names that have a digit: they are no numbers. */
const NAMES =
  /HTTP\/[123](?:\.[01])?|IPv[46]|CGI\/1\.1|RFC \d+|UTF-8|Latin-1|\b[a-z_][\w-]*\d\w*\b|\b\d+(?:\.\d+){3}(?:\/\d+)?/gi

/** Without the ends of lines, which move with every other word. */
const joined = (text: string): string => text.replace(/\s+/g, ' ')

describe('numbers', () => {
  for (const [document, { here, outside }] of Object.entries(DOCUMENTS)) {
    const prose = joined(read(document).replace(/^```[\s\S]*?^```$/gm, ''))
    const pieces = [...here, ...outside.map(([piece]) => piece)].map(joined)

    test(`${document}: what is claimed follows from its source`, () => {
      for (const piece of pieces) expect(prose.includes(piece), piece).toBe(true)
    })

    test(`${document}: no number is in no claim`, () => {
      let rest = prose.replace(/\]\([^)]*\)/g, ']')
      for (const piece of pieces) rest = rest.replaceAll(piece.replace(/\]\([^)]*\)/g, ']'), ' ')
      rest = rest.replace(NAMES, '')
      const left = [...rest.matchAll(/\d[\d.,]*/g)].map(({ index }) => rest.slice(Math.max(0, index - 30), index + 30))
      expect(left).toEqual([])
    })
  }
})
