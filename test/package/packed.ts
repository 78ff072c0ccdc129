/**
 * The package as users get it: `npm pack` of the checkout, installed into empty projects. Nothing comes from a registry:
 * what it depends on is the checkout's own.
 * @module
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import manifest from '../../package.json' with { type: 'json' }
import { ROOT } from '../lab/server.ts'

/** What a command gave. */
export interface Result {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

/** Runs a command and waits for it. */
export async function run(
  argv: readonly string[],
  cwd: string,
  env: Readonly<Record<string, string>> = {},
  input: string = '',
): Promise<Result> {
  const child = Bun.spawn([...argv], {
    cwd,
    env: { ...process.env, NO_COLOR: '1', ...env },
    stdin: new Blob([input]),
    stdout: 'pipe',
    stderr: 'pipe',
  })
  const [stdout, stderr, code] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ])
  return { code, stdout, stderr }
}

/** A packed tarball and a project it is installed in, in a directory of their own. */
export interface Packed {
  readonly directory: string
  readonly tarball: string
  /** Its files, without the leading `package/`. */
  readonly files: readonly string[]
  /** A project with the tarball installed, and these files in it. */
  project(name: string, files: Readonly<Record<string, string>>): Promise<string>
  remove(): void
}

/** Packs the checkout. @throws {Error} with what npm said */
export async function pack(): Promise<Packed> {
  const directory = mkdtempSync(join(tmpdir(), 'tcpfingerprint-pack-'))
  const must = async (argv: readonly string[], cwd: string): Promise<string> => {
    const { code, stdout, stderr } = await run(argv, cwd, { npm_config_update_notifier: 'false' })
    if (code === 0) return stdout
    throw new Error(`Cannot run "${argv.join(' ')}": ${stdout}${stderr}`)
  }
  try {
    await must(['npm', 'pack', '--silent', '--pack-destination', directory], ROOT)
    const tarball = join(directory, `tcpfingerprint-${manifest.version}.tgz`)
    const listed = await must(['tar', '-tzf', tarball], directory)
    return {
      directory,
      tarball,
      files: listed
        .trim()
        .split('\n')
        .map((file) => file.replace(/^package\//, '')),
      async project(name, files) {
        const root = join(directory, name)
        mkdirSync(root)
        writeFileSync(join(root, 'package.json'), JSON.stringify({ name, private: true, type: 'module' }))
        const hono = join(ROOT, 'node_modules/hono')
        await must(['npm', 'install', '--offline', '--install-links', '--no-audit', '--no-fund', hono, tarball], root)
        for (const [path, text] of Object.entries(files)) {
          mkdirSync(dirname(join(root, path)), { recursive: true })
          writeFileSync(join(root, path), text)
        }
        return root
      },
      remove: () => rmSync(directory, { recursive: true, force: true }),
    }
  } catch (error) {
    rmSync(directory, { recursive: true, force: true })
    throw error
  }
}
