import { describe, expect, test } from 'bun:test'
import { advance, DELIVERY_FIELDS, type Delivery, readCounts } from '../../src/connection/delivery.ts'
import { TCP_INFO_LENGTH, tcpInfoOffset } from '../../src/wire/tcp-info.ts'
import type { TcpInfoName } from '../../src/wire/tcp-info-names.ts'

const WIDE: ReadonlySet<string> = new Set([
  'bytes_acked',
  'delivery_rate',
  'busy_time',
  'rwnd_limited',
  'sndbuf_limited',
  'bytes_sent',
  'bytes_retrans',
])

function infoOf(fields: Partial<Record<TcpInfoName, number>>, octets: number = TCP_INFO_LENGTH): Uint8Array {
  const bytes = new Uint8Array(TCP_INFO_LENGTH)
  const view = new DataView(bytes.buffer)
  for (const [name, value] of Object.entries(fields)) {
    if (WIDE.has(name)) view.setBigUint64(tcpInfoOffset(name as TcpInfoName), BigInt(value), true)
    else view.setUint32(tcpInfoOffset(name as TcpInfoName), value, true)
  }
  return bytes.subarray(0, octets)
}

/** From the request of one TCP_INFO to that of another. */
const between = (one: Uint8Array, two: Uint8Array, from = 0, to = 0): Delivery | undefined =>
  advance(readCounts(one, 1, from)!, two, 2, to)

describe('delivery', () => {
  test('gives the difference of two structures, beyond 32 bits too', () => {
    const one = infoOf({ bytes_sent: 2 ** 32 - 100, bytes_acked: 10, total_retrans: 1, busy_time: 4000 })
    const two = infoOf({
      bytes_sent: 2 ** 32 + 900,
      bytes_acked: 910,
      bytes_retrans: 50,
      total_retrans: 3,
      busy_time: 12_000,
      rwnd_limited: 4000,
      sndbuf_limited: 8000,
      delivery_rate: 2 ** 33,
    })
    expect(between(one, two, 1000, 1500.25)).toEqual({
      milliseconds: 500.25,
      bytesSent: 1000,
      bytesAcked: 900,
      bytesRetransmitted: 50,
      retransmits: 2,
      busyMilliseconds: 8,
      receiverLimitedMilliseconds: 4,
      senderLimitedMilliseconds: 8,
      deliveryRate: 2 ** 33,
    })
  })

  test('a rate that the kernel does not know is absent', () => {
    expect(between(infoOf({}), infoOf({}))!.deliveryRate).toBeUndefined()
  })

  test('needs a structure of 216 octets (Linux 4.19)', () => {
    expect(readCounts(infoOf({}, 215), 1, 0)).toBeUndefined()
    expect(readCounts(infoOf({}, 216), 1, 0)).toBeDefined()
    expect(between(infoOf({}), infoOf({}, 215))).toBeUndefined()
  })

  test('goes on from the request that was last asked for, and never back', () => {
    const counts = readCounts(infoOf({ bytes_sent: 100 }), 3, 0)!
    expect(advance(counts, infoOf({ bytes_sent: 50 }), 2, 0)).toBeUndefined()
    expect(advance(counts, infoOf({ bytes_sent: 150 }), 3, 0)).toBeUndefined()
    expect(advance(counts, infoOf({ bytes_sent: 150 }), 5, 0)!.bytesSent).toBe(50)
    expect(advance(counts, infoOf({ bytes_sent: 175 }), 6, 0)!.bytesSent).toBe(25)
  })

  test('every member has an attribute of its own', () => {
    const delivery = between(infoOf({}), infoOf({ delivery_rate: 1 }))!
    expect(DELIVERY_FIELDS.map(([name]) => name) as string[]).toEqual(Object.keys(delivery))
    expect(new Set(DELIVERY_FIELDS.map(([, attribute]) => attribute)).size).toBe(DELIVERY_FIELDS.length)
  })
})
