/**
 * What one line of an access log is made from.
 * @module
 */
import type { FieldSource } from '../connection/facts.ts'
import { hostOf, httpVersion } from '../http/request-target.ts'

/** The part of `Headers` that a log line needs. */
export interface HeaderReader {
  get(name: string): string | null
}

/**
 * One answered request: the input of every log format. Any object with these members will do.
 *
 * A member that is absent or `undefined` is not known and prints as `-`. A format reads only the members it names, and each
 * when a line is made, so that costly ones may be getters.
 */
export interface AccessRecord {
  /** Request method as received. */
  readonly method: string
  /** The request's URL as the runtime gives it: absolute, or beginning with the path. */
  readonly url: string
  /** Status of the answer. */
  readonly status: number
  /** Status before an internal redirect, for `%s` and `%<s`, where it differs. */
  readonly originalStatus?: number | undefined
  /** When the request began, milliseconds since 1970; a fraction gives the microseconds. */
  readonly time: number
  /** When the line was made, milliseconds since 1970, for `%{end:...}t`. Without it the end is `time` plus `duration`. */
  readonly endTime?: number | undefined
  /** From the beginning of the request to the end of the answer's body, microseconds. */
  readonly duration?: number | undefined
  /** From the beginning of the request to the first octet of the answer's body, microseconds. */
  readonly firstByte?: number | undefined
  /** Octets of the answer's body, without transfer coding. */
  readonly bytes?: number | undefined
  /** The client or the server ended the answer early. */
  readonly aborted?: boolean | undefined
  /** The connection ends after this answer. */
  readonly closing?: boolean | undefined
  readonly requestHeaders: HeaderReader
  readonly responseHeaders: HeaderReader
  /** Address of the client. IPv4-mapped IPv6 addresses are written as IPv4. */
  readonly remoteAddress?: string | undefined
  readonly remotePort?: number | undefined
  /** Address of the other end of the TCP connection, for `%{c}a` and `%{c}h`, where a proxy makes it another one. */
  readonly peerAddress?: string | undefined
  /** Its port, for JSON. */
  readonly peerPort?: number | undefined
  readonly localAddress?: string | undefined
  readonly localPort?: number | undefined
  /** Canonical name of the server; without it that of the request. */
  readonly serverName?: string | undefined
  /** Canonical port of the server; without it the local one. */
  readonly serverPort?: number | undefined
  /** The user's name as the application knows it. An `Authorization` header proves nothing until the application has verified it. */
  readonly user?: string | undefined
  /** `HTTP/1.1` unless something better is known: no runtime tells the version of a request. */
  readonly protocol?: string | undefined
  /** The file that answered, for `%f`. */
  readonly filename?: string | undefined
  /** What answered, for `%R`. */
  readonly handler?: string | undefined
  /** The request's identifier in other logs, for `%L`. */
  readonly logId?: string | undefined
  /** Requests answered on this connection before this one. */
  readonly keepAliveRequests?: number | undefined
  /** Octets received and sent with everything around the bodies, for `%I`, `%O` and `%S`. */
  readonly bytesReceived?: number | undefined
  readonly bytesSent?: number | undefined
  readonly processId?: number | undefined
  readonly threadId?: number | undefined
  /** `FINGERPRINT_*` and other variables, for `%{...}g` and `%{...}e`. Names are compared without regard to case. */
  readonly env?: Readonly<Record<string, string | undefined>> | undefined
  /** TCP_INFO of the request, for `%{FINGERPRINT_TCP_INFO.rttvar}g`: kernel names without `tcpi_`. Without it, `FINGERPRINT_TCP_INFO` of `env`. */
  readonly tcpInfo?: FieldSource['tcpInfo']
  /** What TCP did since the connection's request before, for `%{FINGERPRINT_DELIVERY.bytesSent}g`. */
  readonly delivery?: FieldSource['delivery']
  /** A value that one part of the application left for another, for `%{...}n`. */
  readonly note?: ((name: string) => unknown) | undefined
  /** Further members of a JSON line; in place of the `FINGERPRINT_*` variables, where given. */
  readonly attributes?: Readonly<Record<string, string | number | boolean | undefined>> | undefined
}

/** Host of a record's `Host` field or of its URL, as {@link hostOf} finds it. */
export function hostName(record: AccessRecord): string | undefined {
  return hostOf(record.requestHeaders.get('host'), record.url)
}

/** Version of a record's request. */
export function protocolOf(record: AccessRecord): string {
  return record.protocol ?? httpVersion(record.url, record.requestHeaders)
}
