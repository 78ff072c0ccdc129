import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { copyFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { needs, program } from '../lab/privilege.ts'
import { startServer } from '../lab/server.ts'
import { temporaryDirectory } from '../support/temporary.ts'
import { until } from '../support/wait.ts'

/** Requests before and after the rotation. */
const BEFORE = 40
const AFTER = 20
/** Names that Python's splitlines, terminals and quoting could stumble over; field values are octets. */
const AGENT = 'Mozilla/5.0 (X11; Linux x86_64) "q" \\ \u00c2\u0085 \u00e2\u0080\u00a8 \u007f Firefox/140.0'
const OCTETS_BEFORE = (BEFORE / 4) * (5 + 70_000 + 13 + 13)

const { path: directory, remove } = temporaryDirectory()
afterAll(remove)
const path = (name: string): string => join(directory, name)
const lines = (name: string): string[] =>
  existsSync(path(name)) ? readFileSync(path(name), 'utf8').split('\n').slice(0, -1) : []

interface GoAccessReport
  extends Record<'requests' | 'not_found' | 'hosts' | 'browsers' | 'referring_sites', { data: { data: string }[] }> {
  readonly general: Readonly<Record<string, number>>
}

/** Runs a program and gives its output. @throws {Error} with what it printed, where it fails */
function run(command: readonly string[], env: Record<string, string> = {}): string {
  const { exitCode, stdout, stderr } = Bun.spawnSync([...command], { env: { ...process.env, HOME: directory, ...env } })
  if (exitCode !== 0) throw new Error(`${command[0]} ended with ${exitCode}: ${stdout.toString()}${stderr.toString()}`)
  return stdout.toString()
}

async function ask(port: number, count: number): Promise<void> {
  const paths = ['small', 'large', 'none?x="', 'a%22b']
  const headers = { 'user-agent': AGENT, referer: 'http://example.org/"x' }
  for (let i = 0; i < count; i += 1) {
    await (await fetch(`http://127.0.0.1:${port}/${paths[i % paths.length]}`, { headers })).arrayBuffer()
  }
}

needs('linux', 'logrotate').describe('a log that logrotate has rotated', () => {
  beforeAll(async () => {
    await using server = await startServer(undefined, 'test/access-log/servers/two-logs.ts', {
      LOG_DIRECTORY: directory,
    })
    await ask(server.port, BEFORE)
    await until('the first lines', () => lines('json.log').length === BEFORE, 5_000)
    const configuration = path('logrotate.conf')
    writeFileSync(
      configuration,
      `${directory}/*.log {\n  rotate 2\n  nocreate\n  sharedscripts\n  postrotate\n    kill -HUP ${server.pid}\n  endscript\n}\n`,
      { mode: 0o600 },
    )
    const rotated = (async () => run([program('logrotate'), '--force', '--state', path('state'), configuration]))()
    await Promise.all([ask(server.port, AFTER), rotated])
    await server.stop()
  }, 30_000)

  test('has every line once, each whole', () => {
    for (const name of ['combined.log', 'json.log']) {
      expect(lines(`${name}.1`).length).toBeGreaterThanOrEqual(BEFORE)
      expect(lines(`${name}.1`).length + lines(name).length).toBe(BEFORE + AFTER)
    }
    for (const line of [...lines('json.log.1'), ...lines('json.log')]) {
      expect(line).toMatch(/^[ -~]*$/)
      expect(JSON.parse(line)).toMatchObject({ 'client.address': '127.0.0.1' })
    }
  })

  describe('is read by GoAccess', () => {
    const configuration = join(import.meta.dir, '../examples/goaccess.conf')
    for (const [format, options] of [
      ['combined', ['--no-global-config', '--log-format=COMBINED']],
      ['json', ['-p', configuration]],
    ] as const) {
      needs('goaccess').test(format, () => {
        const report = path(`goaccess-${format}.json`)
        const log = `${format}.log.1`
        run([program('goaccess'), path(log), ...options, '-o', report])
        const { general, ...panels } = JSON.parse(readFileSync(report, 'utf8')) as GoAccessReport
        expect(general).toMatchObject({ total_requests: lines(log).length, failed_requests: 0 })
        expect(general.bandwidth).toBeGreaterThanOrEqual(OCTETS_BEFORE)
        const names = (panel: keyof typeof panels): string[] => panels[panel].data.map(({ data }) => data).sort()
        const paths = [...names('requests'), ...names('not_found')].map((name) => name.replace(/\?.*/, ''))
        expect({
          paths,
          hosts: names('hosts'),
          browsers: names('browsers'),
          sites: names('referring_sites'),
        }).toEqual({
          paths: ['/large', '/small', '/a"b', '/none'],
          hosts: ['127.0.0.1'],
          browsers: ['Firefox'],
          sites: ['example.org'],
        })
      })
    }
  })

  needs('awstats').test('is read by AWStats', () => {
    writeFileSync(
      path('awstats.test.conf'),
      `LogFile="${path('combined.log.1')}"\nLogType=W\nLogFormat=1\nSiteDomain="localhost"\nDirData="${directory}"\nDNSLookup=0\n`,
    )
    const command = ['perl', '/usr/lib/cgi-bin/awstats.pl', `-configdir=${directory}`, '-config=test', '-update']
    const said = run(command, { AWSTATS_ENABLE_CONFIG_DIR: '1' })
    expect(said).toContain(`Parsed lines in file: ${lines('combined.log.1').length}\n`)
    expect(said).toMatch(/Found 0 dropped records/)
    expect(said).toMatch(/Found 0 corrupted records/)
  })

  describe('is read by lnav', () => {
    const query = (table: string, octets: string, file: string, ...more: string[]): string =>
      run([
        program('lnav'),
        ...more,
        '-n',
        '-c',
        `;select count(*) as n, sum("${octets}") >= ${OCTETS_BEFORE} as octets from ${table}`,
        '-c',
        ':write-csv-to -',
        path(file),
      ])
    needs('lnav').test('combined', () => {
      expect(query('access_log', 'sc_bytes', 'combined.log.1')).toBe(`n,octets\n${lines('combined.log.1').length},1\n`)
    })
    needs('lnav').test('JSON, by the format of the recipes', () => {
      const formats = path('lnav/formats/installed')
      mkdirSync(formats, { recursive: true })
      copyFileSync(join(import.meta.dir, '../examples/lnav.json'), join(formats, 'tcpfingerprint_log.json'))
      const said = query('tcpfingerprint_log', 'http.response.body.size', 'json.log.1', '-I', path('lnav'))
      expect(said).toBe(`n,octets\n${lines('json.log.1').length},1\n`)
    })
  })

  needs('python3').test('is JSON lines to a reader that splits at every line end of Unicode', () => {
    const script =
      'import json,sys; rows=[json.loads(l) for l in open(sys.argv[1], encoding="utf-8").read().splitlines()]; ' +
      'print(len(rows), len({row["user_agent.original"] for row in rows}))'
    expect(run([program('python3'), '-c', script, path('json.log.1')])).toBe(`${lines('json.log.1').length} 1\n`)
  })
})
