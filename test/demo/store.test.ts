import { expect } from 'bun:test'
import { join } from 'node:path'
import { records, tcpfingerprint } from '../cli/run.ts'
import { startProcess } from '../lab/in-flight.ts'
import { needs } from '../lab/privilege.ts'
import { RUNTIMES } from '../lab/runtimes.ts'
import { commandOf, runtimePath } from '../lab/server.ts'
import { temporaryDirectory } from '../support/temporary.ts'

const READY = /curl \S*:(\d+)\/\n/

for (const runtime of RUNTIMES) {
  needs('linux').test(
    `serve --store on ${runtime} keeps what was seen, shows it at ?history, and writes the rest at SIGTERM`,
    async () => {
      using directory = temporaryDirectory()
      const url = `sqlite:${directory.file('seen.sqlite')}`
      const argv = [...commandOf(runtime), 'serve', '--port', '0', '--store', url]
      await using server = await startProcess(argv, { isFirst: false, ready: READY })
      const get = (path: string): Promise<Response> =>
        fetch(`http://127.0.0.1:${server.port}${path}`, { headers: { connection: 'close' } })
      for (let i = 0; i < 5; i++) await (await get('/json')).text()
      // Health checks are kept nowhere.
      for (let i = 0; i < 3; i++) expect(await (await get('/healthz')).text()).toBe('ok')
      const token = /history&token=(\w+)/.exec(server.output())![1]
      const shown = await get(`/?history&token=${token}`)
      expect(shown.status).toBe(200)
      expect((await shown.json()) as object).toMatchObject({ address: '127.0.0.1', network: '127.0.0.0/24' })
      expect((await get('/?history')).status).toBe(403)
      process.kill(server.pid, 'SIGTERM')
      expect(await server.exited).toBe(0)
      const { out } = tcpfingerprint(['history', '--store', url, '--json', 'hosts', '127.0.0.1'])
      const rows = records(out) as { connections: number }[]
      expect(rows.reduce((sum, { connections }) => sum + connections, 0)).toBe(7)
    },
    60_000,
  )
}

needs('linux').test('without --store nothing of the store is loaded', async () => {
  using directory = temporaryDirectory()
  const loaded = async (...options: string[]): Promise<boolean> => {
    const preload = join(import.meta.dir, 'loaded-modules.ts')
    const argv = [runtimePath('bun'), '--preload', preload, 'src/cli.ts', 'serve', '--port', '0', ...options]
    await using server = await startProcess(argv, { isFirst: false, ready: READY })
    for (const path of ['/json', '/', '/?decode', '/?history'])
      await (await fetch(`http://127.0.0.1:${server.port}${path}`, { headers: { accept: 'text/html' } })).text()
    return server.output().includes('/src/store/')
  }
  expect(await loaded()).toBe(false)
  // The preload sees it where it is.
  expect(await loaded('--store', `sqlite:${directory.file('seen.sqlite')}`)).toBe(true)
})
