/**
 * The smallest server there can be: a listening socket of this very process whose accepted connections give what the
 * kernel knows of them, with no runtime and no product code in between. It shows that the peers do what they say.
 *
 * @example
 * const probe = createProbe(ns, { address: peer.ipv4, port: 0 })
 * const [conn, child] = await Promise.all([peer.connect({ destination: probe.endpoint, ackDelayMs: 30 }), probe.accept()])
 * child.savedSyn() // octets
 * child.info().rtt // about 30,000
 * @module
 */
import {
  accept,
  bind,
  buffer,
  C,
  close,
  errnoName,
  getIntOption,
  getOption,
  LibcError,
  listen,
  recv,
  send,
  setOption,
  socketName,
  tcpSocket,
} from './libc.ts'
import type { Netns } from './netns.ts'
import { type Endpoint, endpointOf, familyOf, sockaddr } from './packet.ts'

/** Some fields of `struct tcp_info`, by the kernel's names without `tcpi_`. */
export interface ProbeInfo {
  readonly state: number
  readonly options: number
  readonly rtt: number
  readonly rttvar: number
  readonly min_rtt: number
  readonly total_retrans: number
  readonly last_data_sent: number
  readonly last_data_recv: number
  readonly segs_in: number
  readonly data_segs_in: number
  readonly data_segs_out: number
}

/** One accepted connection. */
export interface ProbeConnection {
  readonly fd: number
  readonly peer: Endpoint
  /** TCP_SAVED_SYN; empty when there is none. The kernel gives it once. */
  savedSyn(): Uint8Array
  info(): ProbeInfo
  /** TTL or hop limit of the segment that completed the handshake. */
  handshakeTtl(): number
  /** What has come, without waiting: `undefined` when nothing has, `null` at the end. */
  read(): Uint8Array | null | undefined
  /** Waits for data; `null` at the end. */
  readSoon(timeoutMs?: number): Promise<Uint8Array | null>
  write(bytes: Uint8Array): void
  close(): void
}

/** A listening socket. */
export interface Probe {
  readonly fd: number
  readonly endpoint: Endpoint
  /** The next connection. @throws {Error} when none comes in time */
  accept(timeoutMs?: number): Promise<ProbeConnection>
  /** Closes the listener and all its connections. */
  close(): void
}

/** How to listen. */
export interface ProbeOptions {
  readonly address: string
  readonly port?: number
  /** TCP_SAVE_SYN. Default 1. */
  readonly saveSyn?: number
  /** TCP_DEFER_ACCEPT in seconds. Default 0. */
  readonly deferAccept?: number
  /** TCP_FASTOPEN queue length. Default 0: off. */
  readonly fastOpen?: number
}

async function poll<T>(what: string, timeoutMs: number, look: () => T | undefined): Promise<T> {
  const limit = performance.now() + timeoutMs
  for (;;) {
    const found = look()
    if (found !== undefined) return found
    if (performance.now() > limit) throw new Error(`Cannot go on: ${what} did not come within ${timeoutMs} ms`)
    await Bun.sleep(1)
  }
}

function wrap(fd: number): ProbeConnection {
  const name = socketName(fd, true)
  const into = buffer(65_536)
  const connection: ProbeConnection = {
    fd,
    peer: typeof name === 'number' ? { address: '', port: 0 } : endpointOf(name),
    savedSyn() {
      const bytes = getOption(fd, C.IPPROTO_TCP, C.TCP_SAVED_SYN, 512)
      if (typeof bytes === 'number') throw new LibcError('getsockopt', -bytes, 'read TCP_SAVED_SYN')
      return bytes.slice()
    },
    info() {
      const bytes = getOption(fd, C.IPPROTO_TCP, C.TCP_INFO, 512)
      if (typeof bytes === 'number') throw new LibcError('getsockopt', -bytes, 'read TCP_INFO')
      const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
      const u32 = (at: number): number => view.getUint32(at, true)
      return {
        state: bytes[0]!,
        options: bytes[5]!,
        rtt: u32(68),
        rttvar: u32(72),
        min_rtt: u32(148),
        total_retrans: u32(100),
        last_data_sent: u32(44),
        last_data_recv: u32(52),
        segs_in: u32(140),
        data_segs_in: u32(152),
        data_segs_out: u32(156),
      }
    },
    handshakeTtl() {
      return connection.peer.address.includes(':') && !connection.peer.address.startsWith('::ffff:')
        ? getIntOption(fd, C.IPPROTO_IPV6, C.IPV6_MULTICAST_HOPS)
        : getIntOption(fd, C.IPPROTO_IP, C.IP_MULTICAST_TTL)
    },
    read() {
      const n = recv(fd, into)
      if (n === -C.EAGAIN) return undefined
      if (n < 0) throw new LibcError('recv', -n, 'read from the peer')
      return n === 0 ? null : into.slice(0, n)
    },
    readSoon(timeoutMs = 10_000) {
      return poll('data', timeoutMs, () => connection.read())
    },
    write(bytes) {
      const n = send(fd, bytes)
      if (n !== bytes.length) throw new Error(`Cannot write ${bytes.length} octets: ${n < 0 ? errnoName(-n) : n}`)
    },
    close() {
      close(fd)
    },
  }
  return connection
}

/** Makes the listener, in `netns` where given. @throws {LibcError} */
export function createProbe(netns: Netns | undefined, options: ProbeOptions): Probe {
  const { address, port = 0, saveSyn = 1, deferAccept = 0, fastOpen = 0 } = options
  const make = (): number => tcpSocket(familyOf(address))
  const fd = netns === undefined ? make() : netns.run(make)
  const children = new Set<ProbeConnection>()
  try {
    setOption(fd, C.SOL_SOCKET, C.SO_REUSEADDR, 1)
    for (const [name, value] of [
      [C.TCP_SAVE_SYN, saveSyn],
      [C.TCP_DEFER_ACCEPT, deferAccept],
      [C.TCP_FASTOPEN, fastOpen],
    ] as const) {
      if (value === 0) continue
      const rc = setOption(fd, C.IPPROTO_TCP, name, value)
      if (rc < 0) throw new LibcError('setsockopt', -rc, `set TCP option ${name} to ${value}`)
    }
    const rc = bind(fd, sockaddr({ address, port }))
    if (rc < 0) throw new LibcError('bind', -rc, `bind to ${address} port ${port}`)
    listen(fd, 4096)
  } catch (error) {
    close(fd)
    throw error
  }
  return {
    fd,
    endpoint: endpointOf(socketName(fd, false) as Uint8Array),
    async accept(timeoutMs = 10_000) {
      const child = await poll('a connection', timeoutMs, () => {
        const n = accept(fd)
        if (n === -C.EAGAIN) return undefined
        if (n < 0) throw new LibcError('accept4', -n, 'accept a connection')
        return n
      })
      const connection = wrap(child)
      children.add(connection)
      return { ...connection, close: () => void (children.delete(connection) && connection.close()) }
    },
    close() {
      for (const child of children) child.close()
      children.clear()
      close(fd)
    },
  }
}
