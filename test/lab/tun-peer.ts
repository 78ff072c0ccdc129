/**
 * A TCP client in userspace, behind a TUN device of a network namespace. The whole network beyond the namespace is this
 * client: any source address, any SYN, any delay of any segment.
 *
 * @example
 * await using ns = createNetns()
 * const peer = createTunPeer(ns)
 * const server = await startServer(ns, 'test/net/server.ts')
 * // At once: a handshake of 30 ms, the request 100 ms after it.
 * const { connection, response } = await peer.exchange(
 *   { destination: { address: peer.ipv4, port: server.port }, syn: { ttl: 51 }, ackDelayMs: 30, dataDelayMs: 100 },
 *   'GET /json HTTP/1.1\r\nHost: x\r\n\r\n',
 * )
 * connection.savedSyn // the octets TCP_SAVED_SYN must hold
 * // Step by step:
 * const conn = peer.open({ destination: { address: peer.ipv6, port: server.port }, manual: true })
 * conn.sendSyn()
 * await conn.waitSynAck()
 * conn.sendAck({ ttl: 52 })
 * conn.send('GET / HTTP/1.1\r\n', { ttl: 53, segmentSize: 5 })
 * conn.rst()
 *
 * How exact: the peer sleeps in `ppoll`, as a real-time thread where it may be one, and sends prepared packets; `npm run bench -- peer-latency` prints the figures.
 * While a timer or a `wait` is pending it holds the JavaScript thread in slices of at most 0.5 ms, with connections
 * open it looks every 4 ms, and with none nothing runs.
 * @module
 */
import type { HttpResponse } from '../support/http.ts'
import type { ConnectOptions } from './connect-options.ts'
import { buffer, C, close, ioctl, LibcError, open, pollReadable, readInto, setRealTime, writeFrom } from './libc.ts'
import type { Moment } from './moments.ts'
import type { Netns } from './netns.ts'
import { buildPacket, FLAG, familyOf, linuxOptions, parsePacket } from './packet.ts'
import { keyOf, PeerConnection, type Wire } from './peer-connection.ts'
import { Timers } from './timers.ts'
import { PeerError } from './waiters.ts'

const SLICE_MS = 0.5
const SPIN_MS = 0.08
const LINGER_MS = 50

/** How to make a peer. */
export interface TunPeerOptions {
  /** Addresses of the namespace's own side, at least one each. Default `10.66.0.1`, `10.66.0.2` and `fd66::1`, `fd66::2`. */
  readonly ipv4?: readonly string[]
  readonly ipv6?: readonly string[]
  /** Default 1500. */
  readonly mtu?: number
}

/** The far network of a namespace. */
export interface TunPeer {
  /** The namespace's first address: where servers listen. */
  readonly ipv4: string
  readonly ipv6: string
  /** All of the namespace's addresses on this device. */
  readonly addresses: readonly string[]
  /** A connection that has sent nothing yet. @throws {RangeError} for fields that make no packet */
  open(options: ConnectOptions): PeerConnection
  /** Opens a connection and waits until the handshake is over on our side. @throws {PeerError} */
  connect(options: ConnectOptions): Promise<PeerConnection>
  /** Opens a connection, sends `request` `dataDelayMs` after the handshake ACK, reads the response. @throws {PeerError} */
  exchange(options: ConnectOptions, request: string): Promise<{ connection: PeerConnection; response: HttpResponse }>
  /** Sends any octets as a packet. */
  inject(packet: Uint8Array): void
  /** Connections that are neither closed nor reset. */
  readonly size: number
  /** Takes the device away. The namespace does that too when it closes. */
  close(): void
}

/**
 * Makes the TUN device, gives the namespace its addresses on it and routes everything else to the peer.
 *
 * No offload is on: checksums are right in both directions and segments are as the kernel's TCP made them.
 * Needs root: guard the test with `needs('netns', 'tun')`.
 * @throws {LibcError} when the device cannot be made
 */
