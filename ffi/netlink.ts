/**
 * Netlink (RFC 3549, linux/netlink.h): one request at a time to the kernel, and the messages that answer it.
 *
 * The kernel answers while the request is being sent, so that nothing here ever waits: a receive that finds no message ends the
 * answer. Lengths that a message states are checked against the octets received; the number of receives is bounded by the caller.
 * @module
 */
import { AF_NETLINK, ERRNO, MSG_DONTWAIT, SOCK_CLOEXEC, SOCK_RAW } from './constants.ts'
import type { Libc } from './libc.ts'

/** Octets of `struct nlmsghdr`: length, type, flags, sequence number, port id. */
export const HEADER_OCTETS = 16
/** Room for the largest answer that the kernel sends at once: NLMSG_GOODSIZE is at most 32 KiB (linux/netlink.h). */
const BUFFER_OCTETS = 32_768
const SOCKADDR_NL_OCTETS = 12

const NLM_F_REQUEST = 0x1
const NLM_F_DUMP = 0x300
/** The dump was interrupted by a change, and may lack entries or have some twice. */
const NLM_F_DUMP_INTR = 0x10
const NLMSG_ERROR = 2
const NLMSG_DONE = 3

/**
 * How an answer ended. `refused`: the kernel or a sandbox does not answer such requests; `incomplete`: some of it is missing;
 * `interrupted`: it was read to its end, but something changed meanwhile, so that entries may be missing or there twice.
 */
export type AnswerEnd = 'complete' | 'incomplete' | 'interrupted' | 'refused' | { readonly errno: number }

/** Gets the payload of one message, as octets `start` to `end` of the socket's `view`. False ends the answer: enough was seen. */
export type VisitMessage = (start: number, end: number) => boolean | undefined

