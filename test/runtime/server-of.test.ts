import { expect, test } from 'bun:test'
import { serverOf } from '../../src/runtime/server-of.ts'

test('the server of Bun or the information of Deno, whole or among bindings, else what there is', () => {
  const server = { requestIP: () => null }
  const info = { remoteAddr: { transport: 'tcp', hostname: '::1', port: 1 } }
  for (const found of [server, info]) {
    expect(serverOf(found)).toBe(found)
    expect(serverOf({ server: found, KEY: 'x' })).toBe(found)
    expect(serverOf({ info: found, server: 'production' })).toBe(found)
  }
  for (const other of [undefined, null, 'env', { KEY: 'x' }, { server: null, info: 1 }])
    expect(serverOf(other)).toBe(other)
})
