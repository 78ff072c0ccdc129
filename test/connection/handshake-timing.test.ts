import { describe, expect, test } from 'bun:test'
import { firstOfTwoSamples, firstTiming, type TimingCircumstances } from '../../src/connection/handshake-timing.ts'
import { tcpInfoOffset } from '../../src/wire/tcp-info.ts'
import type { TcpInfoName } from '../../src/wire/tcp-info-names.ts'

const WIDE = new Set<TcpInfoName>(['bytes_retrans'])
const NARROW = new Set<TcpInfoName>(['state', 'options'])

/** A TCP_INFO with these fields, as after a clean handshake where nothing is said. */
function info(fields: Partial<Record<TcpInfoName, number>>): DataView {
  const view = new DataView(new ArrayBuffer(280))
  const all = { state: 1, options: 7, segs_in: 3, data_segs_in: 1, delivered: 1, min_rtt: fields.rtt ?? 0, ...fields }
  for (const [name, value] of Object.entries(all) as [TcpInfoName, number][]) {
    const at = tcpInfoOffset(name)
    if (NARROW.has(name)) view.setUint8(at, value)
    else if (WIDE.has(name)) view.setBigUint64(at, BigInt(value), true)
    else view.setUint32(at, value, true)
  }
  return view
}

const CLEAN: TimingCircumstances = { synSaved: true, deferAccept: false, readAt: 1_000_000 }
const rtt = (fields: Partial<Record<TcpInfoName, number>>, circumstances: Partial<TimingCircumstances> = {}) =>
  firstTiming(info(fields), 280, { ...CLEAN, ...circumstances }).handshakeRtt

/** The kernel's estimator, tcp_rtt_estimator: what it makes of a row of samples. */
function estimate(samples: readonly number[]): { rtt: number; rttvar: number; min_rtt: number } {
  let srtt = 0
  let mdev = 0
  for (const [index, sample] of samples.entries()) {
    if (index === 0) {
      srtt = sample * 8
      mdev = sample * 2
      continue
    }
    let error = sample - (srtt >> 3)
    srtt += error
    if (error < 0) {
      error = -error - (mdev >> 2)
      if (error > 0) error >>= 3
    } else {
      error -= mdev >> 2
    }
    mdev += error
  }
  return { rtt: srtt >> 3, rttvar: mdev >> 2, min_rtt: Math.min(...samples) }
}

