/**
 * TCP_INFO of a request whose descriptor is not known, from the kernel's table of connections: where exactly one has its peer and its
 * server. Of no use for the SYN, which only a descriptor gives.
 * @module
 */

import type { Libc } from '../../ffi/libc.ts'
import { SockDiag } from '../../ffi/sock-diag.ts'
import { TimeBudget } from '../../ffi/time-budget.ts'
import { type AddressWords, createAddressWords, parseAddress } from '../wire/sockaddr.ts'
import { STATE } from '../wire/tcp-info.ts'

/** States in which a request can come; `CLOSE_WAIT` where the client has sent all that it will. */
const STATES: readonly number[] = [STATE.ESTABLISHED, STATE.CLOSE_WAIT]
/** Two are as bad as many. */
const MOST = 2
/** Share of the time that walks through the kernel's table may take, and milliseconds that they may take at once. */
const SHARE = 0.1
const BURST = 25
const WITH_INFO = { info: true } as const

/** One end of a connection. */
interface End {
  readonly address: string
  readonly port: number
}

/** Asks the kernel. One per thread. */
export class KernelInfo {
  readonly #diag: SockDiag
  readonly #peer: AddressWords = createAddressWords()
  readonly #local: AddressWords = createAddressWords()
  readonly #budget = new TimeBudget(BURST)

  constructor(libc: Libc) {
    this.#diag = new SockDiag(libc)
  }

  /**
   * TCP_INFO, a copy, of the only connection with this peer on a local port, and on a local address where one is given. `undefined`
   * where there is none, where there are several, and where the kernel does not say. With both ends known that is one lookup. Else the
   * kernel's table is walked, 0.14 ms to several: beyond a tenth of the time nothing is known.
   */
  find(peer: End, port: number, address: string | undefined): Uint8Array | undefined {
    if (!parseAddress(peer.address, this.#peer)) return undefined
    return address !== undefined && parseAddress(address, this.#local)
      ? this.#lookUp(port, peer.port)
      : this.#walk(port, peer.port)
  }

  #lookUp(port: number, peerPort: number): Uint8Array | undefined {
    const { found } = this.#diag
    if (this.#diag.lookup(this.#local, port, this.#peer, peerPort, WITH_INFO) !== 1) return undefined
    return STATES.includes(found.state) && found.inode !== 0 ? copyOf(found.info) : undefined
  }

  #walk(localPort: number, peerPort: number): Uint8Array | undefined {
    const start = performance.now()
    if (!this.#budget.hasAny(SHARE, start)) return undefined
    let found: Uint8Array | undefined
    let count = 0
    const filter = { localPort, peerPort, peer: this.#peer, states: STATES, info: true }
    const end = this.#diag.dump(filter, MOST, ({ info, inode }) => {
      // One that waits to be accepted has asked for nothing.
      if (inode === 0) return true
      count++
      found = copyOf(info)
      return true
    })
    this.#budget.spend(performance.now() - start)
    return end === 'complete' && count === 1 ? found : undefined
  }
}

function copyOf(info: DataView | undefined): Uint8Array | undefined {
  return info && new Uint8Array(info.buffer, info.byteOffset, info.byteLength).slice()
}
