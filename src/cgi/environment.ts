/**
 * The environment of a CGI script (RFC 3875 section 4.1), with the variables that Apache adds.
 * @module
 */
import { headerText } from '../http/header-text.ts'
import { httpVersion, requestTarget, targetQuery, urlAuthority } from '../http/request-target.ts'
import { addressAsHost, parseHost } from './server-name.ts'

/** Facts of a request that its headers do not tell. */
export interface CgiFacts {
  /** Decoded URL path that leads to the script. */
  readonly scriptName: string
  /** Decoded rest of the path; empty if there is none. */
  readonly pathInfo: string
  /** File that answers. */
  readonly scriptFilename?: string | undefined
  readonly documentRoot?: string | undefined
  readonly remoteAddress?: string | undefined
  readonly remotePort?: number | undefined
  readonly localAddress?: string | undefined
  readonly localPort?: number | undefined
  /** Canonical name and port. Default: those of the request. */
  readonly serverName?: string | undefined
  readonly serverPort?: number | undefined
  readonly serverSoftware?: string | undefined
  readonly protocol?: string | undefined
  /** The user whom the application has authenticated, and by which scheme. */
  readonly user?: string | undefined
  readonly authType?: string | undefined
  /** Octets of the body. */
  readonly contentLength?: number | undefined
}

/** Headers that have a variable of their own, must not be told, or describe a coding that has been undone. */
const NOT_PASSED: ReadonlySet<string> = new Set([
  'authorization',
  'proxy-authorization',
  'content-type',
  'content-length',
  // HTTP_PROXY would be taken for the proxy to use: https://httpoxy.org
  'proxy',
])
const PASSED_NAME = /^[a-z0-9-]+$/i
const NUL = /\u0000/g

/**
 * The meta-variables of a request: RFC 3875, plus REMOTE_PORT, REQUEST_SCHEME, REQUEST_URI, SCRIPT_FILENAME, SERVER_ADDR and
 * HTTPS, and HTTP_* for the headers.
 *
 * Header names with anything but letters, digits and `-` are left out: `Foo_Bar` would become the same variable as `Foo-Bar`.
 * So are `Proxy`, `Authorization` and `Proxy-Authorization`. Every variable of a client begins with `HTTP_`: none can become
 * `FINGERPRINT_*`.
 *
 * Values have the octets that came if those are UTF-8. Others arrive as the UTF-8 form of Latin-1: Bun and Deno encode
 * environments as UTF-8 and take nothing but strings (`test/cgi/octets.test.ts` shows it). `iconv -f UTF-8 -t ISO-8859-1` in the
 * script gives the octets back.
 */
export function cgiVariables(request: Request, facts: CgiFacts): Record<string, string> {
  const target = requestTarget(request.url)
  const secure = request.url.startsWith('https:')
  const query = targetQuery(target)
  const field = request.headers.get('host')
  const host = parseHost(field || urlAuthority(request.url))
  const local = facts.localAddress === undefined ? 'localhost' : addressAsHost(facts.localAddress)
  const env: Record<string, string> = {
    GATEWAY_INTERFACE: 'CGI/1.1',
    SERVER_SOFTWARE: facts.serverSoftware ?? 'tcpfingerprint',
    SERVER_PROTOCOL: facts.protocol ?? httpVersion(request.url, request.headers),
    SERVER_NAME: facts.serverName ?? host?.host ?? local,
    SERVER_PORT: `${facts.serverPort ?? facts.localPort ?? (field === null ? undefined : host?.port) ?? (secure ? 443 : 80)}`,
    REQUEST_METHOD: request.method,
    REQUEST_SCHEME: secure ? 'https' : 'http',
    REQUEST_URI: target,
    QUERY_STRING: query === '' ? '' : query.slice(1),
    SCRIPT_NAME: facts.scriptName,
  }
  const set = (name: string, value: string | number | undefined): void => {
    if (value !== undefined) env[name] = `${value}`.replace(NUL, '')
  }
  if (secure) env.HTTPS = 'on'
  set('SERVER_ADDR', facts.localAddress)
  set('REMOTE_ADDR', facts.remoteAddress)
  set('REMOTE_PORT', facts.remotePort)
  set('SCRIPT_FILENAME', facts.scriptFilename)
  set('DOCUMENT_ROOT', facts.documentRoot)
  if (facts.pathInfo !== '') {
    set('PATH_INFO', facts.pathInfo)
    if (facts.documentRoot !== undefined) set('PATH_TRANSLATED', facts.documentRoot + facts.pathInfo)
  }
  set('REMOTE_USER', facts.user)
  if (facts.user !== undefined) set('AUTH_TYPE', facts.authType)
  set('CONTENT_TYPE', headerText(request.headers.get('content-type')))
  set('CONTENT_LENGTH', facts.contentLength)
  for (const [name, value] of request.headers) {
    if (NOT_PASSED.has(name) || !PASSED_NAME.test(name)) continue
    // The body has been decoded, and its length is known.
    if (name === 'transfer-encoding' && facts.contentLength !== undefined) continue
    set(`HTTP_${name.toUpperCase().replaceAll('-', '_')}`, headerText(value))
  }
  return env
}

const VARIABLE = /^[A-Za-z_][A-Za-z0-9_]*$/
/** What no variable of a request may hold: NUL ends it, line ends could pass for another variable. */
const UNSAFE = /[\u0000\r\n]/g

/** Variables of an application: names that a shell can read, values without NUL and line ends. */
export function applicationVariables(
  variables: Readonly<Record<string, string | undefined>>,
): Readonly<Record<string, string>> {
  const env: Record<string, string> = {}
  for (const name in variables) {
    const value = variables[name]
    if (value !== undefined && VARIABLE.test(name)) env[name] = value.replace(UNSAFE, '')
  }
  return env
}

/**
 * The variables of the script that redirected here, each with `REDIRECT_` before the name, and its URL.
 *
 * @param before - the environment of that script
 */
export function redirectVariables(before: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  const env: Record<string, string> = {}
  for (const name in before) {
    if (!name.startsWith('REDIRECT_') && !name.startsWith('FINGERPRINT_')) env[`REDIRECT_${name}`] = before[name]!
  }
  env.REDIRECT_URL = (before.SCRIPT_NAME ?? '') + (before.PATH_INFO ?? '')
  return env
}
