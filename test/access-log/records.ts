/**
 * Records for the tests of formats.
 * @module
 */
import type { AccessRecord } from '../../src/access-log/record.ts'

/** A record with every member known; rows change what they are about. */
export function record(changes: Partial<AccessRecord> = {}): AccessRecord {
  return {
    method: 'GET',
    url: 'http://foo.example:81/a%20b?x=1',
    status: 200,
    time: Date.UTC(2026, 10, 22, 5, 4, 3) + 21.987,
    duration: 1_234_567,
    firstByte: 42,
    bytes: 6,
    requestHeaders: new Headers({ host: 'Foo.example:81', 'user-agent': 'curl/8', referer: 'http://a/' }),
    responseHeaders: new Headers({ 'content-type': 'text/html; charset=utf-8', 'x-o': 'o' }),
    remoteAddress: '192.0.2.1',
    remotePort: 43210,
    localAddress: '198.51.100.7',
    localPort: 8081,
    processId: 77,
    threadId: 255,
    env: { FINGERPRINT_TCP_RTT: '57', Other: 'a"b' },
    ...changes,
  }
}
