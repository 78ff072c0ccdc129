import { describe, expect, test } from 'bun:test'
import { tlsRoundTrip } from '../../src/connection/tls-round-trip.ts'
import { TCP_INFO_LENGTH, tcpInfoOffset } from '../../src/wire/tcp-info.ts'
import type { TcpInfoName } from '../../src/wire/tcp-info-names.ts'

/** A TCP_INFO of Bun at the first request over TLS 1.3, behind a relay of 40 ms each way. */
const FIRST = { snd_mss: 1448, last_data_sent: 80, last_data_recv: 0, data_segs_out: 2, bytes_sent: 1811 }

function infoOf(fields: Partial<Record<TcpInfoName, number>>): DataView {
  const view = new DataView(new ArrayBuffer(TCP_INFO_LENGTH))
  for (const [name, value] of Object.entries(fields)) view.setUint32(tcpInfoOffset(name as TcpInfoName), value, true)
  return view
}

describe('tlsRoundTrip', () => {
  const rows: readonly [string, Partial<Record<TcpInfoName, number>>, number | undefined, number | undefined][] = [
    ['one flight', {}, 80, 80],
    ['two flights, as with TLS 1.2', { data_segs_out: 3 }, 80, 80],
    ['read 20 ms late', { last_data_sent: 100, last_data_recv: 20 }, 80, 80],
    ['no wait at all', { last_data_sent: 0 }, 0, 0],
    ['more segments than a handshake has', { data_segs_out: 4 }, undefined, undefined],
    ['a long chain of certificates', { data_segs_out: 5, bytes_sent: 5000 }, 80, undefined],
    ['nothing sent', { data_segs_out: 0, bytes_sent: 0 }, undefined, undefined],
    ['an answer of a mebibyte', { data_segs_out: 700, bytes_sent: 1_048_576 }, undefined, undefined],
    ['the flight sent again, which counts as sent', { bytes_retrans: 1448 }, undefined, undefined],
    ['sent after the request', { last_data_sent: 0, last_data_recv: 4 }, undefined, undefined],
  ]
  test.each(rows)('%s', (_name, fields, boringssl, rustls) => {
    const view = infoOf({ ...FIRST, ...fields })
    expect(tlsRoundTrip(view, TCP_INFO_LENGTH, 'boringssl')).toBe(boringssl)
    expect(tlsRoundTrip(view, TCP_INFO_LENGTH, 'rustls')).toBe(rustls)
  })

  test('needs a structure of 216 octets (Linux 4.19)', () => {
    const view = infoOf(FIRST)
    expect(tlsRoundTrip(view, 216, 'boringssl')).toBe(80)
    for (let octets = 0; octets < 216; octets++) expect(tlsRoundTrip(view, octets, 'boringssl')).toBeUndefined()
  })
})
