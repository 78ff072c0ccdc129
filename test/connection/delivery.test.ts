import { describe, expect, test } from 'bun:test'
import { DELIVERY_FIELDS, DeliveryCounts } from '../../src/connection/delivery.ts'
import { TCP_INFO_LENGTH, type TcpInfoName, tcpInfoOffset } from '../../src/wire/tcp-info.ts'

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

describe('DeliveryCounts', () => {
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
    const later = DeliveryCounts.of(two, 2, 1500.25)!
    expect(later.since(DeliveryCounts.of(one, 1, 1000)!, two)).toEqual({
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
    const info = infoOf({})
    const counts = DeliveryCounts.of(info, 2, 0)!
    expect(counts.since(DeliveryCounts.of(info, 1, 0)!, info).deliveryRate).toBeUndefined()
  })

  test('needs a structure of 216 octets (Linux 4.19)', () => {
    expect(DeliveryCounts.of(infoOf({}, 215), 1, 0)).toBeUndefined()
    expect(DeliveryCounts.of(infoOf({}, 216), 1, 0)).toBeDefined()
  })

  test('every member has an attribute of its own', () => {
    const info = infoOf({ delivery_rate: 1 })
    const counts = DeliveryCounts.of(info, 1, 0)!
    expect(DELIVERY_FIELDS.map(([name]) => name) as string[]).toEqual(Object.keys(counts.since(counts, info)))
    expect(new Set(DELIVERY_FIELDS.map(([, attribute]) => attribute)).size).toBe(DELIVERY_FIELDS.length)
  })
})
