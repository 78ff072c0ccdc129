import { describe, expect, test } from 'bun:test'
import { fromHex } from '../../src/base/bytes.ts'
import { Connection } from '../../src/connection/connection.ts'
import { type Collection, FingerprintView } from '../../src/connection/view.ts'
import { defaultDatabase } from '../../src/label/default.ts'
import { match } from '../../src/label/match.ts'
import vectors from '../vectors/syn.json' with { type: 'json' }

const SYN =
  '4500003c1234400039064343c000020ac6336407a8ca01bb1122334400000000a002faf000000000020405b40402080a00a1b2c30000000001030307'
const INFO = new Uint8Array(240).fill(1)

function connect(hex = SYN): Connection {
  const read = fromHex(hex)
  return new Connection({
    fd: 9,
    cookieLow: 7,
    cookieHigh: 1,
    address: '::ffff:192.0.2.10',
    port: 43210,
    acceptedOn: { port: 443, owner: {} },
    synBytes: read.ok ? read.value : new Uint8Array(0),
    synReason: undefined,
    handshakeTimeToLive: 57,
    timing: {
      handshakeRtt: { microseconds: 57, provenance: 'handshake' },
      firstDataDelayMilliseconds: 4,
      acceptTimeMilliseconds: Date.UTC(2026, 10, 22, 12),
    },
    firstInfo: INFO,
  })
}

let asked = 0
const collection = (more: Partial<Collection> = {}): Collection => ({
  syn: true,
  tcpInfo: 'connection',
  envOptions: {},
  readInfo: () => undefined,
  labelOf(syn) {
    const { labels, own } = syn
    if (own !== undefined && !labels.has(this)) {
      asked++
      labels.set(this, match(defaultDatabase(), own))
    }
    return labels.get(this)
  },
  ...more,
})

function request(connection: Connection, of: Collection): any {
  connection.requests++
  return new FingerprintView(of, connection, connection.requests)
}

/** Writes where a strict-mode module may not, and leaves it at that. */
function write(change: () => void): void {
  try {
    change()
  } catch (error) {
    expect(error).toBeInstanceOf(TypeError)
  }
}

const FACTS = [
  'syn',
  'fingerprints',
  'label',
  'tcpInfo',
  'tcpInfoBytes',
  'timing',
  'peer',
  'local',
  'connection',
  'env',
  'delivery',
]

/** Every object that a fingerprint leads to, through own members and through getters of its classes. */
function reachable(found: any): object[] {
  const seen = new Set<object>()
  const visit = (value: unknown): void => {
    if (typeof value !== 'object' || value === null || seen.has(value)) return
    seen.add(value)
    if (ArrayBuffer.isView(value) || value instanceof Date) return
    for (
      let of = value;
      of !== null && of !== Object.prototype && of !== Array.prototype;
      of = Object.getPrototypeOf(of)
    ) {
      for (const key of Object.getOwnPropertyNames(of)) if (key !== 'constructor') visit((value as any)[key])
    }
    if (value instanceof Map || value instanceof Set) for (const one of value) visit(one)
  }
  for (const name of FACTS) visit(found[name])
  return [...seen]
}

/** Writes, adds and removes whatever an object lets be written, added and removed. */
function vandalise(part: any): void {
  if (ArrayBuffer.isView(part)) return void write(() => (part as Uint8Array).fill(0xee))
  for (const key of [...Reflect.ownKeys(part), ...Reflect.ownKeys(Object.getPrototypeOf(part) ?? {}), 'added', 0]) {
    if (key === 'constructor' || key === 'length') continue
    write(() => (part[key] = 'vandal'))
    write(() => delete part[key])
    write(() => Object.defineProperty(part, key, { value: 'vandal' }))
  }
  if (Array.isArray(part)) {
    write(() => part.push(9))
    write(() => part.reverse())
    write(() => (part.length = 0))
  }
  if (part instanceof Date) write(() => part.setTime(0))
  if (part instanceof Map || part instanceof Set) write(() => part.clear())
  write(() => Object.setPrototypeOf(part, null))
}

