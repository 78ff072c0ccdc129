/**
 * Connections of clients that are alive, by both ends: sock_diag with TCP_INFO and the socket's cookie.
 * @module
 */
import type { SockDiag } from '../../ffi/sock-diag.ts'
import type { AddressWords } from '../wire/sockaddr.ts'
import type { ClientConnection } from './client-connection.ts'
import { LIVE_STATES } from './evidence.ts'

/** A connection that sock_diag lists. */
export interface Live {
  readonly server: AddressWords
  readonly serverPort: number
  readonly cookieLow: number
  readonly cookieHigh: number
  readonly info: Uint8Array
  readonly view: DataView
  /** A SYN that went to its end; `undefined` where the kernel redirected it. */
  readonly slot?: number
}

const WITH_INFO = { info: true } as const

/** One per thread and set of options. */
export class LiveLookup {
  readonly #diag: SockDiag
  /** True if the last lookup had no answer: a sandbox refuses it, or the kernel has none. */
  isSilent = false

  constructor(diag: SockDiag) {
    this.#diag = diag
  }

  /** `gone` where sock_diag lists none with these ends, `undefined` where it does not answer. */
  find(server: AddressWords, serverPort: number, client: AddressWords, port: number): Live | 'gone' | undefined {
    const info = this.#ask(server, serverPort, client, port)
    if (info === undefined) return this.isSilent ? undefined : 'gone'
    const { local, cookieLow, cookieHigh } = this.#diag.found
    return { server: { ...local }, serverPort, cookieLow, cookieHigh, info, view: new DataView(info.buffer) }
  }

  /** TCP_INFO of a connection that is known, now; `undefined` where sock_diag does not list this very socket as alive. */
  infoOf(connection: ClientConnection, client: AddressWords, port: number): Uint8Array | undefined {
    const info = this.#ask(connection.server, connection.local.port, client, port)
    return connection.is(this.#diag.found.cookieLow, this.#diag.found.cookieHigh) ? info : undefined
  }

  #ask(
    server: AddressWords,
    serverPort: number,
    client: AddressWords,
    port: number,
  ): Uint8Array<ArrayBuffer> | undefined {
    const answer = this.#diag.lookup(server, serverPort, client, port, WITH_INFO)
    this.isSilent = answer < 0
    const { found } = this.#diag
    const info = answer === 1 && LIVE_STATES.includes(found.state) ? found.info : undefined
    return info && new Uint8Array(info.buffer.slice(info.byteOffset, info.byteOffset + info.byteLength) as ArrayBuffer)
  }
}
