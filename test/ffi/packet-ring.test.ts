import { expect, test } from 'bun:test'
import { PACKET_RX_RING, PACKET_VERSION } from '../../ffi/constants.ts'
import { PacketRing } from '../../ffi/packet-ring.ts'
import { createFakeLibc } from '../support/fake-libc.ts'
import { createFakeRing } from '../support/fake-ring.ts'

function fakeRing(refuse: { option?: number; map?: boolean } = {}) {
  const fake = createFakeRing(refuse)
  return { ...fake, ring: PacketRing.open(fake.libc, 7) }
}

test('packets are taken in their order, once, and their frames given back', () => {
  const { ring, put } = fakeRing()
  const packet = new Uint8Array(4096)
  expect(ring!.take(packet)).toBe(-1)
  let came = 0
  let taken = 0
  for (let round = 0; round < 5; round++) {
    while (put(Uint8Array.of(came & 255, (came >> 8) & 255, 7))) came++
    expect(came - taken).toBe(ring!.capacity)
    for (let length = ring!.take(packet); length >= 0; length = ring!.take(packet)) {
      expect([length, packet[0], packet[1], packet[2]]).toEqual([3, taken & 255, (taken >> 8) & 255, 7])
      taken++
    }
    expect(taken).toBe(came)
  }
})

test('lengths and offsets that do not fit lead nowhere outside of their frame', () => {
  const packet = new Uint8Array(4096)
  for (const [snaplen, network, length] of [
    [432, 80, 432],
    [4096, 80, 432],
    [0xffff_ffff, 80, 432],
    [10, 511, 1],
    [10, 512, 0],
    [10, 65_535, 0],
    [0, 80, 0],
  ] as const) {
    const { ring, put } = fakeRing()
    put(new Uint8Array(432).fill(9), { snaplen, network })
    expect(ring!.take(packet)).toBe(length)
    expect(ring!.take(packet)).toBe(-1)
  }
})

test('where the runtime or the kernel has none there is no ring, and the socket is as it was', () => {
  expect(PacketRing.open(createFakeLibc(), 7)).toBeUndefined()
  expect(fakeRing({ option: PACKET_VERSION }).ring).toBeUndefined()
  expect(fakeRing({ option: PACKET_RX_RING }).ring).toBeUndefined()
  const { ring, asked } = fakeRing({ map: true })
  expect(ring).toBeUndefined()
  expect(asked.at(-1)).toEqual([PACKET_RX_RING, 0])
  const closed = fakeRing()
  closed.ring!.close()
  expect(closed.isMapped()).toBe(false)
})
