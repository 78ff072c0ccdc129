import { expect, test } from 'bun:test'
import { requestContext } from '../../src/runtime/request-context.ts'

test('the server of Bun or the information of Deno, whole or among bindings, else what there is', () => {
  const server = { requestIP: () => null }
  const info = { remoteAddr: { transport: 'tcp', hostname: '::1', port: 1 } }
  for (const found of [server, info]) {
    expect(requestContext(found)).toBe(found)
    expect(requestContext({ server: found, KEY: 'x' })).toBe(found)
    expect(requestContext({ info: found, server: 'production' })).toBe(found)
  }
  for (const other of [undefined, null, 'env', { KEY: 'x' }, { server: null, info: 1 }])
    expect(requestContext(other)).toBe(other)
})
