/**
 * Tells without a system call that an epoll set has become ready. The kernel completes a poll request of Linux AIO
 * (linux/aio_abi.h, IOCB_CMD_POLL) when the event happens, in a ring of completions that is in the process's memory.
 *
 * A request is for one event: once completed it is armed again. It refers to the epoll set alone, so that sockets in the set
 * can be closed as ever.
 * @module
 */
import { EPOLLIN } from '../constants.ts'
import type { Libc } from '../libc.ts'

/** Numbers of io_setup, io_destroy and io_submit, for which libc has no functions. */
interface Calls {
  readonly setup: number
  readonly destroy: number
  readonly submit: number
}

const SYSCALLS: Readonly<Record<string, Calls>> = {
  x64: { setup: 206, destroy: 207, submit: 209 },
  arm64: { setup: 0, destroy: 1, submit: 2 },
}

const IOCB_CMD_POLL = 5

/** Where things are in memory of our own: the context, a pointer to the request, the request (struct iocb). */
const CONTEXT = 0
const POINTER = 8
const REQUEST = 16
const OCTETS = REQUEST + 64

/** Where things are in the ring (struct aio_ring). */
const HEAD = 8
const TAIL = 12
const MAGIC = 16
const AIO_RING_MAGIC = 0xa10a10a1

/** One poll request at a time. */
export class AioPoll {
  readonly #libc: Libc
  readonly #octets = new Uint8Array(new ArrayBuffer(OCTETS))
  readonly #view = new DataView(this.#octets.buffer)
  /** Address of memory that the kernel reads requests from; 0 while there is none. */
  #memory = 0
  /** Address of the ring, which is also the context's name; 0 while there is none. */
  #ring = 0
  /** The ring's header, where the runtime can show memory. */
  #words: Uint32Array | undefined
  /** Where the ring ended when the request was armed. */
  #tail = 0
  #isArmed = false

  constructor(libc: Libc) {
    this.#libc = libc
  }

  /** True if a request was armed and has not been seen completed. */
  get isArmed(): boolean {
    return this.#isArmed
  }

  /** True if the set became ready since the request was armed, up to this moment. Only to be read while armed. */
  get hasCompleted(): boolean {
    const tail = this.#words === undefined ? this.#libc.load(this.#ring + TAIL) : this.#words[TAIL / 4]
    if (tail === this.#tail) return false
    this.#isArmed = false
    return true
  }

  /** Arms a request for this epoll set, which completes at once where the set is ready. False where the kernel refuses; not to be called while armed. */
  arm(epoll: number): boolean {
    const calls = SYSCALLS[this.#libc.architecture]
    if (calls === undefined || (this.#ring === 0 && !this.#open(calls))) return false
    const libc = this.#libc
    // What has been completed is taken off the ring.
    this.#tail = libc.load(this.#ring + TAIL)
    this.#view.setUint32(0, this.#tail, true)
    libc.store(this.#ring + HEAD, this.#octets, 4)
    this.#octets.fill(0)
    this.#view.setBigUint64(POINTER, BigInt(this.#memory + REQUEST), true)
    this.#view.setUint16(REQUEST + 16, IOCB_CMD_POLL, true)
    this.#view.setUint32(REQUEST + 20, epoll, true)
    this.#view.setUint32(REQUEST + 24, EPOLLIN, true)
    libc.store(this.#memory, this.#octets, OCTETS)
    this.#isArmed = libc.syscall(calls.submit, this.#ring, 1, this.#memory + POINTER) === 1
    return this.#isArmed
  }

  #open({ setup, destroy }: Calls): boolean {
    const libc = this.#libc
    this.#memory ||= libc.calloc(1, OCTETS)
    if (this.#memory === 0 || libc.syscall(setup, 1, this.#memory + CONTEXT, 0) !== 0) return false
    const ring = libc.load(this.#memory + CONTEXT) + libc.load(this.#memory + CONTEXT + 4) * 2 ** 32
    if (libc.load(ring + MAGIC) !== AIO_RING_MAGIC) {
      // A ring of another layout is not read.
      libc.syscall(destroy, ring, 0, 0)
      return false
    }
    this.#ring = ring
    this.#words = libc.view(ring, MAGIC / 4)
    return true
  }

  close(): void {
    // The ring's memory goes with it.
    this.#words = undefined
    const calls = SYSCALLS[this.#libc.architecture]
    if (calls !== undefined && this.#ring !== 0) this.#libc.syscall(calls.destroy, this.#ring, 0, 0)
    if (this.#memory !== 0) this.#libc.free(this.#memory)
    this.#ring = 0
    this.#memory = 0
    this.#isArmed = false
  }
}
