import { expect } from 'bun:test'
import { openLibc } from '../../ffi/libc.bun.ts'
import { sharedClients } from '../../src/packets/shared-clients.ts'
import { needs } from '../lab/privilege.ts'

needs('linux').test('a module after a hot reload, or of another copy, opens no second packet socket', async () => {
  const again = '../../src/packets/shared-clients.ts?again'
  const copy = (await import(again)) as { readonly sharedClients: typeof sharedClients }
  expect(copy.sharedClients).not.toBe(sharedClients)
  const made = new Set()
  for (const packets of [false, { interface: 'lo', ports: [80] }] as const) {
    const first = sharedClients(openLibc, packets, 16)
    expect(copy.sharedClients(openLibc, packets, 16)).toBe(first)
    made.add(first)
  }
  expect(made.size).toBe(2)
})
