import { expect, test } from 'bun:test'
import { type BpfInstruction, SNAP_OCTETS, synFilter } from '../../ffi/syn-filter.ts'
import { buildPacket, FLAG, linuxOptions, type PacketFields } from '../lab/packet.ts'
import { seeded } from '../support/seeded.ts'

/** What the kernel knows beside the octets. */
interface Beside {
  readonly protocol: number
  readonly packetType: number
}

/** Classic BPF as Linux runs it (Documentation/networking/filter.rst): a load beyond the packet ends with 0. */
function run(program: readonly BpfInstruction[], packet: Uint8Array, { protocol, packetType }: Beside): number {
  let a = 0
  let x = 0
  for (let pc = 0; pc < program.length; pc++) {
    const [code, jt, jf, k] = program[pc]!
    const size = code === 0x28 || code === 0x48 ? 2 : 1
    const load = (at: number): number | undefined => {
      if (at === 0xfffff000) return protocol
      if (at === 0xfffff004) return packetType
      if (at + size > packet.length) return undefined
      return size === 2 ? (packet[at]! << 8) | packet[at + 1]! : packet[at]!
    }
    switch (code) {
      case 0x30:
      case 0x28:
      case 0x50:
      case 0x48: {
        const value = load(code === 0x50 || code === 0x48 ? x + k : k)
        if (value === undefined) return 0
        a = value
        break
      }
      case 0xb1: {
        const value = packet[k]
        if (value === undefined) return 0
        x = (value & 15) * 4
        break
      }
      case 0x54:
        a &= k
        break
      case 0x15:
        pc += a === k ? jt : jf
        break
      case 0x06:
        return k
      default:
        throw new Error(`unknown code ${code}`)
    }
  }
  throw new Error('ran beyond the end')
}

const V4 = { source: { address: '192.0.2.10', port: 43_210 }, destination: { address: '198.51.100.7', port: 443 } }
const V6 = { source: { address: '2001:db8::1', port: 43_210 }, destination: { address: '2001:db8::2', port: 443 } }
const host = (packet: Uint8Array): Beside => ({ protocol: packet[0]! >> 4 === 4 ? 0x0800 : 0x86dd, packetType: 0 })
const options = linuxOptions()

/** Name, packet, whether it passes without ports. */
const ROWS: readonly (readonly [string, PacketFields, boolean])[] = [
  ['SYN', { ...V4, options }, true],
  ['SYN with IP options', { ...V4, options, ipOptions: new Uint8Array([1, 1, 1, 0, 1, 1, 1, 0]) }, true],
  ['SYN with data', { ...V4, options, payload: new Uint8Array(100) }, true],
  ['SYN, ECE, CWR', { ...V4, flags: FLAG.SYN | FLAG.ECE | FLAG.CWR }, true],
  ['SYN, PSH, URG', { ...V4, flags: FLAG.SYN | FLAG.PSH | FLAG.URG }, true],
  ['SYN, ACK', { ...V4, flags: FLAG.SYN | FLAG.ACK }, false],
  ['SYN, FIN', { ...V4, flags: FLAG.SYN | FLAG.FIN }, false],
  ['SYN, RST', { ...V4, flags: FLAG.SYN | FLAG.RST }, false],
  ['ACK', { ...V4, flags: FLAG.ACK }, false],
  ['FIN, ACK', { ...V4, flags: FLAG.FIN | FLAG.ACK }, false],
  ['RST', { ...V4, flags: FLAG.RST }, false],
  ['nothing', { ...V4, flags: 0 }, false],
  ['SYN over IPv6', { ...V6, options }, true],
  ['ACK over IPv6', { ...V6, flags: FLAG.ACK }, false],
]

test('the filter lets SYNs through and nothing else', () => {
  const program = synFilter()
  for (const [name, fields, passes] of ROWS) {
    const packet = buildPacket(fields)
    expect(run(program, packet, host(packet)), name).toBe(passes ? SNAP_OCTETS : 0)
    for (const [packetType, how] of ['', 'broadcast', 'multicast', 'of others', 'sent by this machine'].entries())
      if (packetType > 0) expect(run(program, packet, { ...host(packet), packetType }), `${name}, ${how}`).toBe(0)
    expect(run(program, packet, { protocol: 0x0806, packetType: 0 }), `${name}, of another protocol`).toBe(0)
  }
})

test('the filter lets no fragment and no other protocol through', () => {
  const program = synFilter()
  const packet = buildPacket({ ...V4, options })
  for (const fragment of [0x2000, 0x0001, 0x1fff, 0x2001]) {
    const cut = packet.slice()
    cut[6] = (cut[6]! & 0xc0) | (fragment >> 8)
    cut[7] = fragment & 255
    expect(run(program, cut, host(cut)), fragment.toString(16)).toBe(0)
  }
  for (const protocol of [1, 17, 41, 132]) {
    const other = packet.slice()
    other[9] = protocol
    expect(run(program, other, host(other))).toBe(0)
  }
})

test('the filter lets IPv6 packets with an extension header through, whatever is behind it', () => {
  for (const program of [synFilter(), synFilter([80])]) {
    const packet = buildPacket({ ...V6, options })
    for (let next = 0; next < 256; next++) {
      const other = packet.slice()
      other[6] = next
      const passes = [0, 43, 44, 51, 60].includes(next) || (next === 6 && program.length === synFilter().length)
      expect(run(program, other, host(other)), String(next)).toBe(passes ? SNAP_OCTETS : 0)
    }
  }
})

test('with ports the filter lets SYNs to these through', () => {
  for (const ports of [[443], [80, 443], Array.from({ length: 64 }, (_, index) => 400 + index)]) {
    const program = synFilter(ports)
    for (const ends of [V4, V6]) {
      for (let port = 1; port < 600; port++) {
        const packet = buildPacket({ ...ends, destination: { ...ends.destination, port }, options })
        expect(run(program, packet, host(packet)) > 0, `${port} of ${ports}`).toBe(ports.includes(port))
      }
    }
  }
})

test('the filter ends on any octets', () => {
  const random = seeded(1)
  for (const program of [synFilter(), synFilter([80, 443])]) {
    for (let round = 0; round < 20_000; round++) {
      const packet = Uint8Array.from({ length: Math.floor(random() * 100) }, () => Math.floor(random() * 256))
      const protocol = random() < 0.5 ? 0x0800 : 0x86dd
      expect([0, SNAP_OCTETS]).toContain(run(program, packet, { protocol, packetType: 0 }))
    }
  }
})

test('ports that are none, and too many, are refused', () => {
  for (const ports of [[0], [65_536], [1.5], [Number.NaN], Array.from({ length: 65 }, (_, index) => index + 1)])
    expect(() => synFilter(ports)).toThrow(RangeError)
})
