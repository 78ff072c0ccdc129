/**
 * A connection and a dump as text, for terminals.
 * @module
 */
import { escapeControls, formatEndpoint } from '../base/text.ts'
import { palette } from '../cli/render/color.ts'
import { synText } from '../cli/render/text.ts'
import { formatTcpInfo } from '../cli/render/text-info.ts'
import type { Fingerprint } from '../connection/fingerprint.ts'
import { describeError } from '../explain/errors.ts'
import { labelName } from '../explain/label.ts'
import { missingFacts } from '../explain/missing.ts'
import { explainTiming } from '../explain/timing.ts'
import { synVerdicts, type Verdict, verdicts } from '../explain/verdicts.ts'
import { fingerprints } from '../fingerprint/index.ts'
import type { Database } from '../label/database.ts'
import { defaultDatabase } from '../label/default.ts'
import type { Label } from '../label/match.ts'
import { nearest } from '../label/nearest.ts'
import type { Syn } from '../wire/syn.ts'
import type { DumpAnswer } from './decode.ts'

const PLAIN = palette(false)

function heading(name: string | undefined, list: readonly Verdict[]): string {
  const lines = list.map(({ tone, text, about }) => `  ${tone === 'warn' ? '!' : '-'} ${text}: ${about}\n`)
  return `${name ?? 'No label'}\n${lines.join('')}`
}

function synPart(syn: Syn, label: Label | undefined, database: Database | false | undefined): string {
  const source = database === false ? undefined : (database ?? defaultDatabase())
  return synText({ syn, fingerprints: { ...fingerprints(syn) }, label }, PLAIN, 'the database', (one) =>
    source === undefined ? [] : nearest(source, one),
  )
}

/** A connection: what it means, then the SYN, times, TCP_INFO, and what is missing. */
export function connectionText(
  fingerprint: Fingerprint,
  headers: Headers,
  tls: boolean,
  database: Database | false | undefined,
): string {
  const { peer, syn, label, tcpInfo, tcpInfoBytes } = fingerprint
  const from = peer === undefined ? '' : ` from ${formatEndpoint(peer.address, peer.port)}`
  const parts = [`Your connection${from}: ${heading(labelName(label), verdicts(fingerprint, { headers, tls }))}`]
  if (syn !== undefined) parts.push(synPart(syn, label, database))
  const times = explainTiming(fingerprint).map(({ name, value, about }) => `  ${name}: ${value} (${about})\n`)
  if (times.length > 0) parts.push(`Timing\n${times.join('')}`)
  if (tcpInfo !== undefined) parts.push(formatTcpInfo(tcpInfo, tcpInfoBytes?.length ?? 0, false))
  const missing = missingFacts(fingerprint, { tls }).map(({ fact, why, remedy }) =>
    `  ${fact}: ${why} ${remedy ?? ''}`.trimEnd(),
  )
  if (missing.length > 0) parts.push(`Missing\n${missing.join('\n')}\n`)
  return escapeLines(parts.join('\n'))
}

/** A dump, or why it cannot be decoded. */
export function dumpText({ decoded, label, error }: DumpAnswer, database: Database | false | undefined): string {
  if (error !== undefined) return error === 'too-large' ? 'The dump is too long.\n' : `${describeError(error)}\n`
  if (decoded?.kind === 'tcp-info') return formatTcpInfo(decoded.tcpInfo, decoded.octets, false)
  if (decoded === undefined) return ''
  return escapeLines(
    `${heading(labelName(label), synVerdicts(decoded.syn, label))}\n${synPart(decoded.syn, label, database)}`,
  )
}

/** Lines as a terminal may show them: values come from outside. */
function escapeLines(text: string): string {
  return text.split('\n').map(escapeControls).join('\n')
}
