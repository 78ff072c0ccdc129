/**
 * Makes a capture file of distinct SYNs for the benchmarks: a mix of what servers see.
 * @module
 */
import { closeSync, openSync, writeSync } from 'node:fs'

const ETHERNET = 14
/** TCP options of real stacks, in hexadecimal, with the values that vary left zero. */
const STACKS: readonly {
  share: number
  version: 4 | 6
  ttl: number
  window: number
  options: string
  df: boolean
  id: boolean
}[] = [
  {
    share: 40,
    version: 4,
    ttl: 64,
    window: 64240,
    options: '020405b40402080a000000000000000001030307',
    df: true,
    id: true,
  },
  { share: 22, version: 4, ttl: 128, window: 64240, options: '020405b40103030801010402', df: true, id: true },
  {
    share: 10,
    version: 4,
    ttl: 64,
    window: 65535,
    options: '020405b4010303060101080a000000000000000004020000',
    df: true,
    id: false,
  },
  {
    share: 10,
    version: 6,
    ttl: 64,
    window: 64800,
    options: '020405a00402080a000000000000000001030307',
    df: false,
    id: false,
  },
  {
    share: 8,
    version: 4,
    ttl: 64,
    window: 65535,
    options: '020405b40402080a000000000000000001030309',
    df: true,
    id: true,
  },
  { share: 5, version: 4, ttl: 255, window: 1024, options: '', df: false, id: true },
  { share: 3, version: 4, ttl: 64, window: 1024, options: '020405b4', df: false, id: true },
  {
    share: 2,
    version: 4,
    ttl: 64,
    window: 29200,
    options: '020405b40402080a000000000000000001030307',
    df: true,
    id: true,
  },
]

/** A small fast generator (mulberry32); the same seed gives the same file. */
function generator(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return (t ^ (t >>> 14)) >>> 0
  }
}

/**
 * Writes `count` SYNs, all with different addresses, ports, sequence numbers and time stamps, as a pcap file of Ethernet
 * frames.
 */
export function writeSyns(path: string, count: number, seed = 1): void {
  const random = generator(seed)
  const templates: Uint8Array[] = []
  for (const stack of STACKS) {
    const options = Uint8Array.fromHex(stack.options)
    const ip = stack.version === 4 ? 20 : 40
    const frame = new Uint8Array(ETHERNET + ip + 20 + options.length)
    const view = new DataView(frame.buffer)
    frame.fill(2, 0, 12)
    view.setUint16(12, stack.version === 4 ? 0x0800 : 0x86dd)
    if (stack.version === 4) {
      frame[14] = 0x45
      view.setUint16(16, ip + 20 + options.length)
      frame[20] = stack.df ? 0x40 : 0
      frame[23] = 6
      frame.set([192, 0, 2, 80], 30)
    } else {
      view.setUint32(14, 0x60000000)
      view.setUint16(18, 20 + options.length)
      frame[20] = 6
      frame.set([0x20, 0x01, 0x0d, 0xb8], 22)
      frame.set([0x20, 0x01, 0x0d, 0xb8], 38)
      frame[53] = 1
    }
    const tcp = ETHERNET + ip
    view.setUint16(tcp + 2, 443)
    frame[tcp + 12] = ((20 + options.length) / 4) << 4
    frame[tcp + 13] = 2
    view.setUint16(tcp + 14, stack.window)
    frame.set(options, tcp + 20)
    for (let i = 0; i < stack.share; i++) templates.push(frame)
  }
  const fd = openSync(path, 'w')
  const chunk = new Uint8Array(1 << 20)
  const out = new DataView(chunk.buffer)
  out.setUint32(0, 0xa1b2c3d4, true)
  out.setUint16(4, 2, true)
  out.setUint16(6, 4, true)
  out.setUint32(16, 65535, true)
  out.setUint32(20, 1, true)
  let at = 24
  for (let i = 0; i < count; i++) {
    const pick = random() % 100
    const frame = templates[pick]!
    if (at + 16 + frame.length > chunk.length) {
      writeSync(fd, chunk, 0, at)
      at = 0
    }
    out.setUint32(at, 1_700_000_000 + Math.floor(i / 1000), true)
    out.setUint32(at + 4, (i % 1000) * 1000, true)
    out.setUint32(at + 8, frame.length, true)
    out.setUint32(at + 12, frame.length, true)
    at += 16
    chunk.set(frame, at)
    const ip = at + ETHERNET
    const v4 = frame[12] === 8
    const hops = random() % 24
    const tcp = ip + (v4 ? 20 : 40)
    const stack = STACKS.find(
      (one, n) => pick < STACKS.slice(0, n + 1).reduce((sum, { share }) => sum + share, 0) && one,
    )!
    if (v4) {
      if (stack.id) out.setUint16(ip + 4, (random() & 0xffff) | 1)
      chunk[ip + 8] = stack.ttl - hops
      out.setUint32(ip + 12, 0x0b000000 + i)
      out.setUint16(ip + 10, random() & 0xffff)
    } else {
      out.setUint32(ip, 0x60000000 | (random() & 0xfffff) | 1)
      chunk[ip + 7] = stack.ttl - hops
      out.setUint32(ip + 20, i)
    }
    out.setUint16(tcp, 1024 + (random() % 60000))
    out.setUint32(tcp + 4, random() | 1)
    out.setUint16(tcp + 16, random() & 0xffff)
    const stamps = stack.options.indexOf('080a')
    if (stamps >= 0) out.setUint32(tcp + 20 + stamps / 2 + 2, random() | 1)
    at += frame.length
  }
  writeSync(fd, chunk, 0, at)
  closeSync(fd)
}
