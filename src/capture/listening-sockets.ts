/**
 * The listening sockets of the process: found among its descriptors, and made to keep SYNs and to accept at the bare ACK.
 * @module
 */
import { AF_INET, AF_INET6, SOCK_DGRAM, SOCK_STREAM } from '../../ffi/constants.ts'
import { OpenNumbers } from '../../ffi/descriptors/open-numbers.ts'
import type { Sockets } from '../../ffi/socket.ts'
import { SocketError } from '../../ffi/socket-error.ts'
import type { Reason } from '../connection/connection.ts'
import { type AddressWords, createAddressWords, isUnspecified, sameAddress } from '../wire/sockaddr.ts'

/** What is to be set on listeners. */
export interface ArmOptions {
  /** True if listeners are to keep SYNs. */
  readonly saveSyn: boolean
  /** True if TCP_DEFER_ACCEPT is to be cleared, so that the first RTT sample is the handshake's. */
  readonly clearDeferAccept: boolean
  /** Only listeners on this port; every TCP listener of the process where absent. */
  readonly port?: number | undefined
}

/** One TCP listener of the process and what could be set on it. */
export interface ListeningSocket {
  readonly fd: number
  /** SO_COOKIE as two words, low first; 0, which none is, where the kernel refuses it. */
  readonly cookieLow: number
  readonly cookieHigh: number
  readonly port: number
  readonly address: AddressWords
  /** True if it keeps SYNs now. */
  saveSyn: boolean
  /** Why it does not. */
  reason: Reason | undefined
  /** TCP_DEFER_ACCEPT in seconds when it was first seen, and now. */
  readonly deferAcceptBefore: number
  deferAccept: number
}

/** Unused numbers in a row that end a search for listeners where the kernel does not say how far descriptors go. */
const GAP = 1024
/** Numbers looked at then, however many seem to be open: where the kernel refuses `poll`, all do. */
const MOST_NUMBERS = 65_536

/** Finds, arms and remembers listeners. */
export class ListeningSockets {
  readonly #sockets: Sockets
  readonly #numbers: OpenNumbers
  #armed: ListeningSocket[] = []
  #udpPorts = new Set<number>()

  constructor(sockets: Sockets) {
    this.#sockets = sockets
    this.#numbers = new OpenNumbers(sockets.libc)
  }

  /** The listeners known at the last scan. */
  get armed(): readonly ListeningSocket[] {
    return this.#armed
  }

  /** True if a UDP socket of the process is bound to this port: HTTP/3 requests may come with its peers. */
  hasUdp(port: number): boolean {
    return this.#udpPorts.has(port)
  }

  /** Addresses of a port that one listener has to itself, beside one for all addresses (SO_REUSEPORT, SO_REUSEADDR). */
  addresses(port: number): AddressWords[] {
    return this.#armed.filter((one) => one.port === port && !isUnspecified(one.address)).map((one) => one.address)
  }

