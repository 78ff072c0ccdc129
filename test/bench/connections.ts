/**
 * `npm run bench -- connections [ROUNDS]`: how long the command takes to list 10,000 connections of another program, beside `ss`. Bun,
 * Deno and the releases of Node that are there, each with `--json` and as a table. Needs root. Variable: `CONNECTIONS` (10,000).
 * @module
 */
import { join } from 'node:path'
import { createNetns } from '../lab/netns.ts'
import { NODES, nodeProject } from '../lab/nodes.ts'
import { runtimePath } from '../lab/server.ts'
import { report, runPairs, type Variant } from './pairs.ts'

const rounds = Number(process.argv[2] ?? 5)
const connections = Number(process.env.CONNECTIONS ?? 10_000)
const PORT = 8080
/** Two processes, because each may have as many descriptors open as connections. */
const ACCEPT_AND_CONNECT = `
import os, resource, socket, time
resource.setrlimit(resource.RLIMIT_NOFILE, (${connections + 100},) * 2)
server = socket.create_server(('', ${PORT}), backlog=4096)
child = os.fork()
if child == 0:
    kept = [server.accept() for i in range(${connections})]
else:
    kept = [socket.create_connection(('127.0.0.1', ${PORT})) for i in range(${connections})]
    print('ready', flush=True)
time.sleep(600)
`

await using ns = createNetns({ sysctl: { 'net.ipv4.ip_local_port_range': '10000 65000' } })
const program = ns.spawn(['python3', '-c', ACCEPT_AND_CONNECT])
const { value: ready } = await program.stdout.getReader().read()
if (ready === undefined) throw new Error(`Cannot connect: ${await new Response(program.stderr).text()}`)
const cli = join(await nodeProject(), 'node_modules/tcpfingerprint/dist/cli.js')
const runtimes: [string, string[]][] = [
  ['Bun', [runtimePath('bun')]],
  ['Deno', [runtimePath('deno'), 'run', '-A', '--no-lock']],
  ...NODES.filter(({ reason }) => reason === undefined).map(({ name, path }): [string, string[]] => [name, [path]]),
]

async function seconds(words: readonly string[]): Promise<number> {
  const start = performance.now()
  const child = ns.spawn(words, { NODE_NO_WARNINGS: '1' })
  const text = await new Response(child.stdout).text()
  await child.exited
  const passed = (performance.now() - start) / 1000
  const lines = text.split('\n').length - 1
  if (child.exitCode !== 0 || lines < connections) throw new Error(`${words.join(' ')}: ${lines} lines`)
  return passed
}

const port = ['--port', String(PORT)]
const variants: Variant[] = [
  { name: 'ss -tinH', measure: () => seconds(['ss', '-tinH', `sport = :${PORT}`]) },
  ...runtimes.flatMap(([name, words]): Variant[] => [
    { name: `${name}, --json`, measure: () => seconds([...words, cli, 'connections', ...port, '--json']) },
    { name: `${name}, table`, measure: () => seconds([...words, cli, 'connections', ...port]) },
    { name: `${name}, --version`, measure: async () => startTime([...words, cli, '--version']) },
  ]),
]

async function startTime(words: readonly string[]): Promise<number> {
  const start = performance.now()
  await ns.spawn(words, { NODE_NO_WARNINGS: '1' }).exited
  return (performance.now() - start) / 1000
}

report(`${connections} connections listed`, 'seconds elapsed', await runPairs(variants, rounds))
