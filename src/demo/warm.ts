/**
 * Makes pages of a new server a few times before a client asks for one, because the first one loads modules and runs before they are
 * compiled.
 * @module
 */
import { Hono } from 'hono'
import { SynFacts } from '../connection/syn-facts.ts'
import { type Collection, NOTHING, StatedFingerprint } from '../connection/view.ts'
import { createMiddleware } from '../fingerprinter/hono.ts'
import { EXAMPLES } from '../inspector/examples.ts'
import { defaultDatabase } from '../label/default.ts'
import { match } from '../label/match.ts'
import { unrefTimer } from '../runtime/timers.ts'
import { inspector } from '../shared.ts'
import { parseSyn } from '../wire/syn.ts'
import { TCP_INFO_LENGTH } from '../wire/tcp-info.ts'

const TIMES = 4
/** Between two pages, milliseconds: a request waits for one of them at most. */
const PAUSE = 10
const COLLECTION: Collection = {
  syn: true,
  tcpInfo: 'request',
  envOptions: {},
  readInfo: () => undefined,
  labelOf: ({ own }) => own && match(defaultDatabase(), own),
}

/** A connection that began with this SYN and has a TCP_INFO without zeros. */
function connectionOf(hex: string): StatedFingerprint {
  const known = { ...NOTHING, cookie: '1', syn: new SynFacts(parseSyn(hex).bytes) }
  return new StatedFingerprint(COLLECTION, known, new Uint8Array(TCP_INFO_LENGTH).fill(1))
}

/**
 * Makes the page of a connection with the SYN of every example. No server, log or labeller has part in it; it keeps no process alive and
 * never rejects.
 */
export async function warmPages(): Promise<void> {
  const headers = {
    Accept: 'text/html',
    'Accept-Encoding': 'gzip',
    'User-Agent': 'Mozilla/5.0 (X11; Linux x86_64)',
  }
  let turn = 0
  const of = (): StatedFingerprint => connectionOf(EXAMPLES[turn % EXAMPLES.length]!.hex)
  const variables = createMiddleware({ of, takeHeaders: () => {}, takesHeaders: false })
  const app = new Hono().use(variables).get('/', inspector())
  for (; turn < TIMES * EXAMPLES.length; turn++) {
    await new Promise<void>((resolve) => unrefTimer(setTimeout(resolve, PAUSE)))
    await (await app.request('/', { headers })).arrayBuffer()
  }
}
