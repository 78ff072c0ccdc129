import { describe, expect, test } from 'bun:test'
import { type CgiFacts, cgiVariables } from '../../src/cgi/environment.ts'
import { parseHost } from '../../src/cgi/server-name.ts'

describe('parseHost', () => {
  const hosts: readonly (readonly [string, string, number | undefined])[] = [
    ['a', 'a', undefined],
    ['Example.ORG:8080', 'example.org', 8080],
    ['a.:80', 'a', 80],
    ['a:', 'a', undefined],
    ['a:0', 'a', undefined],
    ['my_service', 'my_service', undefined],
    ['xn--bcher-kva.example', 'xn--bcher-kva.example', undefined],
    ['192.0.2.1:65535', '192.0.2.1', 65535],
    ['[::1]', '[::1]', undefined],
    ['[2001:DB8::1]:443', '[2001:db8::1]', 443],
    ['[::ffff:192.0.2.1]', '[::ffff:192.0.2.1]', undefined],
  ]
  for (const [field, host, port] of hosts) {
    test(`${field} is ${host}`, () => expect(parseHost(field)).toEqual({ host, port }))
  }
  const garbage = [
    '',
    ' ',
    '.',
    'a..b',
    '.a',
    'evil"><script>',
    'a/b?c#d',
    'a, b',
    'a b',
    'a,b:80',
    'a:b',
    'a:65536',
    'a:99999',
    'a:123456',
    'a:-1',
    'a:80:80',
    'u@h',
    'u:p@h',
    '[::1',
    '::1',
    '[::1]a',
    '[]',
    '[:::]',
    '[1.2.3.4]',
    '[fe80::1%eth0]',
    '[::g]',
    'a%00b',
    'a\\b',
    '\u00c3\u00a9',
    "a'b",
    '$(x)',
    'a;b',
    '*',
    `${'a'.repeat(64)}.b`,
    'a.'.repeat(130),
  ]
  for (const field of garbage) {
    test(`${JSON.stringify(field.slice(0, 40))} is none`, () => expect(parseHost(field)).toBeUndefined())
  }
})

describe('SERVER_NAME', () => {
  const FACTS: CgiFacts = { scriptName: '/x', pathInfo: '' }
  const nameOf = (host: string, facts: Partial<CgiFacts> = {}): (string | undefined)[] => {
    const env = cgiVariables(new Request('http://192.0.2.9/', { headers: { host } }), { ...FACTS, ...facts })
    return [env.SERVER_NAME, env.SERVER_PORT]
  }
  test('is the local address where the Host field holds no host', () => {
    const local = { localAddress: '198.51.100.7', localPort: 81 }
    expect(nameOf('evil"><script>', local)).toEqual(['198.51.100.7', '81'])
    expect(nameOf('a, b', local)).toEqual(['198.51.100.7', '81'])
    expect(nameOf('b:82', local)).toEqual(['b', '81'])
    expect(nameOf('a/b', { localAddress: '2001:db8::1' })).toEqual(['[2001:db8::1]', '80'])
    expect(nameOf('a/b:99')).toEqual(['localhost', '80'])
  })
})
