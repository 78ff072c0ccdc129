/**
 * Makes pages of a new server a few times before a client asks for one, because the first one loads modules and runs before they are
 * compiled: it takes some 80 ms in place of 5.
 * @module
 */
import { Hono } from 'hono'
import { EXAMPLES } from '../inspector/examples.ts'
import { unrefTimer } from '../runtime/timers.ts'
import { inspector } from '../shared.ts'

const TIMES = 4
/** Between two pages, milliseconds: a request waits for one of them at most. */
const PAUSE = 10

/** Makes the page of every example, which has all parts of a connection's but times. It keeps no process alive and never rejects. */
export async function warmPages(): Promise<void> {
  const app = new Hono().get('/', inspector())
  const headers = { Accept: 'text/html', 'Accept-Encoding': 'gzip' }
  for (let i = 0; i < TIMES * EXAMPLES.length; i++) {
    await new Promise<void>((resolve) => unrefTimer(setTimeout(resolve, PAUSE)))
    await app.request(`/?decode=${EXAMPLES[i % EXAMPLES.length]!.hex}`, { headers })
  }
}
