import { expect } from 'bun:test'
import { startProcess } from '../lab/in-flight.ts'
import { needs } from '../lab/privilege.ts'
import { RUNTIMES } from '../lab/runtimes.ts'
import { commandOf } from '../lab/server.ts'
import { until } from '../support/wait.ts'

for (const runtime of RUNTIMES) {
  needs('linux').test(
    `serve --live --store on ${runtime} prints links of which each opens its page once`,
    async () => {
      const argv = [...commandOf(runtime), 'serve', '--port', '0', '--live', '--store', 'sqlite::memory:']
      await using server = await startProcess(argv, {
        isFirst: false,
        ready: /curl \S*:(\d+)\/\n/,
      })
      const links = (view: string): string[] =>
        server.output().match(new RegExp(`http\\S+\\?${view}&token=\\w+`, 'g')) ?? []
      const ask = (url: string, cookie = ''): Promise<Response> =>
        fetch(url, { headers: { accept: 'text/html', cookie } })
      for (const view of ['live', 'history']) {
        const [link] = links(view)
        const opened = await ask(link!)
        expect(opened.status).toBe(200)
        const field = opened.headers.get('set-cookie')
        expect(field).toMatch(/^tcpfingerprint-live-[0-9a-f]{8}=[0-9a-f]{64}; HttpOnly; SameSite=Strict$/)
        await opened.text()
        expect((await ask(link!)).status).toBe(403)
        const page = link!.slice(0, link!.indexOf('&'))
        expect((await ask(page, field!.split(';')[0])).status).toBe(200)
        expect((await ask(page)).status).toBe(403)
        await until('the next link', () => links(view).length > 1, 2000)
        // Access log lines hold the path alone, so that these two are links of the server.
        expect(new Set(links(view)).size).toBe(2)
        expect((await ask(links(view)[1]!)).status).toBe(200)
      }
    },
    30_000,
  )
}
