/**
 * The answer to `?timing`: TCP_INFO of the caller's own connection over a minute, as a page or as a line of JSON a second.
 * @module
 */
import type { Fingerprint } from '../connection/fingerprint.ts'
import type { TcpInfo } from '../wire/tcp-info.ts'
import { type Asked, freshPage, refuse } from './answer.ts'
import { clientOf } from './live.ts'
import type { TimingForm, TimingStreams } from './timing-streams.ts'

/** A line of JSON a second. */
const JSON_LINES: TimingForm = {
  begin: () => '',
  step: (infos) => `${JSON.stringify({ second: infos.length - 1, tcpInfo: infos.at(-1) })}\n`,
  end: () => '',
}

/** Answers for a connection. Text and JSON are one. */
export async function showTiming(asked: Asked, fingerprint: Fingerprint, streams: TimingStreams): Promise<Response> {
  const { c, format, views } = asked
  const read = (): TcpInfo | undefined => fingerprint.readTcpInfo?.()
  if (read() === undefined) {
    const reason = fingerprint.reason ?? 'turned off'
    return await refuse(asked, 'timing', 404, `The kernel does not tell TCP_INFO of this connection: ${reason}.`)
  }
  const html = format === 'html'
  const { nonce, headers } = freshPage()
  const type = html ? 'text/html; charset=utf-8' : 'application/x-ndjson'
  const all = { ...headers, 'Content-Type': type, 'X-Accel-Buffering': 'no' }
  if (c.req.raw.method === 'HEAD') return c.body(null, 200, all)
  const form = html ? (await import('./timing-page.tsx')).timingForm({ nonce, ...views }) : JSON_LINES
  const stream = streams.open(clientOf(fingerprint.peer?.address ?? ''), read, form)
  if (stream === undefined) return await refuse(asked, 'timing', 503, 'Too many clients look at their curves now.')
  return c.body(stream, 200, all)
}
