/**
 * Runs the command as users do: as a child process.
 * @module
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const ROOT = join(import.meta.dir, '../..')
const CLI = join(ROOT, 'src/cli.ts')

/** What a run left. */
export interface Outcome {
  readonly code: number | null
  readonly out: string
  readonly err: string
}

/** How to start the command. */
export interface Runtime {
  readonly name: string
  readonly argv: readonly string[]
}

/** The Bun that runs the tests. */
export const BUN: Runtime = { name: 'Bun', argv: [process.execPath, CLI] }
/** The pinned Deno, with the one permission that files need. */
export const DENO: Runtime = {
  name: 'Deno',
  argv: [join(ROOT, 'node_modules/.bin/deno'), 'run', '--no-prompt', '--allow-read', CLI],
}

/** An environment without variables that change what is printed. */
function environment(extra: Readonly<Record<string, string>>): Record<string, string> {
  const { PATH, HOME, TMPDIR } = process.env
  return { PATH: PATH ?? '', HOME: HOME ?? '/', DENO_NO_UPDATE_CHECK: '1', ...(TMPDIR ? { TMPDIR } : {}), ...extra }
}

/** Runs the command to its end. A crash shows as a stack trace in `err`, which no caller may accept. */
export function tcpfingerprint(
  args: readonly string[],
  {
    input = '',
    runtime = BUN,
    env = {},
  }: { input?: string | Uint8Array; runtime?: Runtime; env?: Record<string, string> } = {},
): Outcome {
  const child = Bun.spawnSync([...runtime.argv, ...args], {
    stdin: typeof input === 'string' ? new TextEncoder().encode(input) : input,
    env: environment(env),
    timeout: 30_000,
  })
  const err = child.stderr.toString()
  if (/^\s+at .+:\d+/m.test(err)) throw new Error(`The command left a stack trace:\n${err}`)
  return { code: child.exitCode, out: child.stdout.toString(), err }
}

/** The lines of an output that ends with a line end. */
export function lines(text: string): string[] {
  const all = text.split('\n')
  if (all.pop() !== '') throw new Error(`No line end at the end: ${JSON.stringify(text.slice(-80))}`)
  return all
}

/** The records of `--json`. */
export function records(text: string): any[] {
  return lines(text).map((line) => JSON.parse(line))
}

/** Calls `use` with a directory that holds these files, and removes it. */
export async function withFiles<T>(
  files: Readonly<Record<string, string | Uint8Array>>,
  use: (directory: string) => T | Promise<T>,
): Promise<T> {
  const directory = mkdtempSync(join(tmpdir(), 'tcpfingerprint-test-'))
  try {
    for (const [name, content] of Object.entries(files)) writeFileSync(join(directory, name), content)
    return await use(directory)
  } finally {
    rmSync(directory, { recursive: true })
  }
}
