import { describe, expect, test } from 'bun:test'
import { writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { currentRuntime } from '../../src/runtime/current.ts'

const ask = (headers: Record<string, string> = {}): Request => new Request('http://x/', { headers })
const size = (response: Response, request = ask()) => currentRuntime().bodyOf(response, request)

/** What `Bun.inspect` prints is not documented: where these fail on a new Bun, `bun-body.ts` needs another way. */
describe('bodyOf on this Bun', () => {
  test('counts texts, octets and Blobs of every magnitude, exactly', () => {
    for (const length of [1, 10, 999, 1000, 1001, 1023, 1024, 1025, 99_999, 1_000_000, 1_234_567]) {
      expect(size(new Response('x'.repeat(length))), `text of ${length}`).toEqual({ octets: length })
      expect(size(new Response(new Uint8Array(length))), `octets ${length}`).toEqual({ octets: length })
      expect(size(new Response(new Blob(['x'.repeat(length)]))), `Blob of ${length}`).toEqual({ octets: length })
    }
    expect(size(new Response('ä€'))).toEqual({ octets: 5 })
  })

  test('knows a file, and the range of it that Bun will send', () => {
    const path = join(tmpdir(), `body-size-${process.pid}`)
    writeFileSync(path, 'x'.repeat(5000))
    const file = Bun.file(path)
    expect(size(new Response(file))).toEqual({ octets: 5000 })
    expect(size(new Response(file), ask({ range: 'bytes=10-19' }))).toEqual({ status: 206, octets: 10 })
    expect(size(new Response(file), ask({ range: 'bytes=9000-' }))).toEqual({ status: 416, octets: 0 })
    expect(size(new Response(file.slice(0, 7)))).toEqual({ octets: 7 })
    return file.delete()
  })

  test('leaves the body as it is, and knows nothing of streams and used bodies', async () => {
    const text = new Response('x'.repeat(3000))
    size(text)
    expect(text.bodyUsed).toBe(false)
    expect(await text.text()).toHaveLength(3000)
    expect(size(text)).toBeUndefined()
    expect(size(new Response(new Blob(['abc']).stream()))).toBe('stream')
  })
})
