/**
 * The answer to `?timing`: TCP_INFO of the caller's own connection over a minute, as a page or as a line of JSON a second.
 * @module
 */
import type { Context } from 'hono'
import type { Fingerprint } from '../connection/fingerprint.ts'
import type { TcpInfo } from '../wire/tcp-info.ts'
import type { Frame } from './layout.tsx'
import { clientOf } from './live.ts'
import { freshPage, HEADERS } from './page-headers.ts'
import type { TimingForm, TimingStreams } from './timing-streams.ts'

/** A line of JSON a second. */
const JSON_LINES: TimingForm = {
  begin: () => '',
  step: (infos) => `${JSON.stringify({ second: infos.length - 1, tcpInfo: infos.at(-1) })}\n`,
  end: () => '',
}

/** Answers for a connection; `views` are for the menu. */
export async function showTiming(
  c: Context,
  fingerprint: Fingerprint,
  html: boolean,
  views: Omit<Frame, 'nonce'>,
  streams: TimingStreams,
): Promise<Response> {
  const read = (): TcpInfo | undefined => fingerprint.readTcpInfo?.()
  if (read() === undefined) {
    const reason = fingerprint.reason ?? 'turned off'
    return c.text(`The kernel does not tell TCP_INFO of this connection: ${reason}.\n`, 404, HEADERS)
  }
  const { nonce, headers } = freshPage()
  const type = html ? 'text/html; charset=utf-8' : 'application/x-ndjson'
  const all = { ...headers, 'Content-Type': type, 'X-Accel-Buffering': 'no' }
  if (c.req.raw.method === 'HEAD') return c.body(null, 200, all)
  const form = html ? await (await import('./timing-page.tsx')).timingForm({ nonce, ...views }) : JSON_LINES
  const stream = streams.open(clientOf(fingerprint.peer?.address ?? ''), read, form)
  if (stream === undefined) return c.text('Too many at once.\n', 503, HEADERS)
  return c.body(stream, 200, all)
}
