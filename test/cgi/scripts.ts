/**
 * A directory of CGI scripts for a test.
 * @module
 */
import { chmodSync, mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** What a script of plain text begins with. */
export const OK = "printf 'Content-Type: text/plain\\n\\n'"

/** Where scripts are, and what else a test puts beside them. */
export interface ScriptDirectory {
  /** For everything else. */
  readonly base: string
  /** For scripts. */
  readonly root: string
  /** Writes a shell script. */
  script(name: string, commands: string): void
  remove(): void
}

/** A directory of its own below the system's temporary one. */
export function scriptDirectory(): ScriptDirectory {
  const base = realpathSync(mkdtempSync(join(tmpdir(), 'tcpfingerprint-cgi-')))
  const root = join(base, 'cgi-bin')
  mkdirSync(root)
  return {
    base,
    root,
    script(name, commands) {
      writeFileSync(join(root, name), `#!/bin/sh\n${commands}\n`)
      chmodSync(join(root, name), 0o755)
    },
    remove: () => rmSync(base, { recursive: true, force: true }),
  }
}
