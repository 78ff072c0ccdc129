/**
 * A page as it is sent: its head at once, the rest when that is on its way, because it takes milliseconds to make.
 * @module
 */
import * as zlib from 'node:zlib'
import { reportOnce } from '../base/report-once.ts'
import { currentRuntime } from '../runtime/current.ts'
import { documentEnd, documentHead, type Frame, type Page } from './layout.ts'
import { Notice } from './notice-page.tsx'

/** Octets of the head, and of the rest. */
interface Encoding {
  head(text: string): Uint8Array
  rest(text: string): Uint8Array
}

const encoder = new TextEncoder()
const PLAIN: Encoding = { head: (text) => encoder.encode(text), rest: (text) => encoder.encode(text) }

const LEVEL = 4

/** gzip (RFC 1952) in two pieces, of which the first is complete: it ends with an empty block (RFC 1951 section 3.2.4). */
function gzip(): Encoding {
  let before: Uint8Array
  return {
    head: (text) => {
      before = encoder.encode(text)
      return zlib.gzipSync(before, { level: LEVEL, finishFlush: zlib.constants.Z_SYNC_FLUSH })
    },
    rest: (text) => {
      const octets = encoder.encode(text)
      const body = zlib.deflateRawSync(octets, { level: LEVEL })
      const all = new Uint8Array(body.length + 8)
      all.set(body)
      const trailer = new DataView(all.buffer, body.length)
      trailer.setUint32(0, zlib.crc32(octets, zlib.crc32(before)), true)
      trailer.setUint32(4, before.length + octets.length, true)
      return all
    },
  }
}

/** gzip where the client takes it; Node before 20.15 has no CRC-32. */
export function encodingFor(accepted: string | undefined): Encoding | undefined {
  // A page holds no secret that a length could betray: RFC 9110 section 12.5.3, and gzip is a fifth of it.
  const takesGzip = /\bgzip\b(?!\s*;\s*q=0(?:\.0*)?\s*(?:,|$))/i.test(accepted ?? '')
  return takesGzip && (zlib.crc32 as unknown) !== undefined ? gzip() : undefined
}

const report = reportOnce(({ message }) => currentRuntime().warn(`Cannot make a page: ${message}`))

/** The rest of a page. Its status is sent: a page that cannot be made says so itself. */
async function restOf(page: Page, frame: Frame): Promise<string> {
  let body: unknown
  try {
    body = String(await page.body())
  } catch (error) {
    report(error)
    body = Notice({ status: 500, words: 'The server’s standard error says why.' })
  }
  return `${body}${documentEnd(page, frame)}`
}

/** The octets of a page. Nothing but its head is made for a client that goes. */
export function streamPage(page: Page, frame: Frame, encoding: Encoding = PLAIN): ReadableStream<Uint8Array> {
  const head = encoding.head(documentHead(page, frame))
  let isGone = false
  return new ReadableStream<Uint8Array>({
    start: (controller) => controller.enqueue(head),
    pull: async (controller) => {
      await currentRuntime().afterWriting()
      if (isGone) return
      const rest = await restOf(page, frame)
      if (isGone) return
      controller.enqueue(encoding.rest(rest))
      controller.close()
    },
    cancel: () => {
      isGone = true
    },
  })
}
