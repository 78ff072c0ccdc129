/**
 * nginx and HAProxy on loopback, each with a configuration in a directory of its own.
 * @module
 */

import { chmodSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { program } from '../lab/privilege.ts'
import { freePort, listensOn } from '../support/free-port.ts'
import { temporaryDirectory } from '../support/temporary.ts'
import { endOf, until } from '../support/wait.ts'

/** A running proxy. */
export interface RunningProxy {
  readonly port: number
  stop(): Promise<void>
}

async function start(
  name: 'nginx' | 'haproxy',
  configuration: (root: string, port: number) => string,
  argv: (file: string, root: string) => string[],
): Promise<RunningProxy> {
  // Another process may take the port in between: then this one ends, and another port is tried.
  for (let left = 4; ; left -= 1) {
    const started = await startOn(freePort(), name, configuration, argv)
    if (typeof started !== 'string') return started
    if (left === 0) throw new Error(`Cannot start ${name}: ${started}`)
  }
}

/** Running, or what it said when it ended. */
async function startOn(
  port: number,
  name: 'nginx' | 'haproxy',
  configuration: (root: string, port: number) => string,
  argv: (file: string, root: string) => string[],
): Promise<RunningProxy | string> {
  const { path: root, remove } = temporaryDirectory()
  chmodSync(root, 0o755)
  const file = join(root, `${name}.conf`)
  writeFileSync(file, configuration(root, port))
  const child = Bun.spawn([program(name), ...argv(file, root)], { stdin: 'ignore', stdout: 'ignore', stderr: 'pipe' })
  const stop = async (): Promise<void> => {
    await endOf(child)
    remove()
  }
  const isUp = await until(`${name} to listen`, () => child.exitCode !== null || listensOn(child.pid, port)).catch(
    () => false,
  )
  if (isUp && child.exitCode === null) return { port, stop }
  const said = child.exitCode === null ? 'it does not listen' : await new Response(child.stderr).text()
  await stop()
  return said
}

/** The beginning of a configuration of nginx, up to within `http {`: one process, and no file outside of `root`. */
export function nginxHead(root: string): string {
  return `daemon off;
master_process off;
pid ${root}/nginx.pid;
error_log ${root}/error.log;
events { worker_connections 4096; }
http {
  access_log off;
  client_body_temp_path ${root}/body; proxy_temp_path ${root}/proxy; fastcgi_temp_path ${root}/fastcgi;
  uwsgi_temp_path ${root}/uwsgi; scgi_temp_path ${root}/scgi;`
}

/** The beginning of a configuration of HAProxy: connections to the application are shared by all clients. */
export const HAPROXY_HEAD: string = `global
  maxconn 4096
defaults
  mode http
  timeout connect 5s
  timeout client 30s
  timeout server 30s
  http-reuse always`

/** nginx before `upstream` with four pooled connections; `headers` are `proxy_set_header` lines. */
export function startNginx(upstream: number, headers: string): Promise<RunningProxy> {
  return start(
    'nginx',
    (root, port) => `
${nginxHead(root)}
  upstream inner { server 127.0.0.1:${upstream}; keepalive 4; }
  server {
    listen 127.0.0.1:${port} backlog=4096;
    keepalive_requests 100000;
    location / {
      proxy_pass http://inner;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      ${headers}
    }
  }
}
`,
    (file, root) => ['-p', root, '-c', file],
  )
}

/** HAProxy before `upstream`, upstream connections shared by all clients; `rules` are lines of the frontend. */
export function startHaproxy(upstream: number, rules: string, bind: string = ''): Promise<RunningProxy> {
  return start(
    'haproxy',
    (_, port) => `
${HAPROXY_HEAD}
frontend edge
  bind 127.0.0.1:${port} ${bind}
  ${rules.trim().split('\n').join('\n  ')}
  default_backend inner
backend inner
  server inner 127.0.0.1:${upstream} pool-max-conn 4
`,
    (file) => ['-db', '-q', '-f', file],
  )
}
