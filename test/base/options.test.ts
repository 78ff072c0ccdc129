import { describe, expect, test } from 'bun:test'
import { resolveOptions } from '../../src/access-log/options.ts'
import { accessLog, cgi, createFingerprinter, inspector } from '../../src/bun.ts'
import { resolveCgiOptions } from '../../src/cgi/options.ts'

const header = { header: 'x-syn', kind: 'syn', from: ['10.0.0.0/8'] }

/** Which call, with which options, says what. */
const MISTAKES: readonly (readonly [call: (options: never) => unknown, options: unknown, message: string])[] = [
  [createFingerprinter, 'all', 'fingerprint options: Invalid type: Expected Object but received "all"'],
  [createFingerprinter, null, 'fingerprint options: Invalid type: Expected Object but received null'],
  [createFingerprinter, { tcpinfo: 'off' }, 'fingerprint options: "tcpinfo": there is no such option'],
  [createFingerprinter, { env: { savedSYN: true } }, 'fingerprint options: "env.savedSYN": there is no such option'],
  [
    createFingerprinter,
    { tcpInfo: 'always' },
    'fingerprint options: "tcpInfo": Invalid type: Expected ("request" | "connection" | "off") but received "always"',
  ],
  [
    createFingerprinter,
    { database: true },
    'fingerprint options: "database": Expected false or a database of loadP0f but received true',
  ],
  [
    createFingerprinter,
    { trustedHeader: 5 },
    'fingerprint options: "trustedHeader": Invalid type: Expected Object but received 5',
  ],
  [createFingerprinter, { trustedHeader: [] }, 'fingerprint options: "trustedHeader": Expected at least one header'],
  [
    createFingerprinter,
    { packets: { ports: Array.from({ length: 65 }, (_, i) => i + 1) } },
    'fingerprint options: "packets.ports": Expected at most 64 ports',
  ],
  [
    createFingerprinter,
    { trustedHeader: { ...header, kind: 'sin' } },
    'fingerprint options: "trustedHeader.kind": Invalid type: Expected ("syn" | "tcp-info" | "rtt" | "address") but received "sin"',
  ],
  [
    createFingerprinter,
    { trustedHeader: [header, { ...header, from: '10.0.0.0/8' }] },
    'fingerprint options: "trustedHeader.1.from": Invalid type: Expected Array but received "10.0.0.0/8"',
  ],
  [
    createFingerprinter,
    { trustedHeader: { header: 'x', kind: 'syn', form: ['10.0.0.0/8'] } },
    'fingerprint options: "trustedHeader.form": there is no such option',
  ],
  [
    accessLog,
    { write: 5 },
    'access log options: "write": Expected "stdout", "stderr", an object or a function but received 5',
  ],
  [accessLog, { write: { fil: 'x' } }, 'access log options: "write.fil": there is no such option'],
  [
    accessLog,
    { write: { file: 'x', mode: -1 } },
    'access log options: "write.mode": Expected a whole number from 0 to 4095 but received -1',
  ],
  [
    accessLog,
    { write: { file: 'x', reopen: 5 } },
    'access log options: "write.reopen": Expected false or a name like "SIGHUP" but received 5',
  ],
  [
    accessLog,
    { write: { file: 'x', reopen: 'HUP' } },
    'access log options: "write.reopen": Expected false or a name like "SIGHUP" but received "HUP"',
  ],
  [accessLog, { format: 5 }, 'access log options: "format": Invalid type: Expected string but received 5'],
  [cgi, {}, 'cgi options: Expected either "root" or "command"'],
  [
    cgi,
    { root: '/x', interpreters: { php: ['php-cgi'] } },
    'cgi options: "interpreters.php": Expected an extension like ".php"',
  ],
  [
    cgi,
    { root: '/x', interpreters: { '.php': [] } },
    'cgi options: "interpreters..php": Expected a program and its arguments in an array',
  ],
  [cgi, { root: '/x', env: { A: 'x\0' } }, 'cgi options: "env.A": Expected no NUL'],
  [cgi, { root: '/x', env: 5 }, 'cgi options: "env": Invalid type: Expected Object but received 5'],
  [
    cgi,
    { root: '/x', env: { __proto__: null, __proto: 5 } },
    'cgi options: "env.__proto": Invalid type: Expected string but received 5',
  ],
  [inspector, { live: 1 }, 'inspector options: "live": Expected false or an object but received 1'],
]

describe('checkOptions', () => {
  test('takes the own names of a record alone, and none that is a member of every object', () => {
    const env = Object.assign(Object.create({ PATH: 5 }), { A: 'x', constructor: 1 })
    expect(resolveCgiOptions({ root: '/x', env }).env).toEqual({ A: 'x' })
  })

  test('takes numbers without a bound of their own as large as they are', () => {
    expect(resolveOptions({ maxPending: 1e300 }).maxPending).toBe(1e300)
  })

  for (const [call, options, message] of MISTAKES) {
    test(`says of ${JSON.stringify(options)}: ${message}`, () => {
      expect(() => call(options as never)).toThrow(new TypeError(`Invalid ${message}`))
    })
  }
})
