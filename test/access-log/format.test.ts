import { describe, expect, test } from 'bun:test'
import { compileLogFormat, LogFormatError } from '../../src/access-log/format.ts'
import type { AccessRecord } from '../../src/access-log/record.ts'
import { strftime } from '../../src/access-log/time.ts'
import { TCP_INFO_FIELDS } from '../../src/wire/tcp-info.ts'
import { record } from './records.ts'

const TIME = strftime('[%d/%b/%Y:%H:%M:%S %z]', new Date(record().time))

describe('compileLogFormat prints what Apache 2.4 prints', () => {
  /** Format, line, what is not as in `record()`. Seen in Apache 2.4.71 unless the row is about what Apache cannot have. */
  const rows: readonly (readonly [string, string, Partial<AccessRecord>?])[] = [
    ['common', `192.0.2.1 - - ${TIME} "GET /a%20b?x=1 HTTP/1.1" 200 6`],
    ['combined', `192.0.2.1 - - ${TIME} "GET /a%20b?x=1 HTTP/1.1" 200 6 "http://a/" "curl/8"`],
    ['vhost_combined', `foo.example:8081 192.0.2.1 - - ${TIME} "GET /a%20b?x=1 HTTP/1.1" 200 6 "http://a/" "curl/8"`],
    ['%%|%m|%U|%q|%H', '%|GET|/a b|?x=1|HTTP/1.1'],
    ['%q|%U', '?|/', { url: 'http://a/?' }],
    ['%U', '/a/b/', { url: 'http://x//a///b//?//' }],
    ['[%q]', '[]', { url: 'http://a/' }],
    ['%U', '/\\"\\\\\\xff\\xc3\\xa9\\n%zz%', { url: '/%22%5c%ff%C3%A9%0a%zz%' }],
    ['%r', 'GET /v10 HTTP/1.0', { url: '/v10', requestHeaders: new Headers() }],
    ['%r|%H', 'GET /x HTTP/2.0|HTTP/2.0', { url: 'https://a/x', protocol: 'HTTP/2.0' }],
    [
      '%h|%a|%{c}a|%{C}h|%A',
      '192.0.2.1|192.0.2.1|203.0.113.9|203.0.113.9|198.51.100.7',
      { peerAddress: '203.0.113.9' },
    ],
    ['%{c}a|%{c}h', '192.0.2.1|192.0.2.1'],
    ['%p|%{canonical}p|%{local}p|%{REMOTE}p', '80|80|8081|43210', { serverPort: 80 }],
    ['%p|%{canonical}p|%{local}p', '8081|8081|8081'],
    ['%v|%V', 'example.org|foo.example', { serverName: 'example.org' }],
    ['%v|%V', '[::1]|[::1]', { requestHeaders: new Headers({ host: '[::1]:80' }) }],
    ['%v|%V', 'abs.example|abs.example', { url: 'http://abs.example:1/', requestHeaders: new Headers() }],
    ['%b|%B', '6|6'],
    ['%b|%B', '-|0', { bytes: 0 }],
    ['%b|%B', '-|-', { bytes: undefined }],
    ['%T|%{s}T|%{ms}T|%{us}T|%{MS}T|%D|%^FB', '1|1|1234|1234567|1234|1234567|42'],
    ['%T|%D|%^FB', '-|-|-', { duration: undefined, firstByte: undefined }],
    ['%P|%{pid}P|%{tid}P|%{hextid}P', '77|77|255|ff'],
    ['%s|%>s|%<s', '404|200|404', { originalStatus: 404 }],
    ['%s|%>s|%<s', '200|200|200'],
    ['%u', '-'],
    ['%u', '""', { user: '' }],
    ['%u', 'j\\"\\xc3\\xa9', { user: 'j"é' }],
    ['%l|%f|%R|%k|%L|%I|%O|%S', '-|-|-|-|-|-|-|-'],
    [
      '%f|%R|%k|%L|%I|%O|%S',
      '/srv/a\\"|cgi|3|id|10|20|30',
      { filename: '/srv/a"', handler: 'cgi', keepAliveRequests: 3, logId: 'id', bytesReceived: 10, bytesSent: 20 },
    ],
    ['%X', '+'],
    ['%X', 'X', { aborted: true, closing: true }],
    ['%X', '-', { closing: true }],
    ['%{User-Agent}i|%{REFERER}i|%{X-None}i', 'curl/8|http://a/|-'],
    ['"%{X-A}i"', '""', { requestHeaders: new Headers({ 'x-a': '' }) }],
    // No header has such a name: `Headers` throw at it.
    ['%{ }i|%{X A}i|%{a:b}o|%{é}i', '-|-|-|-'],
    ['%{Content-Type}o|%{x-o}o|%{nope}o', 'text/html|o|-'],
    ['%{FOO}n|%{bar}n|%{none}n', 'a\\tb|7|-', { note: (name) => ({ FOO: 'a\tb', bar: 7 })[name] }],
    ['%{other}e|%{OTHER}e|%{nope}e', 'a\\"b|a\\"b|-'],
    ['%{FINGERPRINT_TCP_RTT}g|%{fingerprint_tcp_rtt}g|%{FINGERPRINT_IP_DF}g', '57|57|-'],
    ['%{FINGERPRINT_TCP_RTT}g|%{FINGERPRINT_TCP_RTT}e', '-|-', { env: undefined }],
    ['%{x}^ti|%{x}^to|%{SSL_PROTOCOL}x|%{HTTPS}x', '-|-|-|off'],
    ['%{HTTPS}x', 'on', { url: 'https://a/' }],
    ['%{sec}t|%{msec}t|%{usec}t', '1795323843|1795323843021|1795323843021987'],
    ['%{begin:sec}t|%{msec_frac}t|%{usec_frac}t', '1795323843|021|021987'],
    ['%{end:msec}t|%{end:usec_frac}t|%{end:sec}t', '1795323844256|256554|1795323844'],
    ['%{end:sec}t', '12', { endTime: 12_999 }],
    ['%t|%{}t|%{begin:}t', `${TIME}|${TIME}|${TIME}`],
    ['%{foo}t|%{SEC}t', 'foo|SEC'],
    ['%200,301{Referer}i|%!200{Referer}i|%!404,500{Referer}i|%404X|%>200s', 'http://a/|-|http://a/|-|200'],
    ['%{a}{Referer}i|%,s|%!!200s', 'http://a/|200|200'],
    ['x\\ny\\tz\\\\q\\zr\\"', 'x\ny\tz\\q\\zr"'],
    ['plain', 'plain'],
    ['', ''],
  ]
  for (const [format, line, changes] of rows) {
    test(`${JSON.stringify(format)} as ${JSON.stringify(line)}`, () => {
      expect(compileLogFormat(format)(record(changes))).toBe(line)
    })
  }

  test('cookies: first of a name in any case, blanks dropped, empty ones passed over', () => {
    const requestHeaders = new Headers({ cookie: 'a=1; A=2; b = x y ;c=;d="q;";e; f==' })
    const line = compileLogFormat('%{A}C|%{b}C|%{c}C|%{d}C|%{e}C|%{f}C|%{g}C')
    expect(line(record({ requestHeaders }))).toBe('1|x y|-|\\"q|-|=|-')
  })
})