/** A netlink socket with its buffers. One per thread. */
export class NetlinkSocket {
  readonly #libc: Libc
  readonly #protocol: number
  readonly #groups: number
  readonly #received = new Uint8Array(new ArrayBuffer(BUFFER_OCTETS))
  /** The messages received last. */
  readonly view: DataView = new DataView(this.#received.buffer)
  /** -1 while it is not open. */
  #fd = -1
  #isRefused = false
  #sequence = 0
  /** The request sent last, and a view of its header: most are sent again with other contents. */
  #message: Uint8Array | undefined
  #header: DataView | undefined
  #isInterrupted = false

  /** `groups`: bit mask of the multicast groups (RTMGRP_...) whose notices are to be received. */
  constructor(libc: Libc, protocol: number, groups: number = 0) {
    this.#libc = libc
    this.#protocol = protocol
    this.#groups = groups
  }

  /** True if the socket is open, which it is from the first call on. A refusal is remembered until `retry` or `close`. */
  open(): boolean {
    if (this.#fd >= 0) return true
    if (this.#isRefused) return false
    const fd = this.#libc.socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, this.#protocol)
    this.#isRefused = fd < 0 || (this.#groups !== 0 && !this.#join(fd))
    if (!this.#isRefused) this.#fd = fd
    else if (fd >= 0) this.#libc.close(fd)
    return !this.#isRefused
  }

  #join(fd: number): boolean {
    const address = new Uint8Array(new ArrayBuffer(SOCKADDR_NL_OCTETS))
    const view = new DataView(address.buffer)
    view.setUint16(0, AF_NETLINK, true)
    view.setUint32(8, this.#groups, true)
    return this.#libc.bind(fd, address, SOCKADDR_NL_OCTETS) === 0
  }

  /** Sets an integer option of SOL_NETLINK. False where the kernel has none of that kind. */
  setOption(level: number, option: number, value: number): boolean {
    if (!this.open()) return false
    const octets = new Uint8Array(new ArrayBuffer(4))
    new DataView(octets.buffer).setInt32(0, value, true)
    return this.#libc.setsockopt(this.#fd, level, option, octets, 4) === 0
  }

  /**
   * Sends a request and visits the messages of its answer. `message` begins with room for the header, which is written here.
   *
   * @param receives - receive calls at most: 1 for one answer, more for a dump
   */
  ask(message: Uint8Array, type: number, receives: number, isDump: boolean, visit: VisitMessage): AnswerEnd {
    let end = this.open() ? this.#send(message, type, isDump) : 'refused'
    for (let left = receives; end === undefined; left--) end = left > 0 ? this.#receive(isDump, visit) : 'incomplete'
    return this.#ended(end)
  }

  /**
   * The same for a dump, in pieces: each call visits the messages of one receive, and gives `undefined` while there are more. Nothing else
   * may be asked meanwhile. One that is not read to its end is ended by `close`.
   */
  walk(message: Uint8Array, type: number, receives: number, visit: VisitMessage): () => AnswerEnd | undefined {
    let end = this.open() ? this.#send(message, type, true) : 'refused'
    let left = receives
    return () => {
      end ??= left-- > 0 ? this.#receive(true, visit) : 'incomplete'
      return end && this.#ended(end)
    }
  }

  /** What is left of an answer must not come before the next one: a dump that was not read to its end goes with its socket. */
  #ended(end: AnswerEnd): AnswerEnd {
    if (end === 'incomplete') this.close()
    return end
  }

  /** Why the request was not sent, if it was not. */
  #send(message: Uint8Array, type: number, isDump: boolean): AnswerEnd | undefined {
    if (this.#message !== message) {
      this.#message = message
      this.#header = new DataView(message.buffer, message.byteOffset, HEADER_OCTETS)
    }
    const header = this.#header!
    this.#sequence = (this.#sequence + 1) >>> 0
    this.#isInterrupted = false
    header.setUint32(0, message.length, true)
    header.setUint16(4, type, true)
    header.setUint16(6, NLM_F_REQUEST | (isDump ? NLM_F_DUMP : 0), true)
    header.setUint32(8, this.#sequence, true)
    header.setUint32(12, 0, true)
    return this.#libc.send(this.#fd, message, message.length, 0) === message.length ? undefined : this.#sendFailed()
  }

  /** Visits the messages of one receive; `undefined` where the answer goes on. */
  #receive(isDump: boolean, visit: VisitMessage): AnswerEnd | undefined {
    const octets = this.#libc.recv(this.#fd, this.#received, BUFFER_OCTETS, MSG_DONTWAIT)
    if (octets <= 0) return 'incomplete'
    for (let at = 0; ; ) {
      const length = messageLength(this.view, at, octets)
      if (length === 0) return undefined
      const end = at + length
      // Answers to earlier requests have other numbers.
      if (this.view.getUint32(at + 8, true) === this.#sequence) {
        this.#isInterrupted ||= (this.view.getUint16(at + 6, true) & NLM_F_DUMP_INTR) !== 0
        const kind = this.view.getUint16(at + 4, true)
        if (kind === NLMSG_ERROR) return errorOf(this.view, at + HEADER_OCTETS, end)
        if (kind === NLMSG_DONE) return this.#isInterrupted ? 'interrupted' : 'complete'
        if (visit(at + HEADER_OCTETS, end) === false) return 'incomplete'
        if (!isDump) return 'complete'
      }
      at += (length + 3) & ~3
    }
  }

  #sendFailed(): AnswerEnd {
    const errno = this.#libc.errno()
    // Another program of the process closed the descriptor, or a sandbox forbids the call: asking again is of no use.
    if (errno !== ERRNO.ENOBUFS && errno !== ERRNO.EINTR && errno !== ERRNO.EAGAIN) this.#isRefused = true
    if (this.#isRefused) this.close(true)
    return this.#isRefused ? 'refused' : { errno }
  }

  /**
   * True if a notice has come since the last call, or where notices may have been lost. Reads `most` of them at most, without
   * waiting; the next call reads on.
   */
  hasNotice(most: number): boolean {
    if (!this.open()) return false
    for (let left = most, hasAny = false; ; left--, hasAny = true) {
      if (left === 0) return true
      if (this.#libc.recv(this.#fd, this.#received, BUFFER_OCTETS, MSG_DONTWAIT) > 0) continue
      return hasAny || this.#libc.errno() !== ERRNO.EAGAIN
    }
  }

  /** Forgets a refusal. */
  retry(): void {
    this.#isRefused = false
  }

  /** Closes the socket; the next request opens it again, unless it `staysClosed`. */
  close(staysClosed: boolean = false): void {
    if (this.#fd >= 0) this.#libc.close(this.#fd)
    this.#fd = -1
    this.#isRefused = staysClosed
  }
}

/** Octets of the message that begins at `at`, 0 where no whole message does. */
function messageLength(view: DataView, at: number, octets: number): number {
  if (at + HEADER_OCTETS > octets) return 0
  const length = view.getUint32(at, true)
  return length < HEADER_OCTETS || at + length > octets ? 0 : length
}

/** `struct nlmsgerr` begins with a negative errno, or 0 for an acknowledgement. */
function errorOf(view: DataView, start: number, end: number): AnswerEnd {
  if (end - start < 4) return 'incomplete'
  const errno = -view.getInt32(start, true)
  return errno === 0 ? 'complete' : { errno }
}

/**
 * Offset of an attribute's payload (`struct rtattr`, `struct nlattr`) among those in octets `start` to `end`, -1 where it is absent
 * or has fewer than `octets`.
 */
export function attribute(view: DataView, start: number, end: number, type: number, octets: number): number {
  for (let at = start; at + 4 <= end; ) {
    const length = view.getUint16(at, true)
    if (length < 4 || at + length > end) return -1
    if ((view.getUint16(at + 2, true) & 0x3fff) === type) return length - 4 >= octets ? at + 4 : -1
    at += (length + 3) & ~3
  }
  return -1
}
