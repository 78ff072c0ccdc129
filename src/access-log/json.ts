/**
 * Access log lines as JSON: one flat object per request, members named after OpenTelemetry's semantic conventions.
 * @module
 */
import { DELIVERY_FIELDS } from '../connection/delivery.ts'
import { numberNames } from '../connection/facts.ts'
import { headerText } from '../http/header-text.ts'
import { requestTarget, targetPath, targetQuery } from '../http/request-target.ts'
import { escapeInvisible } from './escape.ts'
import { type AccessRecord, hostName } from './record.ts'

/** Decimal numbers that every JSON reader keeps exactly. */
const DECIMAL = /^(?:0|[1-9]\d{0,14})$/

/** `FINGERPRINT_TCP_RTT` as `tcp.fingerprint.tcp_rtt`; facts that are numbers as numbers. */
function fingerprintMembers(env: AccessRecord['env']): Record<string, string | number> {
  const members: Record<string, string | number> = {}
  const numbers = numberNames()
  for (const name in env) {
    const value = env[name]
    if (value === undefined || !name.startsWith('FINGERPRINT_')) continue
    members[`tcp.fingerprint.${name.slice(12).toLowerCase()}`] =
      numbers.has(name) && DECIMAL.test(value) ? Number(value) : value
  }
  return members
}

/** `delivery.bytesSent` as `tcp.delivery.bytes_sent`; times in seconds, as elsewhere. */
function deliveryMembers(delivery: AccessRecord['delivery']): Record<string, number | undefined> {
  const members: Record<string, number | undefined> = {}
  if (delivery === undefined) return members
  for (const [name, member, unit] of DELIVERY_FIELDS) {
    const value = delivery[name]
    members[member] = value === undefined || unit === undefined ? value : value / 1000
  }
  return members
}

/**
 * One request as one line of JSON, without a line end.
 *
 * Flat: no member is an object or an array. `time` is ISO 8601 in UTC with milliseconds, `http.server.request.duration`
 * is in seconds, sizes are octets. What is not known is left out. `FINGERPRINT_*` variables become `tcp.fingerprint.*`
 * unless the record brings `attributes`. Characters that print nothing are written as `\\uhhhh`, so that a line is one line to
 * every reader and harmless to terminals.
 *
 * @see {@link https://opentelemetry.io/docs/specs/semconv/http/http-spans/ OpenTelemetry HTTP conventions}
 */
export function formatJson(record: AccessRecord): string {
  const target = requestTarget(record.url)
  const query = targetQuery(target)
  const scheme = /^([a-z][a-z0-9+.-]*):\/\//i.exec(record.url)?.[1]
  const text = JSON.stringify({
    // First what every line has, then what GoAccess counts: it takes names with dots for paths, so that a member which is not in every line
    // changes the names of those behind it.
    time: new Date(record.time).toISOString(),
    'client.address': record.remoteAddress,
    'http.request.method': record.method,
    'url.path': targetPath(target),
    'http.response.status_code': record.status,
    'http.response.body.size': record.bytes,
    'user_agent.original': headerText(record.requestHeaders.get('user-agent')),
    'http.request.header.referer': headerText(record.requestHeaders.get('referer')),
    'url.query': query === '' ? undefined : query.slice(1),
    'url.scheme': scheme,
    'http.server.request.duration': record.duration === undefined ? undefined : record.duration / 1_000_000,
    'http.response.aborted': record.aborted === true ? true : undefined,
    'http.response.header.content_type': headerText(record.responseHeaders.get('content-type')),
    'client.port': record.remotePort,
    'network.peer.address': record.peerAddress ?? record.remoteAddress,
    'network.peer.port': record.peerAddress === undefined ? record.remotePort : record.peerPort,
    'network.local.address': record.localAddress,
    'network.local.port': record.localPort,
    'server.address': record.serverName ?? hostName(record),
    'server.port': record.serverPort ?? record.localPort,
    'user.name': record.user,
    ...(record.attributes ?? { ...fingerprintMembers(record.env), ...deliveryMembers(record.delivery) }),
  })
  return escapeInvisible(text)
}
