import { expect, test } from 'bun:test'
import { RequestTiming } from '../../src/connection/request-timing.ts'

test('a clock that tells no time gives no accept time, and makes nothing throw', () => {
  const of = (acceptTimeMilliseconds: number): RequestTiming =>
    new RequestTiming({ handshakeRtt: undefined, firstDataDelayMilliseconds: 3, acceptTimeMilliseconds }, 64, 57)
  for (const time of [Number.NaN, Number.POSITIVE_INFINITY, -9e15, 8.64e15 + 1]) {
    expect(of(time).acceptTime, `${time}`).toBeUndefined()
    expect(JSON.parse(JSON.stringify(of(time)))).toEqual({
      rtt: { microseconds: 57 },
      firstDataDelayMilliseconds: 3,
      handshakeTimeToLive: 64,
    })
  }
  expect(of(0).acceptTime).toBe('1970-01-01T00:00:00.000Z')
  expect(of(8.64e15).acceptTime).toBe('+275760-09-13T00:00:00.000Z')
})
