/**
 * SYNs as they come in, by a packet socket (packet(7)): AF_PACKET with the link header taken off, and a filter in the kernel. Needs
 * CAP_NET_RAW when it is opened, and nothing after that.
 * @module
 */
import {
  AF_PACKET,
  ERRNO,
  ETH_P_ALL,
  errnoName,
  MSG_DONTWAIT,
  PACKET_IGNORE_OUTGOING,
  PACKET_STATISTICS,
  SIOCGIFINDEX,
  SIOCGIFNAME,
  SIOCGSTAMPNS,
  SO_ATTACH_FILTER,
  SO_LOCK_FILTER,
  SO_RCVBUF,
  SO_RCVBUFFORCE,
  SOCK_CLOEXEC,
  SOCK_DGRAM,
  SOCK_NONBLOCK,
  SOL_PACKET,
  SOL_SOCKET,
} from './constants.ts'
import type { Libc } from './libc.ts'
import { PacketRing } from './packet-ring.ts'
import { SocketError } from './socket-error.ts'
import { type BpfInstruction, SNAP_OCTETS, synFilter } from './syn-filter.ts'

/** Where things are in `struct sockaddr_ll` (linux/if_packet.h). */
const ADDRESS = { PROTOCOL: 2, INTERFACE: 4, OCTETS: 20 }
/** Octets of `struct ifreq`, and of the name in it with its NUL (linux/if.h). */
const IFREQ_OCTETS = 40
const IFNAMSIZ = 16
const INSTRUCTION_OCTETS = 8
/** Octets of the receive buffer asked for. It holds about a packet per 800: the kernel counts what it allocates for each. */
const RECEIVE_BUFFER = 8 << 20

/** What to receive. */
export interface PacketSocketOptions {
  /** Name of the one interface, such as `eth0`. All of the network namespace where absent. */
  readonly interface?: string | undefined
  /** Destination ports; any where there are none. At most 64. */
  readonly ports?: readonly number[] | undefined
}

/** Octets that a queued SYN costs of the receive buffer at least, `struct sk_buff` and the data's page fragment, and at most. */
const QUEUED_OCTETS = 512
const LARGEST_QUEUED_OCTETS = 16_384

/** A packet socket that receives SYNs, with its buffers. */
export class PacketSocket {
  readonly #libc: Libc
  readonly #fd: number
  #ring: PacketRing | undefined
  /** The packet received last, from its IP header on. */
  readonly packet: Uint8Array = new Uint8Array(new ArrayBuffer(SNAP_OCTETS))
  readonly #address = new Uint8Array(new ArrayBuffer(ADDRESS.OCTETS))
  readonly #addressView = new DataView(this.#address.buffer)
  readonly #length = new Uint32Array(new ArrayBuffer(4))
  readonly #value = new Uint8Array(new ArrayBuffer(8))
  readonly #valueView = new DataView(this.#value.buffer)
  readonly #stamp = new Uint8Array(new ArrayBuffer(16))
  readonly #stampView = new DataView(this.#stamp.buffer)
  readonly #names = new Map<number, string>()
  /** Octets of the receive buffer, by the kernel's count. */
  readonly receiveBuffer: number
  /** SYNs that can wait, at least and at most: it depends on their length. */
  readonly room: { readonly least: number; readonly most: number }

