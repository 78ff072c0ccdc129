import { afterAll, expect, spyOn, test } from 'bun:test'
import { readdirSync, readlinkSync } from 'node:fs'
import { requestBody } from '../../src/cgi/body.ts'
import { createCgi } from '../../src/cgi/plain.ts'
import { Spool } from '../../src/cgi/spooled-body.ts'
import { fileSystem } from '../../src/runtime/files.ts'
import { needs } from '../lab/privilege.ts'
import { OK, scriptDirectory } from './scripts.ts'

const { root, script, remove } = scriptDirectory()
script('ok', OK)
script('loud', 'echo text >&2; echo no header')
afterAll(remove)

/** Spooled bodies that this process has open. */
function openSpools(): number {
  return readdirSync('/proc/self/fd').filter((fd) => {
    try {
      return /\/tcpfingerprint-[0-9a-f-]{36}/.test(readlinkSync(`/proc/self/fd/${fd}`))
    } catch {
      return false
    }
  }).length
}

/** A request whose body has no length, of 1 MiB. */
function chunked(path: string): Request {
  let left = 16
  const body = new ReadableStream<Uint8Array>({
    pull(controller) {
      if (left-- > 0) controller.enqueue(new Uint8Array(65_536))
      else controller.close()
    },
  })
  return new Request(`http://a${path}`, { method: 'POST', body })
}

needs('linux').test(
  'a callback that throws is a 500, whatever it throws, and leaves no spooled body open',
  async () => {
    const errors: string[] = []
    const thrown = [new Error('planned'), 'text', Object.create(null)]
    for (const value of thrown) {
      const fails = (): never => {
        throw value
      }
      for (const callback of [{ variables: fails }, { user: fails }]) {
        const run = createCgi({ root, ...callback, onError: ({ message }) => errors.push(message) })
        expect((await run(chunked('/ok'))).status).toBe(500)
        await run.close()
      }
    }
    expect(errors).toHaveLength(2 * thrown.length)
    expect(openSpools()).toBe(0)
  },
)

test('user and variables that answer with a promise are errors, and end no process', async () => {
  const late = (async () => {
    throw new Error('too late')
  }) as unknown as () => undefined
  for (const name of ['user', 'variables'] as const) {
    const errors: string[] = []
    const run = createCgi({ root, [name]: late, onError: (error) => void errors.push(error.message) })
    expect((await run(new Request('http://a/ok'))).status).toBe(500)
    await run.close()
    expect(errors).toEqual([`CGI script /ok was not run: ${name} must answer at once, not with a promise`])
  }
})

test('a promise of a listener that rejects ends no process', async () => {
  // The test runner fails where a rejection is not handled.
  let told = 0
  const rejects = async (): Promise<void> => {
    told++
    throw new Error('of the listener')
  }
  const run = createCgi({ root, onError: rejects, onStderr: rejects })
  expect((await run(new Request('http://a/loud'))).status).toBe(502)
  await run.close()
  await Bun.sleep(0)
  expect(told).toBe(2)
})

needs('linux').test('Spool leaves no file open where the disk is full when octets leave memory', async () => {
  const spool = new Spool()
  spool.append(new Uint8Array(200_000))
  const write = spyOn(fileSystem(), 'writeSync').mockImplementation(() => {
    throw Object.assign(new Error('ENOSPC'), { code: 'ENOSPC' })
  })
  try {
    expect(() => spool.append(new Uint8Array(200_000))).toThrow('ENOSPC')
    expect(openSpools()).toBe(1)
    spool.discard()
  } finally {
    write.mockRestore()
  }
  for (let waited = 0; openSpools() > 0 && waited < 2_000; waited += 10) await Bun.sleep(10)
  expect(openSpools()).toBe(0)
})

test('the wait for a body of gigabytes is no longer than a timer can wait', async () => {
  const pieces = new ReadableStream({ start: (controller) => controller.enqueue({ length: 2e9 }) })
  const request = { headers: new Headers({ 'content-length': '4000000000' }), body: pieces } as unknown as Request
  const body = await requestBody(request, undefined, { bodyTime: 1, chunkedSize: 0 })
  if (typeof body === 'number') throw new Error('planned to be there')
  const timers = spyOn(globalThis, 'setTimeout')
  const reader = body.stream!.getReader()
  await reader.read()
  const pending = reader.read()
  await Bun.sleep(30)
  body.discard()
  await pending
  const waits = timers.mock.calls.map(([, milliseconds]) => milliseconds as number)
  timers.mockRestore()
  expect(waits.filter((wait) => wait > 2_147_483_647)).toEqual([])
  expect(waits).toContain(2_147_483_647)
})
