import { describe, expect, test } from 'bun:test'
import { compileLogFormat } from '../../src/access-log/format.ts'
import { record } from './records.ts'

describe('compileLogFormat json', () => {
  test('is one flat object with OpenTelemetry names', () => {
    const made = compileLogFormat('json')(record({ status: 404, env: { FINGERPRINT_IP_TTL: '64', OTHER: 'x' } }))
    expect(made).not.toContain('\n')
    expect(JSON.parse(made)).toEqual({
      time: '2026-11-22T05:04:03.021Z',
      'http.request.method': 'GET',
      'url.scheme': 'http',
      'url.path': '/a%20b',
      'url.query': 'x=1',
      'http.response.status_code': 404,
      'http.response.body.size': 6,
      'http.server.request.duration': 1.234567,
      'client.address': '192.0.2.1',
      'client.port': 43210,
      'network.peer.address': '192.0.2.1',
      'network.peer.port': 43210,
      'network.local.address': '198.51.100.7',
      'network.local.port': 8081,
      'server.address': 'foo.example',
      'server.port': 8081,
      'user_agent.original': 'curl/8',
      'http.request.header.referer': 'http://a/',
      'http.response.header.content_type': 'text/html; charset=utf-8',
      'tcp.fingerprint.ip_ttl': 64,
    })
  })
  test('leaves out what is not known and takes attributes in place of variables', () => {
    const made = compileLogFormat('json')({
      method: 'GET',
      url: '/',
      status: 200,
      time: 0,
      requestHeaders: new Headers(),
      responseHeaders: new Headers(),
      env: { FINGERPRINT_IP_TTL: '64' },
      attributes: { 'tcp.syn.ttl': 64 },
    })
    expect(JSON.parse(made)).toEqual({
      time: '1970-01-01T00:00:00.000Z',
      'http.request.method': 'GET',
      'url.path': '/',
      'http.response.status_code': 200,
      'tcp.syn.ttl': 64,
    })
  })
  test('reads header octets as UTF-8 where they are, and keeps texts of digits texts', () => {
    const parse = (agent: string): unknown =>
      JSON.parse(compileLogFormat('json')(record({ requestHeaders: { get: () => agent } })))['user_agent.original']
    expect(parse('\u00c3\u00a9')).toBe('é')
    expect(parse('\u00e9')).toBe('é')
    expect(parse('"\n\u2028')).toBe('"\n\u2028')
    const texts = JSON.parse(
      compileLogFormat('json')(record({ env: { FINGERPRINT_TCP_OPTIONS: '2', FINGERPRINT_HAPROXY: '0050' } })),
    )
    expect(texts).toMatchObject({ 'tcp.fingerprint.tcp_options': '2', 'tcp.fingerprint.haproxy': '0050' })
  })
  test('is one line to every reader, whatever a client or the application put into it', () => {
    const evil = 'a\u007f\u009b31m\u0085\u2028\u2029\u202e\u2066b'
    const made = compileLogFormat('json')(
      record({
        url: `http://h/${evil}?${evil}`,
        requestHeaders: { get: () => evil },
        responseHeaders: { get: () => evil },
        user: evil,
        env: { FINGERPRINT_LABEL: evil },
        attributes: { [evil]: evil },
      }),
    )
    expect(made).toMatch(/^[ -~]*$/)
    expect(JSON.parse(made)).toMatchObject({ 'user_agent.original': evil, 'user.name': evil, [evil]: evil })
  })
})
