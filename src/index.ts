/**
 * The pure core: octets of a saved SYN or `struct tcp_info` in, facts and fingerprints out. Loads no runtime API, no FFI and
 * no framework.
 * @module
 */

export type { LogFormat } from './access-log/format.ts'
export { compileLogFormat, LogFormatError, NAMED_LOG_FORMATS } from './access-log/format.ts'
export type { Result } from './base/result.ts'
export { ENV_NAMES } from './connection/env-names.ts'
export type { AttributeOptions, AttributeValue, EnvOptions } from './connection/facts.ts'
export { toAttributes, toEnv } from './connection/facts.ts'
export type { RelayFacts, RelaySign, RelaySignName } from './connection/relay.ts'
export { signsOfRelay } from './connection/relay.ts'
export { formatHaproxy, HAPROXY_MODE } from './fingerprint/haproxy.ts'
export { fingerprints } from './fingerprint/index.ts'
export { formatMuonFp } from './fingerprint/muonfp.ts'
export { formatP0f } from './fingerprint/p0f.ts'
export { formatRedbean } from './fingerprint/redbean.ts'
export { formatSatori } from './fingerprint/satori.ts'
export type { Fingerprints } from './fingerprint/strings.ts'
export type { DatabaseOptions, DatabaseWarning, Signature, SignatureLabel, UserAgentSystem } from './label/database.ts'
export { Database, DatabaseError, joinDatabases } from './label/database.ts'
export { loadP0f } from './label/database-parser.ts'
export { defaultDatabase } from './label/default.ts'
export type { EvaluatedRow, Evaluation, EvaluationRow, EvaluationVerdict, Evaluator } from './label/evaluate.ts'
export { createEvaluator, evaluate } from './label/evaluate.ts'
export { evaluationRow } from './label/evaluation-row.ts'
export type { Family, LabelName } from './label/family.ts'
export { families, family, isSameStack } from './label/family.ts'
export type { Labeller, LabellerFacts } from './label/labeller.ts'
export type { LearnError, Learned, Learner, LearnOptions } from './label/learn/learner.ts'
export { createLearner, learnLines } from './label/learn/learner.ts'
export type { LearnProblem, Learnt } from './label/learn/record.ts'
export type { LearnConflict, LearnCount } from './label/learn/writer.ts'
export type { LabelEvidence, LabelRecord, MatchOptions } from './label/match.ts'
export { Label, match } from './label/match.ts'
export type { Difference, NearestOptions, NearSignature } from './label/nearest.ts'
export { nearest } from './label/nearest.ts'
export type { RuleLabel } from './label/rule.ts'
export { toSignature } from './label/to-signature.ts'
export type { Comparison, HeaderValues, Platform } from './label/user-agent.ts'
export { compareWithUserAgent, platformOf } from './label/user-agent.ts'
export type { WayTrait } from './label/way-traits.ts'
export type { HeaderOptions } from './proxy/to-headers.ts'
export { toHeaders, toServerTiming } from './proxy/to-headers.ts'
export type { DecodeError, DecodeReason } from './wire/errors.ts'
export { DecodeFailure } from './wire/errors.ts'
export type { Ipv4Header, Ipv4Record } from './wire/ipv4.ts'
export type { Ipv6Header, Ipv6Record } from './wire/ipv6.ts'
export type { EthernetHeader, Syn, SynRecord } from './wire/syn.ts'
export { parseSyn, safeParseSyn } from './wire/syn.ts'
export type { TcpFlags, TcpHeader, TcpRecord, Timestamps } from './wire/tcp.ts'
export { TCP_FLAG } from './wire/tcp.ts'
export type { TcpInfo, TcpInfoField, TcpInfoUnit } from './wire/tcp-info.ts'
export {
  parseTcpInfo,
  safeParseTcpInfo,
  TCP_CA_STATE,
  TCP_INFO_FIELDS,
  TCP_INFO_LENGTH,
  TCP_INFO_OPTION,
  TCP_STATE,
  tcpInfoOffset,
} from './wire/tcp-info.ts'
export type { TcpInfoName } from './wire/tcp-info-names.ts'
export type { Malformed, TcpOption } from './wire/tcp-options.ts'
export { TCP_OPTION } from './wire/tcp-options.ts'
