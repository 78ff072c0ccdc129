/**
 * Which end of this machine a client is connected to, where no SYN tells: by sock_diag over the listening sockets of the network
 * namespace and the addresses that they accept.
 * @module
 */
import type { Libc } from '../../ffi/libc.ts'
import { LocalAddresses } from '../../ffi/local-addresses.ts'
import type { SockDiag } from '../../ffi/sock-diag.ts'
import { TimeBudget } from '../../ffi/time-budget.ts'
import {
  type AddressWords,
  createAddressWords,
  isLinkLocal,
  isMapped,
  isUnspecified,
  sameAddress,
} from '../wire/sockaddr.ts'
import { STATE } from '../wire/tcp-info.ts'
import { LIVE_STATES } from './evidence.ts'

/** Lookups for one client at most; a dump costs what a hundred lookups do. */
const LOOKUPS_AT_MOST = 48
/** Listening sockets are listed anew after so long, milliseconds. */
const LIST_EVERY = 1000
const LISTENERS_AT_MOST = 1024
/** Sockets that a dump may list for one client. */
const DUMPED_AT_MOST = 8192
/** Share of the time that dumps may take, and milliseconds that they may take at once, as in `capture/kernel-info.ts`. */
const SHARE = 0.1
const BURST = 25
/** After so many clients in a row that were not found, the search is made for every sixteenth only. */
const MISSES = 16

interface End {
  readonly address: AddressWords
  readonly port: number
}

/** One per thread. */
export class LocalEnds {
  readonly #diag: SockDiag
  readonly #addresses: LocalAddresses
  readonly #ports: ReadonlySet<number> | undefined
  #listeners: readonly End[] = []
  #listedAt = Number.NEGATIVE_INFINITY
  readonly #budget = new TimeBudget(BURST)
  #misses = 0
  #retriedAt = Number.NEGATIVE_INFINITY

  /** `ports`: those of the proxy, where they are known. */
  constructor(libc: Libc, diag: SockDiag, ports: readonly number[] | undefined) {
    this.#diag = diag
    this.#addresses = new LocalAddresses(libc)
    this.#ports = ports === undefined || ports.length === 0 ? undefined : new Set(ports)
  }

  /** True if an address is one of this machine's; false where the kernel does not say. */
  isLocal(address: AddressWords): boolean {
    if (isMapped(address) && address.w3 >>> 24 === 127) return true
    this.#retry(performance.now())
    return this.#addresses.ofFamily(address)?.single.some((one) => sameAddress(one, address)) === true
  }

  /** What the kernel refused is asked again, as rarely as listening sockets are listed: perhaps too much was open then. */
  #retry(now: number): void {
    if (now - this.#retriedAt <= LIST_EVERY) return
    this.#retriedAt = now
    this.#diag.retry()
    this.#addresses.retry()
  }

  /** The one end with a live connection of this client, or why there is none. */
  find(client: AddressWords, clientPort: number, now: number): End | 'not-found' | 'ambiguous' | 'refused' {
    this.#retry(now)
    if (this.#misses >= MISSES && this.#misses % MISSES !== 0) {
      this.#misses++
      return 'not-found'
    }
    const found = this.#find(client, clientPort, now)
    if (found === 'not-found') this.#misses++
    else if (typeof found === 'object') this.#misses = 0
    return found
  }

  #find(client: AddressWords, clientPort: number, now: number): End | 'not-found' | 'ambiguous' | 'refused' {
    const ends = this.#candidates(client, now)
    if (ends === undefined) return this.#dump(client, clientPort)
    let found: End | 'not-found' = 'not-found'
    for (const { address, port } of ends) {
      const answer = this.#diag.lookup(address, port, client, clientPort)
      if (answer < 0) return 'refused'
      if (answer === 0 || !LIVE_STATES.includes(this.#diag.found.state)) continue
      if (found !== 'not-found') return 'ambiguous'
      found = { address, port }
    }
    return found
  }

  /** Ends to ask for; `undefined` where they cannot be listed, or are too many. */
  #candidates(client: AddressWords, now: number): readonly End[] | undefined {
    // All of 127.0.0.0/8 is local.
    if (isMapped(client) && client.w3 >>> 24 === 127) return undefined
    const local = this.#addresses.ofFamily(client)
    if (local === undefined || local.hasNetworks) return undefined
    if (now - this.#listedAt > LIST_EVERY) this.#list(now)
    const ends: End[] = []
    for (const { address, port } of this.#listeners) {
      const accepted = isUnspecified(address) ? local.single : isMapped(address) === isMapped(client) ? [address] : []
      for (const one of accepted) {
        if (isLinkLocal(one) !== isLinkLocal(client)) continue
        if (ends.some((end) => end.port === port && sameAddress(end.address, one))) continue
        ends.push({ address: one, port })
        if (ends.length > LOOKUPS_AT_MOST) return undefined
      }
    }
    return ends
  }

  #list(now: number): void {
    const found: End[] = []
    this.#diag.dump({ states: [STATE.LISTEN] }, LISTENERS_AT_MOST, ({ local, localPort }) => {
      if (this.#ports?.has(localPort) !== false) found.push({ address: { ...local }, port: localPort })
      return true
    })
    this.#listeners = found
    this.#listedAt = now
  }

  /** Beyond the budget the answer is `ambiguous`, as where the kernel lists too many. */
  #dump(client: AddressWords, clientPort: number): End | 'not-found' | 'ambiguous' | 'refused' {
    const start = performance.now()
    if (!this.#budget.hasAny(SHARE, start)) return 'ambiguous'
    let found: End | 'not-found' | 'ambiguous' = 'not-found'
    const end = this.#diag.dump({ peerPort: clientPort, states: LIVE_STATES }, DUMPED_AT_MOST, (socket) => {
      if (!sameAddress(socket.peer, client) || this.#ports?.has(socket.localPort) === false) return true
      if (found !== 'not-found') {
        found = 'ambiguous'
        return false
      }
      found = { address: copyOf(socket.local), port: socket.localPort }
      return true
    })
    this.#budget.spend(performance.now() - start)
    if (end === 'refused' || typeof end === 'object') return 'refused'
    return end === 'complete' ? found : 'ambiguous'
  }

  close(): void {
    this.#addresses.close()
  }
}

function copyOf(address: AddressWords): AddressWords {
  return Object.assign(createAddressWords(), address)
}
