import { expect, test } from 'bun:test'
import { Sockets } from '../../ffi/socket.ts'
import { createFakeLibc } from '../support/fake-libc.ts'

test('copies keep their octets, whether they share allocations or not', () => {
  for (const sharesAllocations of [undefined, true] as const) {
    const sockets = new Sockets({ ...createFakeLibc(), ...(sharesAllocations && { sharesAllocations }) })
    const copies: Uint8Array[] = []
    for (let i = 0; i < 100; i++) {
      sockets.value.fill(i)
      // Of IPv4 and IPv6 by turns, and longer ones between.
      copies.push(sockets.copySyn(i % 9 === 0 ? 120 : 60 + 20 * (i % 2)), sockets.copy(248))
    }
    for (const [i, copy] of copies.entries()) expect(copy.every((octet) => octet === i >> 1)).toBe(true)
    expect(copies.map(({ length }) => length).slice(0, 6)).toEqual([120, 248, 80, 248, 60, 248])
  }
})