  /** The sockets that may have accepted a connection for a server with this port and address. */
  at(port: number, address: AddressWords | undefined): ListeningSocket[] {
    return this.#armed.filter(
      (one) =>
        one.port === port &&
        (address === undefined ||
          isUnspecified(address) ||
          isUnspecified(one.address) ||
          sameAddress(one.address, address)),
    )
  }

  /** True if there are listeners and every known one is still the same socket. */
  areIntact(): boolean {
    if (this.#armed.length === 0) return false
    return this.#armed.every((one) => this.#sockets.hasCookie(one.fd, one.cookieLow, one.cookieHigh))
  }

  /**
   * Scans all descriptors but those for which `isConnection` is true, and arms TCP listeners. Errors of the kernel go
   * to `onError`.
   */
  arm(options: ArmOptions, onError: (error: Error) => void, isConnection?: (fd: number) => boolean): void {
    const before = this.#armed
    const found: ListeningSocket[] = []
    const udpPorts = new Set<number>()
    const limit = this.#sockets.descriptorLimit()
    let end = limit === 0 ? GAP : limit
    const look = (fd: number, isWritable: boolean, isReadable: boolean): false => {
      if (limit === 0) end = Math.min(MOST_NUMBERS, Math.max(end, fd + 1 + GAP))
      // A listener is never writable. Of thousands of connections, each would cost a call.
      if (isWritable && !isReadable) return false
      const listener = this.#listenerAt(fd, before, udpPorts)
      if (listener !== undefined) {
        if (options.port === undefined || options.port === listener.port)
          setListener(this.#sockets, listener, options, onError)
        found.push(listener)
      }
      return false
    }
    for (let fd = 0; fd < end; ) {
      for (; fd < end; fd++) if (!isConnection?.(fd)) this.#numbers.test(fd, look)
      this.#numbers.ask(look)
    }
    this.#armed = found
    this.#udpPorts = udpPorts
  }

  /** The TCP listener behind a descriptor, `undefined` where it is something else; a UDP socket's port goes to `udpPorts`. */
  #listenerAt(fd: number, before: readonly ListeningSocket[], udpPorts: Set<number>): ListeningSocket | undefined {
    const sockets = this.#sockets
    const type = sockets.type(fd)
    if (type === SOCK_DGRAM && sockets.localName(fd) > 0) udpPorts.add(sockets.port())
    return type === SOCK_STREAM && sockets.isListening(fd) ? this.#identify(fd, before) : undefined
  }

  /** The listener behind a descriptor, the one known before where it is the same socket; `undefined` for unix sockets. */
  #identify(fd: number, before: readonly ListeningSocket[]): ListeningSocket | undefined {
    const known = before.find((one) => one.fd === fd && this.#sockets.hasCookie(fd, one.cookieLow, one.cookieHigh))
    return known ?? identifyListener(this.#sockets, fd)
  }
}

/** The TCP listener behind a listening socket, nothing set on it yet; `undefined` for unix sockets and closed descriptors. */
export function identifyListener(sockets: Sockets, fd: number): ListeningSocket | undefined {
  // Where it is refused, requests say so: a server without a listener would only say that it found none.
  const hasCookie = sockets.cookie(fd)
  const cookieLow = hasCookie ? sockets.view.getUint32(0, true) : 0
  const cookieHigh = hasCookie ? sockets.view.getUint32(4, true) : 0
  const family = sockets.localName(fd)
  if (family !== AF_INET && family !== AF_INET6) return undefined
  const port = sockets.port()
  const address = createAddressWords()
  readAddress(sockets, family, address)
  let deferAccept = 0
  try {
    deferAccept = sockets.deferAccept(fd)
  } catch {
    // Other protocols over IP (SCTP, MPTCP of old kernels) have no such option.
  }
  return {
    fd,
    cookieLow,
    cookieHigh,
    port,
    address,
    saveSyn: false,
    reason: 'not-saved',
    deferAcceptBefore: deferAccept,
    deferAccept,
  }
}

/** Sets on a listener what is wanted and not set yet. The kernel's refusals go to `onError`. */
export function setListener(
  sockets: Sockets,
  listener: ListeningSocket,
  options: ArmOptions,
  onError: (error: Error) => void,
): void {
  if (options.saveSyn && !listener.saveSyn) {
    try {
      sockets.setSaveSyn(listener.fd, 1)
      listener.saveSyn = true
      listener.reason = undefined
    } catch (error) {
      listener.reason = reasonOf(error)
      onError(error as Error)
    }
  }
  if (options.clearDeferAccept && listener.deferAccept !== 0) {
    try {
      sockets.setDeferAccept(listener.fd, 0)
      listener.deferAccept = 0
    } catch (error) {
      onError(error as Error)
    }
  }
}

/** Copies the address of the last `peerName` or `localName`. */
export function readAddress(sockets: Sockets, family: number, address: AddressWords): void {
  address.w0 = sockets.word(family, 0)
  address.w1 = sockets.word(family, 1)
  address.w2 = sockets.word(family, 2)
  address.w3 = sockets.word(family, 3)
}

/** Why a refused system call leaves a fact out. */
export function reasonOf(error: unknown): Reason {
  return error instanceof SocketError && (error.code === 'EPERM' || error.code === 'EACCES') ? 'denied' : 'unsupported'
}
