/**
 * Starts a real Apache 2.4 on loopback with a generated configuration in a directory of its own, for comparison.
 * @module
 */

import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { freePort } from '../support/free-port.ts'
import { temporaryDirectory } from '../support/temporary.ts'
import { until } from '../support/wait.ts'

const PROGRAM = '/usr/sbin/apache2'
const MODULES = '/usr/lib/apache2/modules'

/** A running Apache. */
export interface Apache {
  readonly port: number
  /** Its server root; `logs/`, `htdocs/` and `cgi-bin/` are in it. */
  readonly root: string
  /** The lines of a log file so far. */
  log(name: string): string[]
  stop(): Promise<void>
}

/** The configuration without which nothing runs; `extra` follows it. */
function configuration(root: string, port: number, modules: readonly string[], extra: string): string {
  const all = ['mpm_event', 'authz_core', 'authz_host', 'mime', 'dir', 'alias', 'cgid', 'env', ...modules]
  return `
ServerRoot "${root}"
PidFile "${root}/apache.pid"
Listen 127.0.0.1:${port}
ServerName example.org:${port}
${all.map((name) => `LoadModule ${name}_module ${MODULES}/mod_${name}.so`).join('\n')}
TypesConfig /dev/null
AddType text/html .html
AddType text/plain .txt
StartServers 1
ServerLimit 1
ThreadsPerChild 16
MaxRequestWorkers 16
ScriptSock "${root}/cgid"
${process.getuid?.() === 0 ? 'User www-data\nGroup www-data' : ''}
ErrorLog "${root}/logs/error.log"
LogLevel warn
DocumentRoot "${root}/htdocs"
KeepAliveTimeout 5
<Directory "${root}">
  Require all granted
</Directory>
${extra}
`
}

/**
 * Starts Apache and waits until it accepts connections.
 *
 * @param extra - configuration text; `@ROOT@` stands for the server root
 * @param files - files to write below the root first, with their mode
 */
export async function startApache(options: {
  modules?: readonly string[]
  extra: string
  files?: Readonly<Record<string, { text: string; mode?: number }>>
}): Promise<Apache> {
  const { path: root, remove } = temporaryDirectory()
  const port = freePort()
  const { mkdirSync, chmodSync } = await import('node:fs')
  chmodSync(root, 0o755)
  for (const name of ['logs', 'htdocs', 'cgi-bin']) mkdirSync(join(root, name))
  for (const [name, file] of Object.entries(options.files ?? {})) {
    writeFileSync(join(root, name), file.text)
    chmodSync(join(root, name), file.mode ?? 0o644)
  }
  const config = join(root, 'apache.conf')
  writeFileSync(config, configuration(root, port, options.modules ?? [], options.extra.replaceAll('@ROOT@', root)))
  const child = Bun.spawn([PROGRAM, '-D', 'FOREGROUND', '-f', config], {
    env: { PATH: '/usr/bin:/bin', LANG: 'C', TZ: process.env.TZ ?? 'UTC' },
    stdin: 'ignore',
    stdout: 'ignore',
    stderr: 'pipe',
  })
  const stop = async (): Promise<void> => {
    if (child.exitCode === null) {
      child.kill('SIGTERM')
      await Promise.race([child.exited, Bun.sleep(5_000)])
      if (child.exitCode === null) child.kill('SIGKILL')
      await child.exited
    }
    remove()
  }
  const up = async (): Promise<boolean> => {
    if (child.exitCode !== null) throw new Error(`Apache ended: ${await new Response(child.stderr).text()}`)
    return existsSync(join(root, 'apache.pid')) && (await accepts(port))
  }
  try {
    await until('Apache to accept connections', up, 10_000)
  } catch (error) {
    await stop()
    throw error
  }
  return {
    port,
    root,
    log(name) {
      const path = join(root, 'logs', name)
      return existsSync(path) ? readFileSync(path, 'latin1').split('\n').slice(0, -1) : []
    },
    stop,
  }
}

async function accepts(port: number): Promise<boolean> {
  try {
    const socket = await Bun.connect({ hostname: '127.0.0.1', port, socket: { data() {}, error() {} } })
    socket.end()
    return true
  } catch {
    return false
  }
}
