/**
 * The sending side of trusted headers: what an edge server tells the one behind it, and what a page may read of its own
 * connection (`Server-Timing`).
 * @module
 */
import { toHex } from '../base/bytes.ts'
import type { Fingerprint } from '../connection/fingerprint.ts'
import { octetsOf } from '../wire/syn.ts'

/** Which headers to send. A name for each kind, or false for none. */
export interface HeaderOptions {
  /** The saved SYN. Default `'x-tcp-syn'`. */
  readonly syn?: string | false | undefined
  /** The kernel's RTT, microseconds in decimal. Default `'x-tcp-rtt'`. */
  readonly rtt?: string | false | undefined
  /** `struct tcp_info`, some 560 characters in hex. Default: not sent. */
  readonly tcpInfo?: string | false | undefined
  /** How octets are written. Default `'hex'`. */
  readonly encoding?: 'hex' | 'base64' | undefined
}

/**
 * The headers that carry a fingerprint to a server behind this one, whose option `trustedHeader` names them.
 *
 * Every name is there in lower case, with an empty value where the fact is absent: a proxy that copies the client's headers and sets
 * these over them passes on nothing that the client made up.
 *
 * @throws {TypeError} two kinds under one name
 * @example
 * const headers = new Headers(c.req.raw.headers)
 * for (const [name, value] of Object.entries(toHeaders(c.var.fingerprint))) headers.set(name, value)
 * return fetch(upstream, { headers })
 */
export function toHeaders(fingerprint: Fingerprint, options: HeaderOptions = {}): Record<string, string> {
  const { syn = 'x-tcp-syn', rtt = 'x-tcp-rtt', tcpInfo = false, encoding = 'hex' } = options
  const write = encoding === 'hex' ? toHex : toBase64
  const headers: Record<string, string> = {}
  const set = (name: string | false, value: string): void => {
    if (name === false) return
    const key = name.toLowerCase()
    if (Object.hasOwn(headers, key)) throw new TypeError(`Cannot send two kinds of facts in one header: "${key}"`)
    headers[key] = value
  }
  set(syn, fingerprint.syn === undefined ? '' : write(octetsOf(fingerprint.syn)))
  set(rtt, String(fingerprint.timing.rtt?.microseconds ?? ''))
  set(tcpInfo, fingerprint.tcpInfoBytes === undefined ? '' : write(fingerprint.tcpInfoBytes))
  return headers
}

function toBase64(octets: Uint8Array): string {
  let text = ''
  for (const octet of octets) text += String.fromCharCode(octet)
  return btoa(text)
}

/**
 * The value of a `Server-Timing` header: round-trip times in milliseconds, which scripts of the page find in
 * `PerformanceNavigationTiming.serverTiming`. Empty where nothing is known: then send none.
 *
 * Metrics: `tcp-handshake` (its description is the provenance), `tcp-rtt` (now), `tcp-first-data` (from handshake to request).
 *
 * @see {@link https://www.w3.org/TR/server-timing/ Server Timing}
 * @example
 * c.header('Server-Timing', toServerTiming(c.var.fingerprint))
 */
export function toServerTiming(fingerprint: Fingerprint): string {
  const { handshakeRtt, rtt, firstDataDelayMilliseconds } = fingerprint.timing
  const metrics: string[] = []
  if (handshakeRtt !== undefined) {
    metrics.push(`tcp-handshake;dur=${handshakeRtt.microseconds / 1000};desc="${handshakeRtt.provenance}"`)
  }
  if (rtt !== undefined) metrics.push(`tcp-rtt;dur=${rtt.microseconds / 1000}`)
  if (firstDataDelayMilliseconds !== undefined) metrics.push(`tcp-first-data;dur=${firstDataDelayMilliseconds}`)
  return metrics.join(', ')
}
