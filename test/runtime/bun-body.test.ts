import { describe, expect, test } from 'bun:test'
import { writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { currentRuntime } from '../../src/runtime/current.ts'
import type { ReadyBody } from '../../src/runtime/ready-body.ts'

const ask = (headers: Record<string, string> = {}): Request => new Request('http://x/', { headers })
const size = (response: Response, request = ask()) => currentRuntime().bodyOf(response, request)

/** What `Bun.inspect` prints is not documented: where these fail on a new Bun, `bun-body.ts` needs another way. */
describe('bodyOf on this Bun', () => {
  test('counts texts, octets and Blobs of every magnitude, exactly', () => {
    for (const length of [1, 10, 999, 1000, 1001, 1023, 1024, 1025, 99_999, 1_000_000, 1_234_567]) {
      expect(size(new Response('x'.repeat(length))), `text of ${length}`).toMatchObject({ octets: length })
      expect(size(new Response(new Uint8Array(length))), `octets ${length}`).toMatchObject({ octets: length })
      expect(size(new Response(new Blob(['x'.repeat(length)]))), `Blob of ${length}`).toMatchObject({ octets: length })
    }
    expect(size(new Response('ä€'))).toMatchObject({ octets: 5 })
  })

  test('knows what a body without type was made from, and leaves its type what Bun makes it', async () => {
    const octets = (text: string): Uint8Array<ArrayBuffer> => new TextEncoder().encode(text)
    const texts = ['a', 'é', 'п', '€', 'aé', 'x\u{1f600}']
    const bodies: [BodyInit, string | undefined][] = texts.flatMap((one) =>
      [one, one.repeat(600), one.repeat(5000)].flatMap((text): [BodyInit, string | undefined][] => [
        [text, 'text/plain;charset=utf-8'],
        // Octets that are nothing but characters of two are taken for a text.
        [octets(text), one.length * 2 === octets(one).length ? undefined : 'application/octet-stream'],
        [octets(text).buffer, one.length * 2 === octets(one).length ? undefined : 'application/octet-stream'],
        [new Blob([text]), one === 'a' ? undefined : 'application/octet-stream'],
        [new Blob([octets(text), text]), one === 'a' ? undefined : 'application/octet-stream'],
      ]),
    )
    const looked: (string | undefined)[] = []
    await using server = Bun.serve({
      port: 0,
      fetch(request) {
        const url = new URL(request.url)
        const response = new Response(bodies[Number(url.pathname.slice(1))]![0], {
          headers: { 'x-own': 'y'.repeat(300) },
        })
        if (url.search === '') return response
        const body = size(response, request) as ReadyBody
        looked.push(
          currentRuntime().addedField('content-type', response, 200, body) ?? response.headers.get('content-type')!,
        )
        return response
      },
    })
    for (const [i, [, expected]] of bodies.entries()) {
      const [bare, seen] = await Promise.all(['', '?look'].map((query) => fetch(new URL(`/${i}${query}`, server.url))))
      if (expected === undefined) continue
      const type = bare!.headers.get('content-type')
      expect({ i, type, sent: seen!.headers.get('content-type'), looked: looked[i] }).toEqual({
        i,
        type: expected,
        sent: expected,
        looked: expected,
      })
      expect(new Uint8Array(await seen!.arrayBuffer())).toEqual(new Uint8Array(await bare!.arrayBuffer()))
    }
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
