import { expect } from 'bun:test'
import { needs, program } from '../lab/privilege.ts'
import { connectKernel } from '../lab/raw-client.ts'
import { type Runtime, runtimePath, startServer } from '../lab/server.ts'
import { residentMemory } from '../support/memory.ts'

const SCRIPTS = { bun: 'test/lab/json-server.ts', deno: 'test/runtime/servers/deno-json.ts' } as const
const CONNECTIONS = 450

/** What the kernel refuses, and the reasons that requests then give; `undefined` where nothing is missing. */
const REFUSALS: readonly [call: string, errno: string, reasons: Record<Runtime, readonly (string | undefined)[]>][] = [
  // Bun itself asks for the peer with this call.
  ['getpeername', 'EPERM', { bun: ['no-connection'], deno: ['denied'] }],
  ['getpeername', 'EINTR', { bun: ['no-connection'], deno: ['unsupported'] }],
  ['getsockopt:2=57', 'ENOPROTOOPT', { bun: ['unsupported'], deno: ['unsupported'] }],
  ['inotify_add_watch', 'ENOSPC', { bun: [undefined], deno: [undefined] }],
  // Deno itself does not start without it.
  ['poll', 'EPERM', { bun: [undefined], deno: [] }],
]

for (const runtime of ['bun', 'deno'] as const) {
  for (const [call, errno, reasons] of REFUSALS) {
    if (reasons[runtime].length === 0) continue
    needs('linux', 'python3').test(
      `${runtime}: ${call} refused with ${errno}: every request is answered, with the reason`,
      async () => {
        await using server = await startServer(
          undefined,
          SCRIPTS[runtime],
          { HOSTNAME_TO_BIND: '0.0.0.0' },
          {
            program: program('python3'),
            runtimeArguments: [
              'test/lab/seccomp.py',
              call,
              errno,
              runtimePath(runtime),
              ...(runtime === 'deno' ? ['run', '-A', '--no-lock'] : []),
            ],
          },
        )
        const destination = { address: '127.0.0.1', port: server.port }
        const found = new Set<string | undefined>()
        const ask = async (count: number): Promise<void> => {
          for (let left = count; left > 0; left--) {
            const client = await connectKernel({ destination })
            const answer = await client.request('GET /json HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n')
            expect(answer.status).toBe(200)
            found.add(answer.json<{ reason?: string }>().reason)
            client.close()
          }
        }
        await ask(CONNECTIONS / 3)
        const before = residentMemory(server.pid)
        await ask((CONNECTIONS * 2) / 3)
        expect([...found].filter((reason) => !reasons[runtime].includes(reason))).toEqual([])
        expect(residentMemory(server.pid) - before).toBeLessThan(60)
      },
    )
  }
}
