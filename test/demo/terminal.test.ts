import { expect } from 'bun:test'
import { Agent, get } from 'node:http'
import { needs, program } from '../lab/privilege.ts'
import { RUNTIMES } from '../lab/runtimes.ts'
import { commandOf } from '../lab/server.ts'
import { until } from '../support/wait.ts'

/** Lines of connections: time, client, round trip, label, request. */
const LINE = /^\d\d:\d\d:\d\d {2}(\S+) +(\d+(?:\.\d+)? (?:µs|ms)) {2}(Linux [^\n]*?) {2}(GET \S+)$/gm

/** Asks for paths one after the other over one connection. */
async function ask(port: string, paths: readonly string[]): Promise<void> {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  for (const path of paths) {
    await new Promise<void>((resolve, reject) => {
      get({ agent, host: '127.0.0.1', port, path }, (answer) => answer.resume().once('end', () => resolve())).once(
        'error',
        reject,
      )
    })
  }
  agent.destroy()
}

for (const runtime of RUNTIMES) {
  needs('linux', 'script').test(
    `serve on ${runtime} in a terminal prints a line for each connection, and ends at Ctrl-C`,
    async () => {
      const argv = [...commandOf(runtime), 'serve', '--port', '0']
      // A pseudo-terminal, as wide as any line.
      const command = `stty columns 200; exec ${argv.join(' ')}`
      const child = Bun.spawn([program('script'), '--quiet', '--return', '--command', command, '/dev/null'], {
        env: { ...process.env, NO_COLOR: '1', SHELL: '/bin/sh' },
        stdin: 'pipe',
        stdout: 'pipe',
        stderr: 'inherit',
      })
      let output = ''
      const reading = (async () => {
        const decoder = new TextDecoder()
        for await (const chunk of child.stdout)
          output += decoder.decode(chunk, { stream: true }).replaceAll('\r\n', '\n')
      })()
      try {
        const port = await until('the server', () => /curl \S*:(\d+)\/\n/.exec(output)?.[1], 20_000)
        const lines = (): string[][] => [...output.matchAll(LINE)].map(([, ...parts]) => parts)
        // The listener is armed a moment after it listens.
        await until('a label', async () => {
          await ask(port, ['/healthz', '/armed'])
          return lines().length > 0
        })
        await ask(port, ['/first', '/second', '/third'])
        await ask(port, ['/other'])
        await until('the last line', () => output.includes('GET /other'))
        const seen = lines().filter(([, , , request]) => request !== 'GET /armed')
        expect(seen.map(([, , , request]) => request)).toEqual(['GET /first', 'GET /other'])
        for (const [client, , label] of seen) {
          expect(client).toStartWith('127.0.0.1:')
          expect(label).toContain('4.20 or newer')
        }
        expect(new Set(seen.map(([client]) => client)).size).toBe(2)
        child.stdin.write('\x03')
        await child.stdin.flush()
        expect(await child.exited).toBe(0)
      } finally {
        child.kill()
        await child.exited
        await reading
      }
      expect(output).not.toContain('HTTP/1.1"')
    },
    40_000,
  )
}
