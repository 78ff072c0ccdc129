import { expect, test } from 'bun:test'
import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { OK, scriptDirectory } from '../cgi/scripts.ts'
import { startServer } from '../lab/server.ts'
import { freePort } from '../support/free-port.ts'
import { until } from '../support/wait.ts'

test('bun --hot: the replaced modules keep no log file, no store and no signal listener, and lose no line', async () => {
  const { base, root, script, remove } = scriptDirectory()
  const module = join(base, 'module.ts')
  const log = join(base, 'access.log')
  writeFileSync(module, 'export const generation = 1')
  script('hello', `${OK}; echo hello`)
  const port = freePort()
  const url = `http://127.0.0.1:${port}`
  const server = await startServer(
    undefined,
    'test/access-log/servers/hot.ts',
    { PORT: String(port), HOT_MODULE: module, LOG_FILE: log, CGI_ROOT: root },
    { runtimeArguments: ['--hot'], ready: /listening on (\d+)/ },
  )
  const lines = (file: string): string[] =>
    existsSync(file) ? readFileSync(file, 'utf8').split('\n').slice(0, -1) : []
  try {
    type Held = { generation: number; descriptors: number; stores: number; listeners: number }
    const held = async (): Promise<Held> => (await fetch(`${url}/held`)).json() as Promise<Held>
    expect(await (await fetch(`${url}/cgi-bin/hello`)).text()).toBe('hello\n')
    const first = await held()
    expect(first).toMatchObject({ generation: 1, descriptors: 1 })
    expect(first.stores).toBeGreaterThan(0)
    const slow = (await fetch(`${url}/slow`)).body!.getReader()
    await slow.read()
    const last = 5
    for (let generation = 2; generation <= last; generation += 1) {
      writeFileSync(module, `export const generation = ${generation}`)
      await until('the reload', () => server.stdout().includes(`generation ${generation}\n`), 20_000)
      expect(await (await fetch(`${url}/cgi-bin/hello`)).text()).toBe('hello\n')
      expect(await held()).toEqual({ ...first, generation })
    }
    // An answer that the first modules began ends now, and its line is there at once: their writer has nothing to wait for.
    process.kill(server.pid, 'SIGUSR2')
    expect((await slow.read()).done).toBe(true)
    await until('the line of the replaced modules', () => lines(log).includes('/slow 6'), 5_000)
    // Only the writer of today hears of a rotation.
    renameSync(log, `${log}.1`)
    process.kill(server.pid, 'SIGHUP')
    await until('the new file', () => existsSync(log), 5_000)
    expect(await held()).toEqual({ ...first, generation: last })
    await server.stop()
    const size = (generation: number): number => JSON.stringify({ ...first, generation }).length
    const expected = [1, 2, 3, 4, 5].flatMap((generation) => ['/cgi-bin/hello 6', `/held ${size(generation)}`])
    expect(lines(`${log}.1`).toSorted()).toEqual([...expected, '/slow 6'].toSorted())
    expect(lines(log)).toEqual([`/held ${size(last)}`])
  } finally {
    await server.stop()
    remove()
  }
}, 60_000)
