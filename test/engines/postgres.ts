/**
 * Postgres for tests: a cluster of their own in a temporary directory, run as user `postgres` (it refuses root).
 * @module
 */

import { chownSync, existsSync, readdirSync, readFileSync } from 'node:fs'
import type { OwnNeed } from '../lab/privilege.ts'
import { freePort } from '../support/free-port.ts'
import { temporaryDirectory } from '../support/temporary.ts'
import { type Program, startProgram } from './program.ts'

const VERSIONS = '/usr/lib/postgresql'

/** Where Debian has the programs of the newest version. */
function programs(): string | undefined {
  if (!existsSync(VERSIONS)) return undefined
  const version = readdirSync(VERSIONS).sort((a, b) => Number(b) - Number(a))[0]
  return version === undefined ? undefined : `${VERSIONS}/${version}/bin`
}

/** User and group of `postgres` in /etc/passwd. */
function owner(): readonly [number, number] | undefined {
  const line = /^postgres:[^:]*:(\d+):(\d+):/m.exec(readFileSync('/etc/passwd', 'utf8'))
  return line === null ? undefined : [Number(line[1]), Number(line[2])]
}

/** Debian's package, and the right to run it as another user. */
export const POSTGRES: OwnNeed = {
  reason:
    programs() === undefined || owner() === undefined
      ? '"postgres" is not installed (Debian package postgresql)'
      : process.getuid?.() === 0
        ? undefined
        : 'Postgres in a directory of the test needs root, to run as user postgres',
}

/** A running cluster. */
export interface PostgresServer {
  /** For `openStore`, and for clients. */
  readonly url: string
  /** Ends the server; the data stays. */
  down(): Promise<void>
  /** Starts it again, at the same address. */
  up(): Promise<void>
  stop(): Promise<void>
}

/** Makes a cluster and starts it. */
export async function startPostgres(): Promise<PostgresServer> {
  const directory = temporaryDirectory()
  chownSync(directory.path, ...owner()!)
  const bin = programs()!
  const data = directory.file('data')
  const asPostgres = ['setpriv', '--reuid=postgres', '--regid=postgres', '--clear-groups']
  const made = Bun.spawnSync([...asPostgres, `${bin}/initdb`, '-D', data, '-A', 'trust', '-N', '--no-instructions'], {
    cwd: '/',
  })
  if (made.exitCode !== 0) throw new Error(`Cannot make a cluster: ${made.stderr}`)
  const port = freePort()
  const argv = [
    ...asPostgres,
    `${bin}/postgres`,
    '-D',
    data,
    '-p',
    String(port),
    '-k',
    directory.path,
    '-h',
    '127.0.0.1',
  ]
  let server: Program | undefined
  const up = async (): Promise<void> => {
    server = await startProgram([...argv, '-F'], /ready to accept connections/)
  }
  const down = async (): Promise<void> => {
    // SIGINT: connections are closed, as an administrator would.
    await server?.stop('SIGINT')
    server = undefined
  }
  await up()
  return {
    url: `postgres://postgres@127.0.0.1:${port}/postgres`,
    up,
    down,
    stop: async () => {
      await down()
      directory.remove()
    },
  }
}