  /**
   * Opens the socket. `hasRing`: packets wait in shared memory where the runtime can, and `receiveFrom` has none. Nothing that the filter
   * would refuse is ever queued, because the socket has no protocol before the filter is there.
   *
   * @throws {SocketError} `EPERM`: without CAP_NET_RAW. `ENODEV`: no such interface. Others where the kernel or a sandbox has no packet sockets
   * @throws {RangeError} for ports that cannot be filtered
   */
  constructor(libc: Libc, { interface: name, ports }: PacketSocketOptions = {}, hasRing: boolean = false) {
    const filter = synFilter(ports)
    this.#libc = libc
    this.#fd = libc.socket(AF_PACKET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)
    if (this.#fd < 0) throw this.#error('Cannot open packet socket as', 'socket', 'AF_PACKET')
    try {
      this.#attach(filter)
      this.#ring = hasRing ? PacketRing.open(libc, this.#fd) : undefined
      this.receiveBuffer = this.#enlarge()
      const { receiveBuffer } = this
      this.room = this.#ring
        ? { least: this.#ring.capacity, most: this.#ring.capacity }
        : { least: receiveBuffer / LARGEST_QUEUED_OCTETS, most: receiveBuffer / QUEUED_OCTETS }
      // Else the kernel copies each packet that this machine sends for the filter. Linux 4.20 and newer; the filter refuses them, too.
      this.#set(SOL_PACKET, PACKET_IGNORE_OUTGOING, 1)
      this.#bind(name === undefined ? 0 : this.#indexOf(name))
      this.#set(SOL_SOCKET, SO_LOCK_FILTER, 1)
    } catch (error) {
      this.close()
      throw error
    }
  }

  #attach(filter: readonly BpfInstruction[]): void {
    const octets = new Uint8Array(new ArrayBuffer(filter.length * INSTRUCTION_OCTETS))
    const view = new DataView(octets.buffer)
    for (const [index, [code, jt, jf, k]] of filter.entries()) {
      const at = index * INSTRUCTION_OCTETS
      view.setUint16(at, code, true)
      view.setUint8(at + 2, jt)
      view.setUint8(at + 3, jf)
      view.setUint32(at + 4, k, true)
    }
    // struct sock_fprog points to the instructions: they lie outside of JavaScript's memory while the kernel copies them.
    const address = this.#libc.calloc(filter.length, INSTRUCTION_OCTETS)
    if (address === 0) throw this.#error('Cannot filter packets of', 'calloc', 'SO_ATTACH_FILTER', ERRNO.ENOMEM)
    try {
      this.#libc.store(address, octets, octets.length)
      const program = new Uint8Array(new ArrayBuffer(16))
      const programView = new DataView(program.buffer)
      programView.setUint16(0, filter.length, true)
      programView.setBigUint64(8, BigInt(address), true)
      if (this.#libc.setsockopt(this.#fd, SOL_SOCKET, SO_ATTACH_FILTER, program, 16) !== 0)
        throw this.#error('Cannot filter packets of', 'setsockopt', 'SO_ATTACH_FILTER')
    } finally {
      this.#libc.free(address)
    }
  }

  /** Beyond net.core.rmem_max only CAP_NET_ADMIN gets. */
  #enlarge(): number {
    if (!this.#set(SOL_SOCKET, SO_RCVBUFFORCE, RECEIVE_BUFFER)) this.#set(SOL_SOCKET, SO_RCVBUF, RECEIVE_BUFFER)
    this.#length[0] = 4
    const isRead = this.#libc.getsockopt(this.#fd, SOL_SOCKET, SO_RCVBUF, this.#value, this.#length) === 0
    return isRead ? this.#valueView.getUint32(0, true) : 0
  }

  #set(level: number, option: number, value: number): boolean {
    this.#valueView.setUint32(0, value, true)
    return this.#libc.setsockopt(this.#fd, level, option, this.#value, 4) === 0
  }

  #indexOf(name: string): number {
    const request = new Uint8Array(new ArrayBuffer(IFREQ_OCTETS))
    const octets = new TextEncoder().encode(name)
    const fits = octets.length > 0 && octets.length < IFNAMSIZ
    if (fits) request.set(octets)
    if (!fits) throw this.#error(`Cannot find interface "${name}" with`, 'ioctl', 'SIOCGIFINDEX', ERRNO.ENODEV)
    if (this.#libc.ioctl(this.#fd, SIOCGIFINDEX, request) !== 0)
      throw this.#error(`Cannot find interface "${name}" with`, 'ioctl', 'SIOCGIFINDEX')
    return new DataView(request.buffer).getInt32(IFNAMSIZ, true)
  }

  #bind(index: number): void {
    const view = this.#addressView
    view.setUint16(0, AF_PACKET, true)
    view.setUint16(ADDRESS.PROTOCOL, ETH_P_ALL)
    view.setInt32(ADDRESS.INTERFACE, index, true)
    if (this.#libc.bind(this.#fd, this.#address, ADDRESS.OCTETS) !== 0)
      throw this.#error('Cannot bind', 'bind', 'AF_PACKET')
  }

  #error(action: string, syscall: string, option: string, errno: number = this.#libc.errno()): SocketError {
    return new SocketError(action, { code: errnoName(errno), errno, syscall, option, fd: this.#fd })
  }

  /** Receives a packet into `packet` without waiting. Its octets, -1 where there is none. */
  receive(): number {
    return this.#ring?.take(this.packet) ?? this.#libc.recv(this.#fd, this.packet, SNAP_OCTETS, MSG_DONTWAIT)
  }

  /** The same; `interfaceName` is that of the packet. */
  receiveFrom(): number {
    this.#length[0] = ADDRESS.OCTETS
    return this.#libc.recvfrom(this.#fd, this.packet, SNAP_OCTETS, MSG_DONTWAIT, this.#address, this.#length)
  }

  /** When the packet of the last `receive` came, milliseconds since 1970; not a number where no ring says it. */
  get stamp(): number {
    return this.#ring?.stamp ?? Number.NaN
  }

  /** Name of the interface on which the packet of the last `receiveFrom` came; its number in decimal where it has gone. */
  get interfaceName(): string {
    const index = this.#addressView.getInt32(ADDRESS.INTERFACE, true)
    let name = this.#names.get(index)
    if (name === undefined) {
      const request = new Uint8Array(new ArrayBuffer(IFREQ_OCTETS))
      new DataView(request.buffer).setInt32(IFNAMSIZ, index, true)
      if (this.#libc.ioctl(this.#fd, SIOCGIFNAME, request) !== 0) return String(index)
      name = new TextDecoder().decode(request.subarray(0, request.indexOf(0)))
      if (this.#names.size < 1024) this.#names.set(index, name)
    }
    return name
  }

  /**
   * When the kernel received it, milliseconds since 1970; `undefined` where the kernel does not say, which it does from the second
   * packet on.
   */
  receivedAt(): number | undefined {
    if (this.#libc.ioctl(this.#fd, SIOCGSTAMPNS, this.#stamp) !== 0) return undefined
    return Number(this.#stampView.getBigInt64(0, true)) * 1000 + Number(this.#stampView.getBigInt64(8, true)) / 1e6
  }

  /** Packets that the kernel dropped since the last call because the receive buffer was full. */
  takeDrops(): number {
    this.#length[0] = 8
    const isRead = this.#libc.getsockopt(this.#fd, SOL_PACKET, PACKET_STATISTICS, this.#value, this.#length) === 0
    return isRead ? this.#valueView.getUint32(4, true) : 0
  }

  close(): void {
    this.#ring?.close()
    this.#ring = undefined
    this.#libc.close(this.#fd)
  }
}
