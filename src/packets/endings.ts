/**
 * When connections of clients ended, as sock_diag tells: only for a while after that can a request of theirs still be on its way through
 * the proxy. FIN and RST on the wire would tell sooner, but any host can forge them, and each connection would cost two packets more.
 * @module
 */
import type { SockDiag } from '../../ffi/sock-diag.ts'
import { type AddressWords, createAddressWords } from '../wire/sockaddr.ts'
import type { ClientConnection } from './client-connection.ts'
import { LIVE_STATES } from './evidence.ts'
import type { SynTable } from './syn-table.ts'

/** A connection that has given no sign for so long sends no request in its last moments, milliseconds. */
export const SILENT = 60_000
/** Milliseconds between two rounds, and lookups of one at most: some 3 µs each. */
const EVERY = 1000
const LOOKUPS_AT_MOST = 512

/** Finds out which connections of a table have ended, some of them at a time. */
export class Endings {
  readonly #table: SynTable<ClientConnection>
  readonly #diag: SockDiag
  readonly #client: AddressWords = createAddressWords()
  #slot = -1
  #last = Number.NEGATIVE_INFINITY

  constructor(table: SynTable<ClientConnection>, diag: SockDiag) {
    this.#table = table
    this.#diag = diag
  }

  /** Asks for those that come next and have given a sign lately. Nothing where it was asked less than a second ago. */
  look(now: number): void {
    if (now - this.#last < EVERY) return
    this.#last = now
    const { span } = this.#table
    let left = LOOKUPS_AT_MOST
    // Each slot once: under a flood nearly all of them belong to no connection.
    for (let visited = 0; visited < span && left > 0; visited++) {
      this.#slot = (this.#slot + 1) % span
      const claim = this.#table.claimOf(this.#slot)
      if (claim === undefined || this.#table.endedAt(this.#slot) <= now || now - claim.lastSeen > SILENT) continue
      left--
      if (!this.#ask(claim, now)) return
    }
  }

  /** False where sock_diag does not answer. */
  #ask(claim: ClientConnection, now: number): boolean {
    this.#table.clientOf(this.#slot, this.#client)
    const answer = this.#diag.lookup(claim.server, claim.local.port, this.#client, claim.peer.port)
    if (answer < 0) return false
    const { state, cookieLow, cookieHigh } = this.#diag.found
    this.#table.note(this.#slot, answer === 1 && claim.is(cookieLow, cookieHigh) && LIVE_STATES.includes(state), now)
    return true
  }
}
