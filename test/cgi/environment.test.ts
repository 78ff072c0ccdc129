import { describe, expect, test } from 'bun:test'
import { type CgiFacts, cgiVariables } from '../../src/cgi/environment.ts'

const FACTS: CgiFacts = { scriptName: '/cgi-bin/x', pathInfo: '' }
const get = (url: string, headers: Record<string, string> = {}, facts: Partial<CgiFacts> = {}) =>
  cgiVariables(new Request(url, { headers }), { ...FACTS, ...facts })

describe('cgiVariables', () => {
  test('the whole set', () => {
    const request = new Request('http://Example.org:8080/cgi-bin/x/a%20b?q=1&r', {
      method: 'POST',
      body: 'abc',
      headers: { 'content-type': 'text/plain', 'x-y': 'z', host: 'Example.org:8080' },
    })
    expect(
      cgiVariables(request, {
        scriptName: '/cgi-bin/x',
        pathInfo: '/a b',
        scriptFilename: '/srv/cgi-bin/x',
        documentRoot: '/srv/www',
        remoteAddress: '192.0.2.1',
        remotePort: 43210,
        localAddress: '198.51.100.7',
        localPort: 8080,
        contentLength: 3,
        user: 'jane',
        authType: 'Basic',
      }),
    ).toEqual({
      GATEWAY_INTERFACE: 'CGI/1.1',
      SERVER_SOFTWARE: 'tcpfingerprint',
      SERVER_PROTOCOL: 'HTTP/1.1',
      SERVER_NAME: 'example.org',
      SERVER_PORT: '8080',
      SERVER_ADDR: '198.51.100.7',
      REQUEST_METHOD: 'POST',
      REQUEST_SCHEME: 'http',
      REQUEST_URI: '/cgi-bin/x/a%20b?q=1&r',
      QUERY_STRING: 'q=1&r',
      SCRIPT_NAME: '/cgi-bin/x',
      SCRIPT_FILENAME: '/srv/cgi-bin/x',
      PATH_INFO: '/a b',
      PATH_TRANSLATED: '/srv/www/a b',
      DOCUMENT_ROOT: '/srv/www',
      REMOTE_ADDR: '192.0.2.1',
      REMOTE_PORT: '43210',
      REMOTE_USER: 'jane',
      AUTH_TYPE: 'Basic',
      CONTENT_TYPE: 'text/plain',
      CONTENT_LENGTH: '3',
      HTTP_HOST: 'Example.org:8080',
      HTTP_X_Y: 'z',
    })
  })
  test('a port that nobody knows is that of Host, else that of the scheme', () => {
    const portOf = (host: string) => get('http://a/', { host }).SERVER_PORT
    expect([portOf('a:8081'), portOf('[::1]:82'), portOf('a'), portOf('a:'), portOf('[::1]')]).toEqual([
      '8081',
      '82',
      '80',
      '80',
      '80',
    ])
  })
  test('what is not known is not set, but QUERY_STRING always is', () => {
    expect(get('https://a/cgi-bin/x')).toEqual({
      GATEWAY_INTERFACE: 'CGI/1.1',
      SERVER_SOFTWARE: 'tcpfingerprint',
      SERVER_PROTOCOL: 'HTTP/1.1',
      SERVER_NAME: 'a',
      SERVER_PORT: '443',
      REQUEST_METHOD: 'GET',
      REQUEST_SCHEME: 'https',
      REQUEST_URI: '/cgi-bin/x',
      QUERY_STRING: '',
      SCRIPT_NAME: '/cgi-bin/x',
      HTTPS: 'on',
    })
    expect(get('http://a/x?')).toMatchObject({ QUERY_STRING: '', REQUEST_URI: '/x?' })
  })
  test('headers that must not be passed are not', () => {
    const env = get('http://a/', {
      proxy: 'http://evil/',
      authorization: 'Basic x',
      'proxy-authorization': 'Basic x',
      foo_bar: '1',
      'foo-bar': '2',
      'x.dot': '1',
      fingerprint_label: 'evil',
      'content-type': 'a/b',
      'content-length': '9',
    })
    expect(Object.keys(env).filter((name) => name.startsWith('HTTP_'))).toEqual(['HTTP_FOO_BAR'])
    expect(env.HTTP_FOO_BAR).toBe('2')
    expect(env.CONTENT_LENGTH).toBeUndefined()
    expect(Object.keys(env).filter((name) => name.startsWith('FINGERPRINT'))).toEqual([])
  })
  test('no header of a client becomes anything but HTTP_*', () => {
    const before = new Set(Object.keys(get('http://a/')))
    for (const name of [
      'fingerprint-ip-ttl',
      'path',
      'ld-preload',
      'remote-user',
      'script-name',
      'http-proxy',
      'server-name',
    ]) {
      const added = Object.keys(get('http://a/', { [name]: 'x' })).filter((key) => !before.has(key))
      expect(added).toEqual([`HTTP_${name.toUpperCase().replaceAll('-', '_')}`])
    }
  })
  test('header octets stay what they are where they are UTF-8', () => {
    expect(get('http://a/', { 'x-u': '\u00c3\u00a9' }).HTTP_X_U).toBe('é')
    expect(get('http://a/', { 'x-l': '\u00e9' }).HTTP_X_L).toBe('\u00e9')
  })
  test('a coding that was undone is not told', () => {
    const headers = { 'transfer-encoding': 'chunked' }
    expect(get('http://a/', headers, { contentLength: 5 })).toMatchObject({ CONTENT_LENGTH: '5' })
    expect(get('http://a/', headers, { contentLength: 5 }).HTTP_TRANSFER_ENCODING).toBeUndefined()
  })
  test('AUTH_TYPE needs a user', () => {
    expect(get('http://a/', {}, { authType: 'Basic' }).AUTH_TYPE).toBeUndefined()
  })
  test('names and ports of the options win', () => {
    expect(
      get(
        'http://a:81/',
        { host: 'a:81' },
        { serverName: 'b', serverPort: 82, serverSoftware: 's', protocol: 'HTTP/2.0', localPort: 81 },
      ),
    ).toMatchObject({
      SERVER_NAME: 'b',
      SERVER_PORT: '82',
      SERVER_SOFTWARE: 's',
      SERVER_PROTOCOL: 'HTTP/2.0',
    })
    expect(get('http://[::1]:80/', { host: '[::1]:80' }).SERVER_NAME).toBe('[::1]')
  })
  test('no value holds a NUL', () => {
    expect(get('http://a/', {}, { pathInfo: '/a\0b' }).PATH_INFO).toBe('/ab')
  })
})