describe('what requests of a connection share', () => {
  test('nothing that a handler writes into a fingerprint shows in another request', () => {
    const connection = connect()
    const of = collection()
    const untouched = JSON.stringify({ ...request(connect(), of).toJSON(), connection: 0 })
    for (let i = 0; i < 4; i++) {
      const found = request(connection, of)
      expect(JSON.stringify({ ...found.toJSON(), connection: 0 })).toBe(untouched)
      expect(found.env).toEqual(request(connect(), of).env)
      for (const change of [
        () => (found.syn.tcp.mss = 7),
        () => (found.syn.ip.timeToLive = 1),
        () => (found.syn.ip = undefined),
        () => found.syn.tcp.optionKinds.push(9),
        () => (found.fingerprints.p0f = 'x'),
        () => (found.label.name = 'x'),
        () => (found.timing.rtt.microseconds = 1),
        () => (found.timing.handshakeRtt.microseconds = 1),
        () => (found.timing.handshakeRtt = undefined),
        () => (found.peer.address = 'x'),
        () => (found.local.port = 1),
        () => (found.connection.cookie = 'x'),
        () => (found.tcpInfo.rtt = 1),
        () => found.tcpInfoBytes.fill(0),
        () => (found.env.FINGERPRINT_P0F = 'x'),
      ]) {
        write(change)
      }
    }
  })

  test('whatever is changed in anything that a fingerprint leads to, however deep, shows in no other request', () => {
    for (const { name, hex } of vectors) {
      const of = collection()
      const connection = connect(hex)
      const everything = (found: any): string =>
        JSON.stringify([found.toJSON(), found.env, of, reachable(found).length], (key, value) =>
          key === 'connection' ? 0 : value instanceof Uint8Array ? [...value] : value,
        )
      const untouched = everything(request(connect(hex), of))
      for (const part of reachable(request(connection, of))) vandalise(part)
      expect(everything(request(connection, of)), name).toBe(untouched)
    }
  })

  test('strings and labels are those of the octets, whatever was written into the SYN before', () => {
    const found = request(connect(), collection())
    write(() => (found.syn.tcp.mss = 7))
    write(() => (found.syn.tcp.window = 7))
    expect(found.fingerprints.muonfp).toBe('64240:2-4-8-1-3:1460:7')
    expect(found.env.FINGERPRINT_TCP_MSS).toBe('1460')
    expect(found.label.mtu).toBe(1500)
  })

  test('a request has the same SYN however often it asks', () => {
    const connection = connect()
    for (let i = 0; i < 3; i++) {
      const found = request(connection, collection())
      expect(found.syn).toBe(found.syn)
    }
  })

  test('a label is made once for each fingerprinter', () => {
    const connection = connect()
    const [one, other] = [collection(), collection({ labelOf: () => undefined })]
    asked = 0
    const first = request(connection, one).label
    expect(request(connection, one).label).toBe(first)
    expect(request(connection, other).label).toBeUndefined()
    expect(asked).toBe(1)
  })

  test('a saved SYN that cannot be decoded has a reason, in every truncation', () => {
    for (const hex of ['ff', '4500', SYN.slice(0, 40), '60'.padEnd(80, '0')]) {
      const found = request(connect(hex), collection({ tcpInfo: 'off' }))
      expect(found).toMatchObject({ available: false, source: 'none', reason: 'unsupported' })
      expect([found.syn, found.fingerprints, found.label]).toEqual([undefined, undefined, undefined])
      expect(found.env).toMatchObject({ FINGERPRINT_SOURCE: 'none', FINGERPRINT_REASON: 'unsupported' })
    }
    expect(request(connect('4500'), collection({ syn: false })).reason).toBeUndefined()
    expect(request(connect('4500'), collection())).toMatchObject({
      available: true,
      source: 'kernel',
      reason: 'unsupported',
    })
  })

  test('timing has its milliseconds, and ISO 8601 in JSON alone', () => {
    const { timing } = request(connect(), collection())
    expect(timing.acceptTimeMilliseconds).toBe(Date.UTC(2026, 10, 22, 12))
    expect(timing.acceptTime).toBe('2026-11-22T12:00:00.000Z')
    expect(JSON.parse(JSON.stringify(timing))).toEqual({
      handshakeRtt: { microseconds: 57, provenance: 'handshake' },
      rtt: { microseconds: 0x01010101 },
      firstDataDelayMilliseconds: 4,
      acceptTime: '2026-11-22T12:00:00.000Z',
      handshakeTimeToLive: 57,
    })
  })
})

test('a connection keeps facts of its SYN while it is among the last 256 decoded, and makes them again', () => {
  const one = connect()
  const asked = connect()
  const first = one.syn!
  const label = { labeled: true }
  expect(first.own).toBeDefined()
  asked.syn!.answers.set(label, undefined)
  const kept = asked.syn
  expect(kept!.own).toBeDefined()
  for (let i = 0; i < 255; i++) connect().syn!.own
  expect(one.syn === first).toBe(false)
  connect().syn!.own
  // What a labeller has said is not asked again.
  expect(asked.syn === kept).toBe(true)
  expect(asked.syn!.answers.has(label)).toBe(true)
  expect(one.syn!.own).toEqual(first.own!)
  expect(one.source).toBe('kernel')
})
