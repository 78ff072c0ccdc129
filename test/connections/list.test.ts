import { describe, expect, test } from 'bun:test'
import { openLibc } from '../../ffi/libc.bun.ts'
import { isLibc, type Libc } from '../../ffi/libc.ts'
import { ListConnectionsError, type LiveConnection, listConnections, visitThrough } from '../../src/connections/list.ts'
import { needs } from '../lab/privilege.ts'
import { createFakeLibc } from '../support/fake-libc.ts'
import { seeded } from '../support/seeded.ts'

/** A kernel that answers each request with these octets, sequence numbers put right. */
function answering(answers: readonly Uint8Array[]): Libc {
  let sequence = 0
  let left: Uint8Array[] = []
  return Object.assign(createFakeLibc(), {
    socket: () => 9,
    close: () => 0,
    errno: () => 11,
    send: (_fd: number, buffer: Uint8Array, count: number) => {
      sequence = new DataView(buffer.buffer, buffer.byteOffset).getUint32(8, true)
      left = [...answers]
      return count
    },
    recv: (_fd: number, buffer: Uint8Array) => {
      const next = left.shift()
      if (next === undefined) return -1
      buffer.set(next)
      if (next.length >= 12) new DataView(buffer.buffer).setUint32(8, sequence, true)
      return next.length
    },
  })
}

function message(type: number, payload: Uint8Array, flags = 0): Uint8Array {
  const octets = new Uint8Array(16 + payload.length)
  const view = new DataView(octets.buffer)
  view.setUint32(0, octets.length, true)
  view.setUint16(4, type, true)
  view.setUint16(6, flags, true)
  octets.set(payload, 16)
  return octets
}

const DONE = message(3, new Uint8Array(4))
const NLM_F_DUMP_INTR = 0x10

/** 192.0.2.1:40000 to 127.0.0.1:80, cookie 2^32 + 7, owner 33, with the attributes that are asked for. */
function socketPayload(): Uint8Array {
  const octets = new Uint8Array(72 + 8 + 12 + 40)
  const view = new DataView(octets.buffer)
  octets[0] = 2
  octets[1] = 8
  view.setUint16(4, 80)
  view.setUint16(6, 40_000)
  view.setUint32(8, 0x7f000001)
  view.setUint32(24, 0xc0000201)
  view.setUint32(44, 7, true)
  view.setUint32(48, 1, true)
  view.setUint32(64, 33, true)
  // INET_DIAG_INFO of two octets, INET_DIAG_CONG, INET_DIAG_SKMEMINFO.
  view.setUint16(72, 6, true)
  view.setUint16(74, 2, true)
  octets.set([8, 1], 76)
  view.setUint16(80, 10, true)
  view.setUint16(82, 4, true)
  octets.set([0x63, 0x75, 0x62, 0x69, 0x63, 0], 84)
  view.setUint16(92, 40, true)
  view.setUint16(94, 7, true)
  for (let i = 0; i < 9; i++) view.setUint32(96 + 4 * i, 100 + i, true)
  return octets
}

function seen(libc: Libc): { all: LiveConnection[]; isInterrupted: boolean } {
  const all: LiveConnection[] = []
  const isInterrupted = visitThrough(libc, {}, (one) => {
    all.push(one)
  })
  return { all, isInterrupted }
}

describe('visitConnections', () => {
  test('gives what the kernel says', () => {
    const { all, isInterrupted } = seen(answering([message(20, socketPayload()), DONE]))
    expect(all.length).toBe(1)
    expect(isInterrupted).toBe(false)
    expect(all[0]).toEqual({
      state: 'CLOSE_WAIT',
      peer: { address: '192.0.2.1', port: 40_000 },
      local: { address: '127.0.0.1', port: 80 },
      cookie: '4294967303',
      uid: 33,
      congestionControl: 'cubic',
      memory: { received: 100, receiveBuffer: 101, queued: 102, sendBuffer: 103 },
      tcpInfo: { state: 8, ca_state: 1 },
    })
  })

  test('tells an interrupted list, with all that came', () => {
    const { all, isInterrupted } = seen(answering([message(20, socketPayload(), NLM_F_DUMP_INTR), DONE]))
    expect([all.length, isInterrupted]).toEqual([1, true])
  })

  test('ends where the visitor has seen enough', () => {
    let count = 0
    const libc = answering(Array.from({ length: 9 }, () => message(20, socketPayload())))
    expect(visitThrough(libc, {}, () => ++count < 3)).toBe(false)
    expect(count).toBe(3)
  })

  const error = (errno: number): Uint8Array => {
    const payload = new Uint8Array(20)
    new DataView(payload.buffer).setInt32(0, -errno, true)
    return message(2, payload)
  }
  test.each([
    ['a seccomp profile, gVisor', createFakeLibc(), /may not use sock_diag \(a seccomp profile/],
    ['no INET_DIAG', answering([error(2)]), /CONFIG_INET_DIAG/],
    ['another error', answering([error(1)]), /refuses with EPERM/],
    ['an answer without an end', answering([message(20, socketPayload())]), /ended its answer early/],
  ] as const)('says why not: %s', (_name, libc, words) => {
    expect(() => seen(libc)).toThrow(ListConnectionsError)
    expect(() => seen(libc)).toThrow(words)
  })

  test('refuses filters that cannot be', () => {
    const libc = answering([DONE])
    for (const filter of [
      { port: 0 },
      { port: 65_536 },
      { port: 1.5 },
      { peer: 'example.org' },
      { states: ['OPEN'] },
    ]) {
      expect(() => visitThrough(libc, filter, () => {})).toThrow(TypeError)
    }
  })

  test('truncated and random messages never throw anything else, and give no more than came', () => {
    const random = seeded(16)
    const whole = message(20, socketPayload())
    for (let round = 0; round < 4000; round++) {
      const octets = round < whole.length ? whole.slice(0, round) : whole.slice()
      for (let i = 0; i < 4 && round >= whole.length; i++) {
        octets[Math.floor(random() * octets.length)] = Math.floor(random() * 256)
      }
      let count = 0
      try {
        visitThrough(answering([octets, DONE]), {}, ({ tcpInfo }) => {
          count++
          expect(Object.keys(tcpInfo ?? {}).length).toBeLessThanOrEqual(80)
        })
      } catch (caught) {
        expect(caught).toBeInstanceOf(ListConnectionsError)
      }
      expect(count).toBeLessThanOrEqual(2)
    }
  })
})

needs('linux').test('listConnections finds both ends of a connection of this process', async () => {
  const libc = openLibc()
  expect(isLibc(libc)).toBe(true)
  const server = Bun.listen({ hostname: '127.0.0.1', port: 0, socket: { data() {} } })
  const client = await Bun.connect({ hostname: '127.0.0.1', port: server.port, socket: { data() {} } })
  try {
    // Ports may be those of other programs' connections, too.
    const one = listConnections({ port: server.port }).find(({ peer }) => peer.port === client.localPort)
    expect(one).toMatchObject({ state: 'ESTABLISHED', peer: { address: '127.0.0.1', port: client.localPort } })
    expect(one!.tcpInfo!.rtt).toBeGreaterThan(0)
    const back = listConnections({ port: client.localPort, peer: '127.0.0.1' })
    expect(back.filter(({ peer }) => peer.port === server.port).length).toBe(1)
  } finally {
    client.end()
    server.stop(true)
  }
})
