import { expect } from 'bun:test'
import { cutAtSignal, PID_NAMESPACE, startProcess } from '../lab/in-flight.ts'
import { needs } from '../lab/privilege.ts'
import { RUNTIMES } from '../lab/runtimes.ts'
import { commandOf, type Runtime } from '../lab/server.ts'
import { SYN } from '../support/samples.ts'
import { until } from '../support/wait.ts'

const READY = /curl \S*:(\d+)\/\n/
const IN_FLIGHT = { connections: 1000, known: '/env', path: '/?decode', body: `dump=${SYN}` }

const serve = (runtime: Runtime): string[] => [...commandOf(runtime), 'serve', '--port', '0']

for (const runtime of RUNTIMES) {
  for (const [signal, isFirst] of [
    ['SIGTERM', false],
    ['SIGINT', false],
    ['SIGTERM', true],
  ] as const) {
    const as = isFirst ? ' as process 1' : ''
    needs('linux', ...(isFirst ? [PID_NAMESPACE] : [])).test(
      `serve on ${runtime}${as} answers what is in flight at ${signal}, writes its log and ends with 0`,
      async () => {
        await using server = await startProcess(serve(runtime), { isFirst, ready: READY })
        expect(await cutAtSignal(server, signal, IN_FLIGHT)).toBe(0)
        expect(await server.exited).toBe(0)
        const lines = (): number => server.output().split('"POST /?decode HTTP/1.1" 200 ').length - 1
        await until('the log', () => lines() === IN_FLIGHT.connections, 2000)
      },
      60_000,
    )
  }
}

for (const runtime of RUNTIMES) {
  needs('linux').test(
    `serve on ${runtime} ends live streams at SIGTERM`,
    async () => {
      await using server = await startProcess([...serve(runtime), '--live'], { isFirst: false, ready: READY })
      const token = await until('the link', () => /token=(\w+)/.exec(server.output())?.[1])
      const headers = { accept: 'text/event-stream' }
      const stream = await fetch(`http://127.0.0.1:${server.port}/?live&token=${token}`, { headers })
      expect(stream.headers.get('content-type')).toBe('text/event-stream')
      process.kill(server.pid, 'SIGTERM')
      await stream.text().catch(() => {})
      expect(await server.exited).toBe(0)
      // The test's own limit is below the ten seconds.
    },
    9_000,
  )
}

needs('linux').test('npm start passes SIGTERM on to the server', async () => {
  const argv = ['npm', '--silent', 'start', '--', '--port', '0']
  await using npm = await startProcess(argv, { isFirst: false, ready: READY })
  process.kill(npm.pid, 'SIGTERM')
  await npm.exited
  await until('the port to be free', () =>
    fetch(`http://127.0.0.1:${npm.port}/healthz`).then(
      () => false,
      () => true,
    ),
  )
})