describe('fields of TCP_INFO and of delivery', () => {
  const tcpInfo = Object.fromEntries(TCP_INFO_FIELDS.map(([name], i) => [name, i]))

  test('every kernel name, in any case', () => {
    for (const [i, [name]] of TCP_INFO_FIELDS.entries()) {
      expect(compileLogFormat(`%{FINGERPRINT_TCP_INFO.${name}}g`)(record({ tcpInfo }))).toBe(`${i}`)
      expect(compileLogFormat(`%{fingerprint_tcp_info.${name.toUpperCase()}}g`)(record({ tcpInfo }))).toBe(`${i}`)
    }
  })

  test('from the dump of the environment, and - where there is neither', () => {
    const line = compileLogFormat('%{FINGERPRINT_TCP_INFO.state}g %{FINGERPRINT_TCP_INFO.rttvar}g')
    expect(line(record({ env: { FINGERPRINT_TCP_INFO: '01' } }))).toBe('1 -')
    expect(line(record({ env: { FINGERPRINT_TCP_INFO: 'zz' } }))).toBe('- -')
    expect(line(record())).toBe('- -')
  })

  const delivery = {
    milliseconds: 1500,
    bytesSent: 9000,
    bytesAcked: 8000,
    bytesRetransmitted: 1000,
    retransmits: 1,
    busyMilliseconds: 12,
    receiverLimitedMilliseconds: 4,
    senderLimitedMilliseconds: 0,
    deliveryRate: 77,
  }

  test('delivery', () => {
    for (const [name, value] of Object.entries(delivery)) {
      const line = compileLogFormat(`%{FINGERPRINT_DELIVERY.${name}}g`)
      expect(line(record({ delivery }))).toBe(`${value}`)
      expect(line(record())).toBe('-')
    }
    expect(JSON.parse(compileLogFormat('json')(record({ delivery })))).toMatchObject({
      'tcp.delivery.duration': 1.5,
      'tcp.delivery.bytes_sent': 9000,
      'tcp.delivery.receiver_limited_time': 0.004,
    })
  })
})

