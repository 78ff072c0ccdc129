/**
 * nginx, HAProxy, Apache and Caddy, as Debian packages them, in a network namespace: plain, TLS and HTTP/2 towards clients, pooled
 * connections to the application, the client's address and port in headers.
 * @module
 */
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Netns, NetnsProcess } from '../lab/netns.ts'
import { program } from '../lab/privilege.ts'
import { ROOT } from '../lab/server.ts'
import { TEST_CERTIFICATE } from '../support/certificate.ts'
import { temporaryDirectory } from '../support/temporary.ts'
import { endOf, until } from '../support/wait.ts'
import { HAPROXY_HEAD, nginxHead } from './proxies.ts'

/** The proxies. */
export type ProxyName = 'nginx' | 'haproxy' | 'apache2' | 'caddy'
export const PROXIES: readonly ProxyName[] = ['nginx', 'haproxy', 'apache2', 'caddy']

/** Ports that each proxy listens on, on all addresses. */
export const EDGE_PORTS = { plain: 8080, tls: 8443 } as const

/** A running proxy. */
export interface EdgeProxy {
  readonly pid: number
  stop(): Promise<void>
}

const README = readFileSync(join(ROOT, 'test/examples/README.md'), 'utf8')

/** The lines that the recipe tells users to write. */
function recipe(language: string): string {
  const section = README.slice(README.indexOf('## Behind a proxy on the same machine'))
  const [, lines] = new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\``, 'ms').exec(section) ?? []
  if (lines === undefined) throw new Error(`the recipe has no block in ${language}`)
  return lines.trim()
}

const CONFIGURATION: Readonly<Record<ProxyName, (root: string, upstream: number) => string>> = {
  nginx: (root, upstream) => `
${nginxHead(root)}
  upstream inner { server 127.0.0.1:${upstream}; keepalive 64; }
  server {
    listen 0.0.0.0:8080 backlog=4096; listen [::]:8080 backlog=4096;
    listen 0.0.0.0:8443 ssl http2 backlog=4096; listen [::]:8443 ssl http2 backlog=4096;
    ssl_certificate ${root}/cert.pem; ssl_certificate_key ${root}/key.pem;
    keepalive_requests 100000;
    location / {
      proxy_pass http://inner;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      ${recipe('nginx')}
    }
  }
}
`,
  haproxy: (root, upstream) => `
${HAPROXY_HEAD}
frontend edge
  bind 0.0.0.0:8080
  bind :::8080 v6only
  bind 0.0.0.0:8443 ssl crt ${root}/both.pem alpn h2,http/1.1
  bind :::8443 v6only ssl crt ${root}/both.pem alpn h2,http/1.1
  ${recipe('haproxy')}
  default_backend inner
backend inner
  server inner 127.0.0.1:${upstream} pool-max-conn 64
`,
  apache2: (root, upstream) => `
ServerRoot "${root}"
PidFile "${root}/apache.pid"
Listen 8080
Listen 8443
ServerName example.org
${['mpm_event', 'authz_core', 'proxy', 'proxy_http', 'headers', 'ssl', 'http2', 'socache_shmcb']
  .map((name) => `LoadModule ${name}_module /usr/lib/apache2/modules/mod_${name}.so`)
  .join('\n')}
StartServers 2
ServerLimit 2
ThreadsPerChild 32
MaxRequestWorkers 64
${process.getuid?.() === 0 ? 'User www-data\nGroup www-data' : ''}
ErrorLog "${root}/error.log"
KeepAliveTimeout 20
MaxKeepAliveRequests 0
${recipe('apache')}
ProxyPass "/" "http://127.0.0.1:${upstream}/"
<VirtualHost *:8080>
</VirtualHost>
<VirtualHost *:8443>
  SSLEngine on
  SSLCertificateFile ${root}/cert.pem
  SSLCertificateKeyFile ${root}/key.pem
  Protocols h2 http/1.1
</VirtualHost>
`,
  caddy: (root, upstream) => `
{
  admin off
  auto_https off
  log {
    output file ${root}/caddy.log
    level ERROR
  }
}
(inner) {
  reverse_proxy 127.0.0.1:${upstream} {
    ${recipe('caddyfile')}
  }
}
http://:8080 {
  import inner
}
https://:8443 {
  tls ${root}/cert.pem ${root}/key.pem
  import inner
}
`,
}

const ARGUMENTS: Readonly<Record<ProxyName, (file: string, root: string) => readonly string[]>> = {
  nginx: (file, root) => ['-p', root, '-c', file],
  haproxy: (file) => ['-db', '-q', '-f', file],
  apache2: (file) => ['-f', file, '-DFOREGROUND'],
  caddy: (file) => ['run', '--adapter', 'caddyfile', '--config', file],
}

/** Starts a proxy in the namespace, in front of an application on 127.0.0.1. */
export async function startEdge(ns: Netns, name: ProxyName, upstream: number): Promise<EdgeProxy> {
  const { path: root, remove } = temporaryDirectory()
  chmodSync(root, 0o755)
  mkdirSync(join(root, 'home'))
  writeFileSync(join(root, 'cert.pem'), TEST_CERTIFICATE.cert)
  writeFileSync(join(root, 'key.pem'), TEST_CERTIFICATE.key)
  writeFileSync(join(root, 'both.pem'), `${TEST_CERTIFICATE.cert}\n${TEST_CERTIFICATE.key}`)
  const file = join(root, 'proxy.conf')
  writeFileSync(file, CONFIGURATION[name](root, upstream))
  const child: NetnsProcess = ns.spawn([program(name), ...ARGUMENTS[name](file, root)], {
    HOME: join(root, 'home'),
    XDG_DATA_HOME: join(root, 'home'),
    XDG_CONFIG_HOME: join(root, 'home'),
  })
  const stop = async (): Promise<void> => {
    await endOf(child)
    remove()
  }
  const listens = (): boolean =>
    [EDGE_PORTS.plain, EDGE_PORTS.tls].every((port) =>
      ns.exec(['ss', '-Hltn', `sport = :${port}`]).stdout.includes(`:${port}`),
    )
  try {
    await until(`${name} to listen`, () => child.exitCode !== null || listens())
    if (child.exitCode !== null) throw new Error(`Cannot start ${name}: ${await new Response(child.stderr).text()}`)
  } catch (error) {
    await stop()
    throw error
  }
  return { pid: child.pid, stop }
}
