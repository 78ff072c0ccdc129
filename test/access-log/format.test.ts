import { describe, expect, test } from 'bun:test'
import { compileLogFormat, LogFormatError, NAMED_LOG_FORMATS } from '../../src/access-log/format.ts'
import type { AccessRecord } from '../../src/access-log/record.ts'
import { strftime } from '../../src/access-log/time.ts'

/** A record with every member known; rows change what they are about. */
function record(changes: Partial<AccessRecord> = {}): AccessRecord {
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

describe('compileLogFormat escapes as ap_escape_logitem', () => {
  const escaped = (octet: number): string => {
    const named: Record<number, string> = { 8: 'b', 9: 't', 10: 'n', 11: 'v', 13: 'r', 34: '"', 92: '\\' }
    if (named[octet] !== undefined) return `\\${named[octet]}`
    if (octet >= 0x20 && octet < 0x7f) return String.fromCharCode(octet)
    return `\\x${octet.toString(16).padStart(2, '0')}`
  }
  /** Headers refuses what a server would never hand on; the escaping must not rely on that. */
  const reader = (value: string): AccessRecord['requestHeaders'] => ({ get: () => value })

  test('every octet of a header value', () => {
    const line = compileLogFormat('%{X}i')
    for (let octet = 0; octet < 256; octet += 1) {
      expect(line(record({ requestHeaders: reader(`a${String.fromCharCode(octet)}b`) }))).toBe(`a${escaped(octet)}b`)
    }
  })
  test('text of the application as UTF-8', () => {
    expect(compileLogFormat('%{X}i')(record({ requestHeaders: reader('é€') }))).toBe('\\xc3\\xa9\\xe2\\x82\\xac')
    expect(compileLogFormat('%{X}e')(record({ env: { X: 'é\n' } }))).toBe('\\xc3\\xa9\\n')
    expect(compileLogFormat('%u')(record({ user: '\ud800' }))).toBe('\\xef\\xbf\\xbd')
  })
  test('no value of a client can end the line or open a field', () => {
    const evil = '"\r\n\0\u007f\\"'
    const line = compileLogFormat(`${NAMED_LOG_FORMATS.vhost_combined} %m %U %q %H %{c}C %V %{E}e %{N}n %L %f %R`)
    const made = line(
      record({
        method: evil,
        url: `http://x/${evil}?${evil}`,
        requestHeaders: reader(`c=${evil}`),
        responseHeaders: reader(evil),
        remoteAddress: evil,
        user: evil,
        protocol: evil,
        env: { E: evil },
        note: () => evil,
        logId: evil,
        filename: evil,
        handler: evil,
        serverName: evil,
      }),
    )
    expect(made).toMatch(/^[\x20-\x7e]*$/)
    expect(made.match(/(?<!\\)(?:\\\\)*"/g)).toHaveLength(6)
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
    ['%{bogus}T', 0, /unknown argument "bogus"; it takes s, ms, us, at position 0/],
    ['%{bogus}p', 0, /it takes canonical, local, remote/],
    ['%{bogus}P', 0, /it takes pid, tid, hextid/],
    ['%{d}a', 0, /it takes c/],
    ['%^xx', 0, /unknown directive "%\^xx"/],
    ['%constructor', 0, /unknown directive "%c"/],
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
})

describe('strftime', () => {
  const FORMAT =
    '%a|%A|%b|%B|%c|%C|%d|%D|%e|%F|%g|%G|%h|%H|%I|%j|%k|%l|%m|%M|%p|%P|%r|%R|%s|%S|%T|%u|%U|%V|%w|%W|%x|%X|%y|%Y|%z|%Ey|%Od|%%|%Q|%'
  /** Recorded from GNU date in the C locale: `TZ=UTC LC_ALL=C date -d @SECONDS "+FORMAT"`. */
  const rows: readonly (readonly [number, string])[] = [
    [
      0,
      'Thu|Thursday|Jan|January|Thu Jan  1 00:00:00 1970|19|01|01/01/70| 1|1970-01-01|70|1970|Jan|00|12|001| 0|12|01|00|AM|am|12:00:00 AM|00:00|0|00|00:00:00|4|00|01|4|00|01/01/70|00:00:00|70|1970|+0000|70|01|%|%Q|%',
    ],
    [
      951782399,
      'Mon|Monday|Feb|February|Mon Feb 28 23:59:59 2000|20|28|02/28/00|28|2000-02-28|00|2000|Feb|23|11|059|23|11|02|59|PM|pm|11:59:59 PM|23:59|951782399|59|23:59:59|1|09|09|1|09|02/28/00|23:59:59|00|2000|+0000|00|28|%|%Q|%',
    ],
    [
      1104537599,
      'Fri|Friday|Dec|December|Fri Dec 31 23:59:59 2004|20|31|12/31/04|31|2004-12-31|04|2004|Dec|23|11|366|23|11|12|59|PM|pm|11:59:59 PM|23:59|1104537599|59|23:59:59|5|52|53|5|52|12/31/04|23:59:59|04|2004|+0000|04|31|%|%Q|%',
    ],
    [
      1230768000,
      'Thu|Thursday|Jan|January|Thu Jan  1 00:00:00 2009|20|01|01/01/09| 1|2009-01-01|09|2009|Jan|00|12|001| 0|12|01|00|AM|am|12:00:00 AM|00:00|1230768000|00|00:00:00|4|00|01|4|00|01/01/09|00:00:00|09|2009|+0000|09|01|%|%Q|%',
    ],
    [
      1293839999,
      'Fri|Friday|Dec|December|Fri Dec 31 23:59:59 2010|20|31|12/31/10|31|2010-12-31|10|2010|Dec|23|11|365|23|11|12|59|PM|pm|11:59:59 PM|23:59|1293839999|59|23:59:59|5|52|52|5|52|12/31/10|23:59:59|10|2010|+0000|10|31|%|%Q|%',
    ],
    [
      1483228800,
      'Sun|Sunday|Jan|January|Sun Jan  1 00:00:00 2017|20|01|01/01/17| 1|2017-01-01|16|2016|Jan|00|12|001| 0|12|01|00|AM|am|12:00:00 AM|00:00|1483228800|00|00:00:00|7|01|52|0|00|01/01/17|00:00:00|17|2017|+0000|17|01|%|%Q|%',
    ],
    [
      1767225599,
      'Wed|Wednesday|Dec|December|Wed Dec 31 23:59:59 2025|20|31|12/31/25|31|2025-12-31|26|2026|Dec|23|11|365|23|11|12|59|PM|pm|11:59:59 PM|23:59|1767225599|59|23:59:59|3|52|01|3|52|12/31/25|23:59:59|25|2025|+0000|25|31|%|%Q|%',
    ],
    [
      1795323843,
      'Sun|Sunday|Nov|November|Sun Nov 22 05:04:03 2026|20|22|11/22/26|22|2026-11-22|26|2026|Nov|05|05|326| 5| 5|11|04|AM|am|05:04:03 AM|05:04|1795323843|03|05:04:03|7|47|47|0|46|11/22/26|05:04:03|26|2026|+0000|26|22|%|%Q|%',
    ],
    [
      1609502400,
      'Fri|Friday|Jan|January|Fri Jan  1 12:00:00 2021|20|01|01/01/21| 1|2021-01-01|20|2020|Jan|12|12|001|12|12|01|00|PM|pm|12:00:00 PM|12:00|1609502400|00|12:00:00|5|00|53|5|00|01/01/21|12:00:00|21|2021|+0000|21|01|%|%Q|%',
    ],
    [
      4102444800,
      'Fri|Friday|Jan|January|Fri Jan  1 00:00:00 2100|21|01|01/01/00| 1|2100-01-01|99|2099|Jan|00|12|001| 0|12|01|00|AM|am|12:00:00 AM|00:00|4102444800|00|00:00:00|5|00|53|5|00|01/01/00|00:00:00|00|2100|+0000|00|01|%|%Q|%',
    ],
  ]
  for (const [seconds, expected] of rows) {
    test(`at ${seconds}`, () => {
      const zone = process.env.TZ
      process.env.TZ = 'UTC'
      try {
        expect(strftime(FORMAT, new Date(seconds * 1000))).toBe(expected)
      } finally {
        if (zone === undefined) delete process.env.TZ
        else process.env.TZ = zone
      }
    })
  }
})