describe('compileLogFormat refuses', () => {
  const rows: readonly (readonly [string, number, RegExp])[] = [
    ['%h %z', 3, /unknown directive "%z" at position 3/],
    ['%', 0, /"%" without a directive at position 0/],
    ['ab%200', 2, /"%" without a directive at position 2/],
    ['%{User-Agent', 1, /unclosed "\{" at position 1/],
    ['%{User-Agent}', 0, /"%" without a directive/],
    ['%i', 0, /"%i" needs the name of a header in braces, at position 0/],
    ['%{}i', 0, /needs the name of a header/],
    ['x %g', 2, /"%g" needs the name of a variable in braces, at position 2/],
    ['%{constructor}p', 0, /unknown argument "constructor"/],
    ['%{__proto__}P', 0, /unknown argument "__proto__"/],
    ['%{bogus}T', 0, /unknown argument "bogus"; it takes s, ms, us, at position 0/],
    ['%{bogus}p', 0, /it takes canonical, local, remote/],
    ['%{bogus}P', 0, /it takes pid, tid, hextid/],
    ['%{d}a', 0, /it takes c/],
    ['%^xx', 0, /unknown directive "%\^xx"/],
    ['%constructor', 0, /unknown directive "%c"/],
    ['%h %{FINGERPRINT_TCP_INFO.rttvars}g', 3, /unknown field "FINGERPRINT_TCP_INFO.rttvars", at position 3/],
    ['%{FINGERPRINT_TCP_INFO.}g', 0, /unknown field/],
    ['%{FINGERPRINT_TCP_INFO.constructor}g', 0, /unknown field/],
    ['%{FINGERPRINT_DELIVERY.bytes}g', 0, /unknown field/],
    ['% s', 0, /unknown directive "% "/],
  ]
  for (const [format, offset, message] of rows) {
    test(JSON.stringify(format), () => {
      let caught: unknown
      try {
        compileLogFormat(format)
      } catch (error) {
        caught = error
      }
      expect(caught).toBeInstanceOf(TypeError)
      expect(caught).toBeInstanceOf(LogFormatError)
      expect((caught as LogFormatError).offset).toBe(offset)
      expect((caught as LogFormatError).message).toMatch(message)
    })
  }
  test('what is not a string', () => {
    expect(() => compileLogFormat(7 as unknown as string)).toThrow(TypeError)
  })
})

describe('compileLogFormat says what it uses', () => {
  test('and reads nothing that the format does not name', () => {
    const { uses } = compileLogFormat('%m %>s %{X}i')
    expect(uses).toMatchObject({ bytes: false, end: false, duration: false, connection: false, variables: [] })
    const strict = record()
    for (const name of ['env', 'user', 'note', 'bytes', 'duration', 'remoteAddress']) {
      Object.defineProperty(strict, name, {
        get() {
          throw new Error(`${name} was read`)
        },
      })
    }
    expect(compileLogFormat('%m %>s')(strict)).toBe('GET 200')
  })
  test('and names variables in upper case', () => {
    expect(compileLogFormat('%b %{fingerprint_p0f}g %{A}e').uses).toMatchObject({
      bytes: true,
      end: true,
      variables: ['FINGERPRINT_P0F', 'A'],
    })
  })
})
