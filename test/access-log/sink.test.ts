import { describe, expect, test } from 'bun:test'
import { existsSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { accessLog } from '../../src/access-log/hono.ts'
import { directory, undoAfterEach } from './logged.ts'

const undo = undoAfterEach()

describe('accessLog writes to a file', () => {
  const BUN = process.execPath
  const script = (file: string, body: string): string => `
    import { Hono } from 'hono'
    import { accessLog } from ${JSON.stringify(join(import.meta.dir, '../../src/access-log/hono.ts'))}
    const log = accessLog({ format: process.env.FORMAT ?? '%{N}i', write: { file: ${JSON.stringify(file)} } })
    const app = new Hono().use(log).get('/', (c) => c.text('ok'))
    const one = (n) => app.request('/', { headers: { N: String(n) } })
    ${body}
  `
  const run = (file: string, body: string, env: Record<string, string> = {}) => {
    const path = join(import.meta.dir, `.access-log-${crypto.randomUUID()}.ts`)
    writeFileSync(path, script(file, body))
    undo.push(() => rmSync(path, { force: true }))
    const child = Bun.spawn([BUN, path], {
      env: { PATH: process.env.PATH ?? '', ...env },
      stdout: 'pipe',
      stderr: 'pipe',
    })
    undo.push(() => child.kill('SIGKILL'))
    return child
  }
  const read = (file: string): string[] => (existsSync(file) ? readFileSync(file, 'utf8').split('\n') : [''])

  test('whole lines of several processes, none lost or torn', async () => {
    const file = join(directory(), 'log')
    const long = 'x'.repeat(3000)
    const children = [0, 1, 2, 3].map((id) =>
      run(
        file,
        `for (let i = 0; i < 2000; i += 1) { await one('${id}-' + i + '-${long}'); if (i % 100 === 0) await Bun.sleep(1) }`,
      ),
    )
    for (const child of children) expect(await child.exited).toBe(0)
    const lines = read(file)
    expect(lines.pop()).toBe('')
    const expected = new Set([0, 1, 2, 3].flatMap((id) => Array.from({ length: 2000 }, (_, i) => `${id}-${i}-${long}`)))
    expect(lines.length).toBe(8000)
    expect(new Set(lines)).toEqual(expected)
  })

  test('opens the path again on SIGHUP, and goes on serving', async () => {
    const file = join(directory(), 'log')
    const child = run(
      file,
      `
      await one('before'); log.flush(); console.log('ready')
      process.on('SIGHUP', () => setTimeout(async () => { await one('after'); log.flush(); console.log('done') }, 20))
      setInterval(() => {}, 1000)
    `,
    )
    const out = child.stdout.getReader()
    await out.read()
    renameSync(file, `${file}.1`)
    child.kill('SIGHUP')
    await out.read()
    expect(read(`${file}.1`)).toEqual(['before', ''])
    expect(read(file)).toEqual(['after', ''])
    child.kill('SIGKILL')
    await child.exited
  })

  for (const [how, body, code] of [
    ['the end of the program', '', 0],
    ['process.exit', 'process.exit(3)', 3],
    ['an uncaught error', "setTimeout(() => { throw new Error('planned') }, 0)", 1],
    ['SIGTERM', "process.kill(process.pid, 'SIGTERM'); setInterval(() => {}, 1000)", 143],
    ['SIGINT', "process.kill(process.pid, 'SIGINT'); setInterval(() => {}, 1000)", 130],
    [
      'SIGTERM that the program handles',
      "process.on('SIGTERM', async () => { await one(2); process.exit(7) }); process.kill(process.pid, 'SIGTERM'); setInterval(() => {}, 1000)",
      7,
    ],
  ] as const) {
    test(`loses nothing at ${how}`, async () => {
      const file = join(directory(), 'log')
      const child = run(file, `await one(1)\n${body}`)
      const exit = await child.exited
      expect(child.signalCode === null ? exit : 128 + { SIGTERM: 15, SIGINT: 2 }[child.signalCode as 'SIGTERM']!).toBe(
        code,
      )
      expect(read(file)).toEqual(how.includes('handles') ? ['1', '2', ''] : ['1', ''])
    })
  }

  test('to standard output by default, in order with whatever else is printed at the end', async () => {
    const path = join(import.meta.dir, `.access-log-${crypto.randomUUID()}.ts`)
    writeFileSync(path, script('unused', '').replace(/write: \{[^}]*\}/, ''))
    undo.push(() => rmSync(path, { force: true }))
    writeFileSync(path, `${readFileSync(path, 'utf8')}\nfor (let i = 0; i < 5000; i += 1) await one('line ' + i)\n`)
    const child = Bun.spawn([BUN, path], { stdout: 'pipe', stderr: 'inherit' })
    expect(await new Response(child.stdout).text()).toBe(Array.from({ length: 5000 }, (_, i) => `line ${i}\n`).join(''))
    expect(await child.exited).toBe(0)
  })

  test.each(['process.exit()', "process.kill(process.pid, 'SIGTERM'); setInterval(() => {}, 1000)"])(
    'a full pipe is waited for at %s',
    async (end) => {
      const path = join(import.meta.dir, `.access-log-${crypto.randomUUID()}.ts`)
      writeFileSync(path, script('unused', '').replace(/write: \{[^}]*\}/, ''))
      undo.push(() => rmSync(path, { force: true }))
      const lines = `for (let i = 0; i < 300; i += 1) await one('x'.repeat(1000))\nawait Bun.sleep(30)\n${end}\n`
      writeFileSync(path, `${readFileSync(path, 'utf8')}\n${lines}`)
      const child = Bun.spawn(['sh', '-c', `'${BUN}' '${path}' | (sleep 0.4; wc -l)`], { stdout: 'pipe' })
      expect((await new Response(child.stdout).text()).trim()).toBe('300')
    },
  )

  test('a file that cannot be opened is told once; requests go on', async () => {
    const file = join(directory(), 'no', 'such', 'log')
    const child = run(
      file,
      'for (let i = 0; i < 100; i += 1) if ((await one(i)).status !== 200) process.exit(9); await Bun.sleep(30)',
    )
    expect(await child.exited).toBe(0)
    expect((await new Response(child.stderr).text()).match(/ENOENT/g)).toHaveLength(1)
  })

  test('a full disk is told once; requests go on', async () => {
    const child = run(
      '/dev/full',
      'for (let i = 0; i < 100; i += 1) { if ((await one(i)).status !== 200) process.exit(9); if (i === 50) await Bun.sleep(30) }',
    )
    expect(await child.exited).toBe(0)
    expect((await new Response(child.stderr).text()).match(/ENOSPC/g)).toHaveLength(1)
  })

  test('a standard output that nobody reads does not stop the server', async () => {
    const path = join(import.meta.dir, `.access-log-${crypto.randomUUID()}.ts`)
    writeFileSync(
      path,
      script(
        'unused',
        "const text = 'x'.repeat(1000); for (let i = 0; i < 3000; i += 1) { await one(text); if (i % 100 === 0) await Bun.sleep(1) }; console.error('served'); process.kill(process.pid, 'SIGKILL')",
      ).replace(/write: \{[^}]*\}/, ''),
    )
    undo.push(() => rmSync(path, { force: true }))
    const child = Bun.spawn(['sh', '-c', `"${BUN}" "${path}" | sleep 20`], {
      stdin: 'ignore',
      stdout: 'ignore',
      stderr: 'pipe',
      detached: true,
    })
    undo.push(() => process.kill(-child.pid, 'SIGKILL'))
    const { value } = await child.stderr.getReader().read()
    expect(new TextDecoder().decode(value)).toContain('served')
  })

  test('close takes the signal listeners back', () => {
    const count = (): number =>
      ['SIGHUP', 'SIGTERM', 'SIGINT', 'exit'].reduce((sum, name) => sum + process.listenerCount(name), 0)
    const before = count()
    const log = accessLog({ write: { file: join(directory(), 'log') } })
    expect(count()).toBeGreaterThan(before)
    log.close()
    expect(count()).toBe(before)
  })
})
