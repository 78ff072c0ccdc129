/**
 * The fingerprint of a client behind a proxy of this machine: its SYN from the wire, its TCP_INFO by sock_diag.
 * @module
 */
import { preciseNow } from '../base/clock.ts'
import { type Delivery, deliveryOf } from '../connection/delivery.ts'
import type { Fingerprint } from '../connection/fingerprint.ts'
import { type Collection, StatedFingerprint } from '../connection/view.ts'
import type { ClientConnection } from './client-connection.ts'
import type { FoundClient } from './client-lookup.ts'

/** The proxy's own connection is in `hop`. */
export class ClientFingerprint extends StatedFingerprint {
  readonly #connection: ClientConnection
  readonly #hop: Fingerprint
  /** When its TCP_INFO was read. */
  readonly #readAt = preciseNow()

  constructor(collection: Collection, { connection, info }: FoundClient, hop: Fingerprint) {
    super(collection, connection, info, connection.requests)
    this.#connection = connection
    this.#hop = hop
  }

  /** That of the request was given to the constructor. */
  protected override readInfo({ tcpInfo }: Collection): Uint8Array | undefined {
    return tcpInfo === 'connection' ? this.#connection.firstInfo?.slice() : undefined
  }

  protected override readDelivery(info: Uint8Array): Delivery | undefined {
    return deliveryOf(this.#connection, info, this.requestNumber(), this.#readAt)
  }

  override get hop(): Fingerprint {
    return this.#hop
  }
}
