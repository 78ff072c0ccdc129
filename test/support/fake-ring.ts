/**
 * The kernel's side of a packet ring, in memory that no kernel shares.
 * @module
 */
import type { Libc } from '../../ffi/libc.ts'
import { createFakeLibc } from './fake-libc.ts'

const FRAME = 512
const FRAMES = 16_384

/** A libc with one packet socket, and what the kernel would do with its ring. */
export interface FakeRing {
  readonly libc: Libc
  /** Options that were set, and the first word of each. */
  readonly asked: readonly (readonly [option: number, first: number])[]
  isMapped(): boolean
  /** False where the ring is full. `snaplen` and `network` are what the kernel says of the frame, `time` is in milliseconds since 1970. */
  put(packet: Uint8Array, frame?: { snaplen?: number; network?: number; time?: number }): boolean
}

/** `refuse`: an option, or the mapping. */
export function createFakeRing(refuse: { readonly option?: number; readonly map?: boolean } = {}): FakeRing {
  const asked: [option: number, first: number][] = []
  const words = new Uint32Array(FRAMES * (FRAME / 4))
  const octets = new Uint8Array(words.buffer)
  const view = new DataView(words.buffer)
  let isMapped = true
  let head = 0
  return {
    asked,
    isMapped: () => isMapped,
    libc: {
      ...createFakeLibc(),
      socket: () => 7,
      bind: () => 0,
      close: () => 0,
      calloc: () => 4096,
      free: () => {},
      store: () => {},
      getsockopt: (_fd, _level, _option, value, length) => {
        value.fill(0)
        length[0] = value.length
        return 0
      },
      setsockopt: (_fd, _level, option, value) => {
        asked.push([option, new DataView(value.buffer).getUint32(0, true)])
        return option === refuse.option ? -1 : 0
      },
      mapShared: () => (refuse.map === true ? undefined : { words, unmap: () => void (isMapped = false) }),
    },
    put(packet, { snaplen = packet.length, network = 80, time = 0 } = {}) {
      const at = head * FRAME
      if (view.getUint32(at, true) !== 0) return false
      octets.set(packet, at + 80)
      view.setUint32(at + 4, packet.length, true)
      view.setUint32(at + 8, snaplen, true)
      view.setUint16(at + 14, network, true)
      view.setUint32(at + 16, Math.floor(time / 1000), true)
      view.setUint32(at + 20, (time % 1000) * 1e6, true)
      view.setUint32(at, 1, true)
      head = (head + 1) % FRAMES
      return true
    },
  }
}
