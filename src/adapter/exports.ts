/**
 * The names that `tcpfingerprint/bun` and `tcpfingerprint/deno` both export.
 * @module
 */
export type { Reason } from '../connection/connection.ts'
export type { Fingerprint, Source, Timing } from '../connection/fingerprint.ts'
export type { HandshakeRtt, RttProvenance } from '../connection/timing.ts'
export type { FingerprintVariables, VariablesMiddleware, WithFingerprint } from '../hono/middleware.ts'
export type { Inspector, InspectorOptions } from '../inspector/inspector.ts'
export { inspector } from '../inspector/inspector.ts'
export type { FingerprintOptions } from '../options.ts'
export type { TrustedHeader } from '../trusted-header/trusted-header.ts'
export type {
  AccessLogMiddleware,
  AccessLogOptions,
  AccessRecord,
  HeaderReader,
  LogFileOptions,
  LoggedExchange,
  PlainAccessLog,
  PlainAccessLogOptions,
  PlainHandler,
} from './access-log.ts'
export { accessLog, createAccessLogger } from './access-log.ts'
export type { CgiExchange, CgiLimits, CgiOptions, CgiStatus, HonoCgi, PlainCgi, ScriptNote } from './cgi.ts'
export { cgi, createCgi } from './cgi.ts'
export type { FingerprinterFace } from './face.ts'
export type { Outcomes, Status } from './fingerprinter.ts'
