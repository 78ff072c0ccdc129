import { describe, expect, test } from 'bun:test'
import { Hono } from 'hono'
import { accessLog, fingerprint as forBun, createFingerprinter as plainBun } from '../../src/bun.ts'
import { fingerprint as forDeno, createFingerprinter as plainDeno } from '../../src/deno.ts'
import { createFingerprinter as plainNode } from '../../src/node.ts'

const trap = (): never => {
  throw new Error('trap')
}
/** An object of which nothing can be asked. */
const hostile = new Proxy(
  {},
  { get: trap, has: trap, getPrototypeOf: trap, ownKeys: trap, getOwnPropertyDescriptor: trap },
)
const revoked = Proxy.revocable({}, {})
revoked.revoke()

const server = (requestIP: unknown, more: object = {}): object =>
  Object.defineProperties({ requestIP, port: 1 }, Object.getOwnPropertyDescriptors(more))
/** What frameworks, tests and mistakes pass in place of a server. */
const STRANGE: readonly (readonly [name: string, env: unknown])[] = [
  ['nothing', undefined],
  ['null', null],
  ['a text', 'env'],
  ['a number', 7],
  ['a symbol', Symbol('env')],
  ['a function', () => {}],
  ['bindings', { KEY: 'value' }],
  ['an object without a prototype', Object.create(null)],
  ['a hostile proxy', hostile],
  ['a revoked proxy', revoked.proxy],
  ['bindings with a hostile server', { server: hostile, info: revoked.proxy }],
  [
    'bindings whose getter throws',
    {
      get server(): never {
        return trap()
      },
    },
  ],
  ['requestIP that is no function', server('127.0.0.1')],
  ['requestIP that throws', server(trap)],
  ['a peer without address', server(() => ({}))],
  ['a peer without port', server(() => ({ address: '127.0.0.1' }))],
  ['a peer that is a text', server(() => '127.0.0.1')],
  ['a peer that is undefined', server(() => undefined)],
  ['a peer that is a promise', server(async () => ({ address: '127.0.0.1', port: 1 }))],
  ['a hostile peer', server(() => hostile)],
  ['an address that is no address', server(() => ({ address: 'localhost', port: 1 }))],
  ['an empty address', server(() => ({ address: '', port: 1 }))],
  ['ports out of range', server(() => ({ address: '127.0.0.1', port: -1 }))],
  ['a port that is no integer', server(() => ({ address: '127.0.0.1', port: Number.NaN }))],
  [
    'an address getter that throws',
    server(() => ({
      get address(): never {
        return trap()
      },
      port: 1,
    })),
  ],
  [
    'a server whose address throws',
    server(() => ({ address: '127.0.0.1', port: 1 }), {
      get address(): never {
        return trap()
      },
    }),
  ],
  ['a server whose port is a text', server(() => ({ address: '127.0.0.1', port: 1 }), { port: '80' })],
  ['requestFD that throws', server(() => ({ address: '127.0.0.1', port: 1 }), { requestFD: trap })],
  ['requestFD that answers nonsense', server(() => ({ address: '127.0.0.1', port: 1 }), { requestFD: () => 1e9 })],
  ['requestFD that is negative', server(() => ({ address: '127.0.0.1', port: 1 }), { requestFD: () => -1 })],
  ['an info without address', { remoteAddr: undefined }],
  ['an info of null', { remoteAddr: null }],
  [
    'an info that throws',
    {
      get remoteAddr(): never {
        return trap()
      },
    },
  ],
  ['an info of another kind', { remoteAddr: { transport: 'vsock', cid: 1, port: 1 } }],
  ['an info with a text as port', { remoteAddr: { transport: 'tcp', hostname: '127.0.0.1', port: '1' } }],
  ['a hostile info', { remoteAddr: hostile }],
]