export function createTunPeer(netns: Netns, options: TunPeerOptions = {}): TunPeer {
  const { ipv4 = ['10.66.0.1', '10.66.0.2'], ipv6 = ['fd66::1', 'fd66::2'], mtu = 1500 } = options
  // Without TUNSETOFFLOAD the kernel segments and sums in software; without IFF_NAPI nothing is merged by GRO.
  const fd = netns.run(() => open('/dev/net/tun', C.O_RDWR | C.O_NONBLOCK | C.O_CLOEXEC))
  const request = buffer(40)
  new DataView(request.buffer).setUint16(16, C.IFF_TUN | C.IFF_NO_PI, true)
  try {
    ioctl(fd, C.TUNSETIFF, request, 'make a TUN device')
    const device = new TextDecoder().decode(request.subarray(0, request.indexOf(0)))
    netns.ip('link', 'set', device, 'mtu', String(mtu), 'txqueuelen', '20000', 'addrgenmode', 'none')
    for (const address of ipv4) netns.ip('addr', 'add', `${address}/32`, 'dev', device)
    for (const address of ipv6) netns.ip('-6', 'addr', 'add', `${address}/128`, 'dev', device, 'nodad')
    netns.ip('link', 'set', device, 'up')
    if (ipv4.length > 0) netns.ip('route', 'add', 'default', 'dev', device)
    if (ipv6.length > 0) netns.ip('-6', 'route', 'add', 'default', 'dev', device)
  } catch (error) {
    close(fd)
    throw error
  }

  const timers = new Timers()
  const connections = new Map<string, PeerConnection>()
  const incoming = buffer(65_536)
  let waiters = 0
  let scheduled: 'no' | 'soon' | 'later' = 'no'
  let laterTimer: ReturnType<typeof setTimeout> | undefined
  let closed = false
  let draining = false
  /** When the device was last seen empty: what is read next is younger. */
  let emptyAt = performance.now()
  let running = false
  let opened = 0
  let urgent = false
  let lastUrgent = 0

  /** While something is due or awaited this thread goes before the machine's ordinary work; it sleeps most of the time. */
  function setUrgent(on: boolean): void {
    if (on) lastUrgent = performance.now()
    // Not at every gap between two packets: an ordinary thread may have to wait long for its next turn.
    if (on === urgent || (!on && performance.now() - lastUrgent < LINGER_MS)) return
    urgent = on
    setRealTime(on)
  }

  function handle(packet: Uint8Array, at: Moment): void {
    const segment = parsePacket(packet)
    if (segment === undefined) return
    const connection = connections.get(keyOf(segment.destination, segment.source))
    if (connection !== undefined) connection.receive(segment, at)
    else if ((segment.flags & FLAG.RST) === 0) {
      // Nobody here: say so, as a host would, so that the server forgets it.
      const acked = (segment.flags & FLAG.ACK) !== 0
      const length = segment.payload.length + ((segment.flags & (FLAG.SYN | FLAG.FIN)) !== 0 ? 1 : 0)
      writeFrom(
        fd,
        buildPacket({
          source: segment.destination,
          destination: segment.source,
          flags: acked ? FLAG.RST : FLAG.RST | FLAG.ACK,
          sequence: acked ? segment.acknowledgment : 0,
          acknowledgment: acked ? 0 : (segment.sequence + length) >>> 0,
          window: 0,
        }),
      )
    }
  }

  function drain(): void {
    if (draining) return
    draining = true
    try {
      for (;;) {
        const start = performance.now()
        const n = readInto(fd, incoming)
        if (n <= 0) {
          emptyAt = start
          break
        }
        handle(incoming.subarray(0, n), { from: emptyAt, to: performance.now() })
      }
    } finally {
      draining = false
    }
  }

  /** Runs what is due, unless that is what we are doing. */
  function runDue(): void {
    if (running || draining) return
    running = true
    try {
      timers.run()
    } finally {
      running = false
    }
  }

  function tick(): void {
    scheduled = 'no'
    if (closed) return
    drain()
    runDue()
    if (waiters > 0 || timers.exact > 0) {
      const wait = Math.min(SLICE_MS, timers.next - performance.now() - SPIN_MS)
      if (wait > 0) pollReadable(fd, wait)
      while (timers.next - performance.now() < SPIN_MS && timers.next > performance.now()) {
        // The last stretch: sleeping would overshoot.
      }
      runDue()
      drain()
    }
    schedule()
  }

  function schedule(): void {
    if (closed) return
    const hot = waiters > 0 || timers.exact > 0
    setUrgent(hot)
    if (hot) {
      if (scheduled === 'soon') return
      if (laterTimer !== undefined) clearTimeout(laterTimer)
      scheduled = 'soon'
      setImmediate(tick)
    } else if ((connections.size > 0 || urgent) && scheduled === 'no') {
      scheduled = 'later'
      laterTimer = setTimeout(tick, 4)
      laterTimer.unref()
    }
  }

  const wire: Wire = {
    timers,
    send(packet, onSent) {
      if (closed) return
      // Everything older is taken out first, so that an answer to this packet is known to be younger than it.
      drain()
      const from = performance.now()
      const sent = writeFrom(fd, packet)
      if (sent < 0) throw new LibcError('write', -sent, `send a packet of ${packet.length} octets`)
      onSent?.({ from, to: performance.now() })
      drain()
      runDue()
      schedule()
    },
    waiting(change) {
      waiters += change
      schedule()
    },
    attach(connection) {
      setUrgent(true)
      connections.get(connection.key)?.abandon()
      connections.set(connection.key, connection)
    },
    detach(connection) {
      if (connections.get(connection.key) === connection) connections.delete(connection.key)
    },
  }

  const peer: TunPeer = {
    ipv4: ipv4[0] ?? '',
    ipv6: ipv6[0] ?? '',
    addresses: [...ipv4, ...ipv6],
    open(connect) {
      if (closed) throw new PeerError('closed', 'Cannot open a connection: the peer is closed')
      const n = (opened += 1)
      const version = familyOf(connect.destination.address)
      const host =
        version === 4
          ? `198.51.100.${10 + Math.floor(n / 40_000)}`
          : `2001:db8::${(16 + Math.floor(n / 40_000)).toString(16)}`
      const source = connect.source ?? { address: host, port: 20_000 + (n % 40_000) }
      const syn =
        connect.raw ??
        buildPacket({
          sequence: crypto.getRandomValues(new Uint32Array(1))[0]!,
          ipId: n & 0xffff,
          options: linuxOptions(version === 4 ? 1460 : 1440, 0x0a00_0000 + n),
          ...connect.syn,
          source,
          destination: connect.destination,
        })
      return new PeerConnection(connect, syn, wire)
    },
    async connect(connect) {
      const connection = peer.open(connect)
      connection.sendSyn()
      await connection.waitEstablished(10_000 + (connect.ackDelayMs ?? 0))
      return connection
    },
    async exchange(connect, text) {
      const connection = peer.open({ ...connect, data: text })
      connection.sendSyn()
      const limit = 10_000 + (connect.ackDelayMs ?? 0) + (connect.dataDelayMs ?? 0)
      const response = await connection.response(text.startsWith('HEAD '), limit)
      return { connection, response }
    },
    inject(packet) {
      wire.send(packet)
    },
    get size() {
      return connections.size
    },
    close() {
      if (closed) return
      closed = true
      lastUrgent = 0
      setUrgent(false)
      if (laterTimer !== undefined) clearTimeout(laterTimer)
      for (const connection of [...connections.values()]) connection.abandon()
      close(fd)
    },
  }
  netns.onClose(() => peer.close())
  return peer
}
