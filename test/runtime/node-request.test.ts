import { describe, expect, test } from 'bun:test'
import { node } from '../../src/runtime/node.ts'
import { nodeRequestOf, socketOf } from '../../src/runtime/node-request.ts'

const refuse = (): never => {
  throw new Error('refused')
}
const revoked = (): object => {
  const { proxy, revoke } = Proxy.revocable({}, {})
  revoke()
  return proxy
}

describe('what tests and frameworks hand on in place of a request', () => {
  const socket = { remoteAddress: '192.0.2.1', remotePort: 5, destroyed: false, pending: false }
  const request = { socket }

  test('the request is found in bindings of Hono and in what Fastify makes', () => {
    for (const given of [request, { incoming: request }, { raw: request, socket: {} }]) {
      expect(nodeRequestOf(given)).toBe(request)
      expect(node.peerOf(undefined, given)).toEqual({ address: '192.0.2.1', port: 5 })
    }
  })

  for (const [name, given] of [
    ['nothing', undefined],
    ['a text', 'x'],
    ['an object', {}],
    ['a socket that is none', { socket: null }],
    ['a socket that was never connected', { socket: { destroyed: false, pending: true } }],
    ['a socket that has ended', { socket: { destroyed: true, pending: false } }],
    [
      'a getter that throws',
      {
        get socket() {
          return refuse()
        },
      },
    ],
    ['a proxy that refuses', new Proxy({}, { get: refuse })],
    ['a revoked proxy', revoked()],
  ] as const) {
    test(`${name}: no connection, and nothing is thrown`, () => {
      nodeRequestOf(given)
      socketOf(given)
      expect(node.peerOf(undefined, given)).toBe('no-connection')
    })
  }

  test('a socket without an address is a unix socket if its handle, or that of the one under it, is', () => {
    const _handle = { fchmod() {} }
    expect(node.peerOf(undefined, { socket: { _handle } })).toBe('unix-socket')
    expect(node.peerOf(undefined, { socket: { _handle: {}, _parent: { _handle } } })).toBe('unix-socket')
    expect(node.peerOf(undefined, { socket: { destroyed: false, pending: false } })).toBe('no-connection')
  })

  test('a request without an answer of its own is one to upgrade', () => {
    const request = new Request('http://a/')
    expect(node.isUpgraded(request, { incoming: {}, outgoing: undefined })).toBe(true)
    expect(node.isUpgraded(request, { incoming: {}, outgoing: {} })).toBe(false)
    expect(node.isUpgraded(request, undefined)).toBe(false)
  })

  test('sockets under each other without an end', () => {
    const socket: { _parent?: object } = {}
    socket._parent = socket
    expect(node.peerOf(undefined, { socket })).toBe('no-connection')
  })
})