describe('a request never fails because of what came with it', () => {
  for (const [runtime, fingerprint, plain] of [
    ['Bun', forBun, plainBun],
    ['Deno', forDeno, plainDeno],
  ] as const) {
    for (const resolve of ['request', 'read'] as const) {
      test(`entry for ${runtime}, resolve ${resolve}`, async () => {
        const app = new Hono().use(accessLog({ write() {} })).use(fingerprint({ resolve, onError() {} }))
        app.get('/', (c) => {
          const { reason, available } = c.var.fingerprint
          return c.json({ available, reason, env: c.var.fingerprintEnv.FINGERPRINT_REASON })
        })
        const fp = plain({ resolve, onError() {} })
        const call = ('fromBun' in fp ? fp.fromBun : fp.fromDeno) as (
          request: Request,
          server: unknown,
        ) => {
          reason: string
          toJSON(): object
        }
        for (const [name, env] of STRANGE) {
          const answer = await app.request('/', {}, env as never)
          expect(answer.status, name).toBe(200)
          const found = (await answer.json()) as { available: boolean; reason: string; env: string }
          expect(found.available, name).toBe(false)
          expect(found.reason, name).toMatch(/^(?:no-connection|not-found|not-tcp|unix-socket|unsupported|denied)$/)
          expect(found.env, name).toBe(found.reason)
          const direct = call(new Request('http://x/'), env)
          expect(direct.reason, name).toBe(found.reason)
          JSON.stringify(direct)
        }
      })
    }
  }
})

/** What tests and mistakes pass in place of a request. */
const NO_REQUESTS: readonly (readonly [name: string, request: unknown])[] = [
  ...STRANGE,
  ['headers of null', { headers: null }],
  ['headers that are a text', { headers: 'x' }],
  ['headers of Node', { headers: { 'x-real-ip': ['192.0.2.1', '192.0.2.2'] } }],
  ['a socket alone', { socket: { remoteAddress: '127.0.0.1', remotePort: 1 } }],
  ['itself in itself', Object.defineProperty({}, 'raw', { get: (): unknown => NO_REQUESTS })],
  ['a frozen object', Object.freeze({})],
]
const HEADER = { kind: 'address', header: 'X-Real-IP', portHeader: 'X-Real-Port', from: ['127.0.0.0/8'] } as const

describe('what is no request gives a fingerprint that says so', () => {
  for (const [runtime, plain] of [
    ['Bun', plainBun],
    ['Deno', plainDeno],
    ['Node', plainNode],
  ] as const) {
    for (const [what, options] of Object.entries({
      plain: {},
      'with a trusted header': { trustedHeader: HEADER },
      'with a skip': { skip: ({ headers }: Request) => headers.get('x') === '1' },
      'looked up late': { resolve: 'read' },
    })) {
      test(`entry for ${runtime}, ${what}`, () => {
        const fp = plain({ ...(options as object), onError() {} })
        const call = ('fromBun' in fp ? fp.fromBun : 'fromDeno' in fp ? fp.fromDeno : fp.fromNode) as (
          request: unknown,
          server: unknown,
        ) => { available: boolean; reason: string }
        for (const [name, request] of NO_REQUESTS) {
          const found = call(request, undefined)
          expect(found.available, name).toBe(false)
          expect(JSON.parse(JSON.stringify(found)).reason, name).toMatch(/^[a-z-]+$/)
        }
      })
    }
  }
})

test('a request that cannot be changed keeps a trusted header, which is an onError, and breaks nothing', () => {
  const errors: string[] = []
  const fp = plainBun({ trustedHeader: HEADER, onError: (error: Error) => void errors.push(error.message) })
  const headers = new Headers({ 'x-real-ip': '192.0.2.1' })
  headers.delete = trap
  const request = Object.freeze(Object.defineProperty(new Request('http://a/'), 'headers', { value: headers }))
  expect(fp.fromBun(request, undefined).reason).toBe('no-connection')
  expect(errors).toEqual([expect.stringMatching(/^Cannot hide trusted headers: /)])
})

test('a skip that answers with a promise skips nothing, is an onError and ends no process', async () => {
  const errors: string[] = []
  const skip = (async () => {
    throw new Error('too late')
  }) as unknown as () => boolean
  const fp = plainBun({ skip, onError: (error: Error) => void errors.push(error.message) })
  expect(fp.fromBun(new Request('http://a/'), undefined).reason).toBe('no-connection')
  await Bun.sleep(0)
  expect(errors).toContain('skip must answer at once, not with a promise')
})

test('a promise of observe that rejects is an onError, and ends no process', async () => {
  const errors: string[] = []
  const options = {
    observe: async () => {
      throw new Error('observe failed later')
    },
    onError: (error: Error) => void errors.push(error.message),
  }
  plainBun(options).fromBun(new Request('http://a/'), undefined)
  await Bun.sleep(0)
  expect(errors).toContain('observe failed later')
})