describe('handshake RTT', () => {
  // Rows measured on Linux 6.18 with a userspace peer.
  test('one sample is the handshake', () => {
    expect(rtt({ rtt: 30357, rttvar: 15178 })).toEqual({ microseconds: 30357, provenance: 'handshake' })
  })

  test('a handshake completed by data includes the client wait', () => {
    expect(rtt({ rtt: 80764, rttvar: 40382, segs_in: 2 }, { deferAccept: true })).toEqual({
      microseconds: 80764,
      provenance: 'deferred',
    })
    // A lost ACK looks the same on a listener that does not defer.
    expect(rtt({ rtt: 150334, rttvar: 75167, segs_in: 2 })?.provenance).toBe('deferred')
  })

  test('a repeated SYN-ACK gives whole milliseconds with timestamps, and nothing without', () => {
    expect(rtt({ rtt: 41000, rttvar: 20500, total_retrans: 1 })).toEqual({
      microseconds: 41000,
      provenance: 'retransmitted',
    })
    expect(rtt({ rtt: 41000, rttvar: 20500, total_retrans: 1, options: 6 })).toBeUndefined()
    expect(rtt({ rtt: 0, rttvar: 750000, min_rtt: 0xffffffff, total_retrans: 1, options: 6 })).toBeUndefined()
  })

  test('data sent again is not a SYN-ACK sent again', () => {
    const fields = { rtt: 30391, rttvar: 15195, data_segs_out: 1, total_retrans: 1, bytes_retrans: 500 }
    expect(rtt(fields)?.provenance).toBe('handshake')
    expect(rtt({ ...fields, bytes_retrans: 0, rtt: 41000 })?.provenance).toBe('retransmitted')
  })

  test('a SYN cookie keeps no SYN and echoes whole milliseconds', () => {
    expect(rtt({ rtt: 44000, rttvar: 22000 }, { synSaved: false })).toEqual({
      microseconds: 44000,
      provenance: 'cookie',
    })
    expect(rtt({ rtt: 44123, rttvar: 22061 }, { synSaved: false })?.provenance).toBe('handshake')
    expect(rtt({ rtt: 0, rttvar: 750000, min_rtt: 0xffffffff, options: 0 }, { synSaved: false })).toBeUndefined()
  })

  test('two samples over TLS are solved: the kernel figures of Bun, small certificate', () => {
    const measured = {
      rtt: 30391,
      rttvar: 11549,
      min_rtt: 30297,
      segs_in: 6,
      data_segs_in: 3,
      data_segs_out: 1,
      delivered: 2,
    }
    expect(rtt(measured)).toEqual({ microseconds: 30297, provenance: 'recovered' })
  })

  test('more samples give the smallest of them', () => {
    const measured = {
      rtt: 32825,
      rttvar: 13000,
      min_rtt: 30459,
      segs_in: 8,
      data_segs_in: 3,
      data_segs_out: 3,
      delivered: 4,
    }
    expect(rtt(measured)).toEqual({ microseconds: 30459, provenance: 'minimum' })
  })

  test('after TLS data on a listener that defers, whatever was seen includes the wait', () => {
    const measured = {
      rtt: 75754,
      rttvar: 41374,
      min_rtt: 31142,
      segs_in: 5,
      data_segs_in: 3,
      data_segs_out: 1,
      delivered: 2,
    }
    expect(rtt(measured, { deferAccept: true })?.provenance).toBe('deferred')
  })

  test('a Fast Open child has no sample before the ACK, and the handshake after it', () => {
    expect(rtt({ state: 3, rtt: 0, options: 32 + 128 + 7, segs_in: 1 })).toBeUndefined()
    expect(rtt({ rtt: 60425, rttvar: 30212, options: 32 + 128 + 7, segs_in: 2 })?.provenance).toBe('handshake')
  })

  test('a kernel without the counters says nothing', () => {
    const timing = firstTiming(info({ rtt: 30357, rttvar: 15178 }), 104, CLEAN)
    expect(timing).toEqual({
      handshakeRtt: undefined,
      firstDataDelayMilliseconds: undefined,
      acceptTimeMilliseconds: undefined,
    })
  })

  test('firstOfTwoSamples is within a microsecond of the first sample for every pair', () => {
    for (let first = 7; first < 400_000; first = Math.ceil(first * 1.31)) {
      for (let second = 5; second < 400_000; second = Math.ceil(second * 1.37)) {
        const { rtt, rttvar, min_rtt } = estimate([first, second])
        const solved = firstOfTwoSamples(rtt, rttvar, min_rtt)
        expect(solved, `${first}, ${second}`).toBeDefined()
        // Two pairs can give the same three numbers where both samples are within a few microseconds of each other.
        const tolerance = Math.abs(first - second) < 16 ? Math.abs(first - second) : 1
        expect(Math.abs(solved! - first), `${first}, ${second} gave ${solved}`).toBeLessThanOrEqual(tolerance)
      }
    }
  })

  test('firstOfTwoSamples refuses what two samples cannot give', () => {
    const { rtt, rttvar, min_rtt } = estimate([30617, 20415, 90000, 30000])
    expect(firstOfTwoSamples(rtt, rttvar, min_rtt)).toBeUndefined()
  })
})

describe('first data and accept time', () => {
  test('the delay is what passed between completion and the first data', () => {
    const timing = firstTiming(info({ rtt: 30000, rttvar: 15000, last_data_sent: 304, last_data_recv: 4 }), 280, CLEAN)
    expect(timing.firstDataDelayMilliseconds).toBe(300)
    expect(timing.acceptTimeMilliseconds).toBe(1_000_000 - 304)
  })

  test('several segments are good only when they came together', () => {
    const fields = { rtt: 30000, rttvar: 15000, data_segs_in: 3, segs_in: 5 }
    expect(
      firstTiming(info({ ...fields, last_data_sent: 8, last_data_recv: 0 }), 280, CLEAN).firstDataDelayMilliseconds,
    ).toBe(8)
    expect(
      firstTiming(info({ ...fields, last_data_sent: 100, last_data_recv: 0 }), 280, CLEAN).firstDataDelayMilliseconds,
    ).toBeUndefined()
  })

  test('neither is known once the server has sent data, after a deferred accept, or with Fast Open data', () => {
    const sent = firstTiming(info({ rtt: 30000, rttvar: 15000, data_segs_out: 1, last_data_sent: 3 }), 280, CLEAN)
    expect(sent.firstDataDelayMilliseconds).toBeUndefined()
    expect(sent.acceptTimeMilliseconds).toBeUndefined()
    const deferred = firstTiming(info({ rtt: 30000, rttvar: 15000, segs_in: 2 }), 280, CLEAN)
    expect(deferred.firstDataDelayMilliseconds).toBeUndefined()
    expect(deferred.acceptTimeMilliseconds).toBeUndefined()
    const open = firstTiming(
      info({ rtt: 30000, rttvar: 15000, options: 32 + 7, last_data_sent: 0, last_data_recv: 60 }),
      280,
      CLEAN,
    )
    expect(open.firstDataDelayMilliseconds).toBeUndefined()
  })
})
