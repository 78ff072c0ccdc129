/**
 * Makes the page of a new server a few times before a client asks for it, because the first one loads modules and runs before they are
 * compiled: it takes some 80 ms in place of 5.
 * @module
 */
import { Hono } from 'hono'
import type { Fingerprint } from '../connection/fingerprint.ts'
import { explainDump, linkedDump } from '../inspector/decode.ts'
import { EXAMPLES } from '../inspector/examples.ts'
import { unrefTimer } from '../runtime/timers.ts'
import { inspector } from '../shared.ts'
import { parseTcpInfo } from '../wire/tcp-info.ts'

const TIMES = 16
/** Between two pages, milliseconds: requests do not wait for more than one. */
const PAUSE = 10

/** Warms the pages in the background. Resolves when that is done; never rejects. */
export async function warmPages(): Promise<void> {
  const pause = (): Promise<void> => new Promise((resolve) => unrefTimer(setTimeout(resolve, PAUSE)))
  try {
    await pause()
    const { decoded, label } = await explainDump(linkedDump(EXAMPLES[0]!.hex, 'syn'), undefined)
    const tcpInfo = parseTcpInfo('01'.repeat(248))
    const syn = decoded?.kind === 'syn' ? decoded.syn : undefined
    const connection = { cookie: '1', request: 1 }
    const timing = { handshakeRtt: { microseconds: 57, provenance: 'handshake' } }
    const facts = { syn, label, tcpInfo, connection, timing, toJSON: () => ({ syn, label, connection, timing }) }
    const app = new Hono<{ Variables: { fingerprint: Fingerprint; fingerprintEnv: object } }>()
      .use((c, next) => {
        c.set('fingerprint', facts as unknown as Fingerprint)
        c.set('fingerprintEnv', {})
        return next()
      })
      .get('/', inspector())
    for (let i = 0; i < TIMES; i++) {
      await pause()
      await app.request('/', { headers: { Accept: 'text/html', 'Accept-Encoding': 'gzip' } })
    }
  } catch {
    // The page then takes its time.
  }
}
