/**
 * The names that `tcpfingerprint/bun`, `tcpfingerprint/deno` and `tcpfingerprint/node` all export.
 * @module
 */

export type { AccessLogMiddleware } from './access-log/hono.ts'
export { accessLog } from './access-log/hono.ts'
export type { AccessLogOptions, LogFileOptions, LoggedExchange } from './access-log/options.ts'
export type { LoggedFingerprint, PlainAccessLog, PlainAccessLogOptions, PlainHandler } from './access-log/plain.ts'
export { createAccessLogger } from './access-log/plain.ts'
export type { AccessRecord, HeaderReader } from './access-log/record.ts'
export type { CgiStatus } from './cgi/handler.ts'
export type { HonoCgi } from './cgi/hono.ts'
export { cgi } from './cgi/hono.ts'
export type { CgiLimits, CgiOptions, ScriptNote } from './cgi/options.ts'
export type { CgiExchange, PlainCgi } from './cgi/plain.ts'
export { createCgi } from './cgi/plain.ts'
export type { Reason } from './connection/connection.ts'
export type { Fingerprint, Source, Timing } from './connection/fingerprint.ts'
export type { HandshakeRtt, RttProvenance } from './connection/handshake-timing.ts'
export type { ConnectionFilter, ConnectionList, LiveConnection, SocketMemory } from './connections/list.ts'
export { ListConnectionsError, listConnections, visitConnections } from './connections/list.ts'
export type { FingerprinterApi } from './fingerprinter/api.ts'
export type { FingerprintVariables, VariablesMiddleware, WithFingerprint } from './fingerprinter/hono.ts'
export type { FingerprintOptions } from './fingerprinter/options.ts'
export type { Outcomes, Status } from './fingerprinter/status.ts'
export type { Inspector, InspectorOptions } from './inspector/inspector.ts'
export { inspector } from './inspector/inspector.ts'
export type { TrustedHeader } from './proxy/trusted-header.ts'
