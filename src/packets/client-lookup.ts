/**
 * From a client's address and port, as a proxy of this machine names them, to the connection: its SYN from the wire, its TCP_INFO by
 * sock_diag. Never another client's: where two connections are possible the answer is `ambiguous`.
 * @module
 */
import type { Libc } from '../../ffi/libc.ts'
import { SockDiag } from '../../ffi/sock-diag.ts'
import type { Connection, Reason } from '../connection/connection.ts'
import { type AddressWords, createAddressWords, parseAddress } from '../wire/sockaddr.ts'
import { type Syn, safeParseSyn } from '../wire/syn.ts'
import { ClientConnection } from './client-connection.ts'
import { SILENT } from './endings.ts'
import { establishedBy, fitsInShape, fitsInTime, isUnused } from './evidence.ts'
import { type Live, LiveLookup } from './live-lookup.ts'
import { LocalEnds } from './local-ends.ts'
import { keyOf, type PacketCounts, type PacketSource } from './packet-source.ts'

/**
 * A request can be on its way through the proxy for so long after its client's connection has ended, milliseconds: until then a new
 * connection from the same address and port does not answer for it. No fact of the kernel decides whose it is: both connections have sent
 * octets, the end of the earlier one tells nothing of its requests, and proxies queue those of clients that have gone (HAProxy `maxconn`).
 */
const ON_ITS_WAY = 5000
/** Connections without a SYN that are kept at most. */
const WITHOUT_SYN_AT_MOST = 16_384

/** Which SYNs are received. */
export interface PacketOptions {
  /** Name of the interface on which clients come, such as `eth0`. Default: all of the network namespace. */
  readonly interface?: string | undefined
  /** The proxy's ports, at most 64: the kernel passes on no other SYNs. Default: all. */
  readonly ports?: readonly number[] | undefined
}

/** A client's connection, with its TCP_INFO now where it is still open. */
export interface FoundClient {
  readonly connection: ClientConnection
  readonly info: Uint8Array | undefined
}

/** One per thread and set of options. */
export class ClientLookup {
  readonly #diag: SockDiag
  readonly #live: LiveLookup
  readonly #ends: LocalEnds
  readonly #source: PacketSource | undefined
  /** Why there are no SYNs, where there is no source. */
  readonly #synReason: Reason
  readonly #clock: () => number
  readonly #client: AddressWords = createAddressWords()
  readonly #server: AddressWords = createAddressWords()
  readonly #withoutSyn = new Map<string, ClientConnection>()

  /**
   * @param packets - the source of SYNs, or why there is none
   */
  constructor(
    libc: Libc,
    packets: PacketSource | Reason,
    ports?: readonly number[],
    diag: SockDiag = new SockDiag(libc),
    clock: () => number = () => performance.now(),
  ) {
    this.#diag = diag
    this.#live = new LiveLookup(diag)
    this.#ends = new LocalEnds(libc, this.#diag, ports)
    this.#source = typeof packets === 'string' ? undefined : packets
    this.#synReason = typeof packets === 'string' ? packets : 'not-saved'
    this.#clock = clock
  }

  /** True if a peer with this address is on this machine. */
  isLocal(address: string): boolean {
    return parseAddress(address, this.#client) && this.#ends.isLocal(this.#client)
  }

  /** True if the last lookup through sock_diag had no answer: a sandbox refuses it, or the kernel has none. */
  get isDiagSilent(): boolean {
    return this.#live.isSilent
  }

  /** Counters of the source; `undefined` where there is none. */
  counts(): PacketCounts | undefined {
    return this.#source?.counts()
  }

  /** The connection of the client with this address and port, its request counted, or why it is not known. */
  find(address: string, port: number): FoundClient | Reason {
    const client = this.#client
    if (!parseAddress(address, client)) return 'not-found'
    const source = this.#source
    source?.drain()
    let found = this.#find(client, port)
    // A SYN may have come while the kernel was asked: then the answer may be about its connection.
    if (source !== undefined && typeof found !== 'string' && found.connection.requests === 0 && source.drain() > 0)
      found = this.#find(client, port)
    if (typeof found === 'string') return found
    found.connection.requests++
    return found
  }

  #find(client: AddressWords, port: number): FoundClient | Reason {
    const table = this.#source?.table
    const slots = table?.of(client, port) ?? []
    const now = this.#clock()
    if (table === undefined || slots.length === 0) return this.#findWithoutSyn(client, port, now)
    const known = this.#known(client, port, slots, now)
    if (known !== undefined) return known
    const live = this.#liveOf(client, port, slots, now)
    if (typeof live === 'string') return live === 'gone' ? this.#gone(client, port, slots, now) : live
    if (live === undefined) return this.#withoutLiveness(client, port, slots, now)
    if (isUnused(live.view)) return 'ambiguous'
    // TCP_INFO counts back from when it was read, which may be long after `now` on a busy machine.
    const slot = this.#openerOf(live, slots, client, port, this.#clock())
    if (typeof slot === 'string') {
      if (slot === 'ambiguous') return slot
      return { connection: this.#keepWithoutSyn(client, port, live, slot, now), info: live.info }
    }
    const connection = table.claimOf(slot)!
    if (this.#mayBeOfAnother(connection, slot, slots, now)) return 'ambiguous'
    connection.lastSeen = now
    return { connection, info: live.info }
  }

  /** A connection that is known already, as nearly always: one question, whatever SYNs were forged since. `undefined` for all others. */
  #known(client: AddressWords, port: number, slots: readonly number[], now: number): FoundClient | undefined {
    const { table } = this.#source!
    const slot = slots.length === 1 ? slots[0]! : (slots.find((one) => table.claimOf(one) !== undefined) ?? slots[0]!)
    const connection = table.claimOf(slot)
    if (connection === undefined || now <= connection.earlierUntil) return undefined
    const isTheOne =
      slots.length === 1 ||
      slots.every((other) => other === slot || (table.claimOf(other) === undefined && table.goTogether(other, slot)))
    const info = isTheOne ? this.#live.infoOf(connection, client, port) : undefined
    if (info === undefined) return undefined
    if (slots.length > 1) this.#releaseOthers(slot, slots)
    connection.lastSeen = now
    return { connection, info }
  }

  /** The kernel opens no second connection while the first one is there: later SYNs were forged, or have failed. */
  #releaseOthers(known: number, slots: readonly number[]): void {
    const { table } = this.#source!
    for (const slot of slots) {
      if (slot !== known && table.claimOf(slot) === undefined && table.goTogether(slot, known)) table.release(slot)
    }
  }

  /**
   * The one connection of this client that sock_diag lists, `gone` where it lists none, `undefined` where it does not answer.
   */
  #liveOf(
    client: AddressWords,
    port: number,
    slots: readonly number[],
    now: number,
  ): Live | 'gone' | 'ambiguous' | undefined {
    const table = this.#source!.table
    let live: Live | undefined
    for (const [index, slot] of slots.entries()) {
      if (slots.findIndex((other) => table.goTogether(slot, other)) !== index) continue
      const claim = table.claimOf(slot)
      const serverPort = claim?.local.port ?? table.serverPortOf(slot)
      if (claim === undefined) table.serverOf(slot, this.#server)
      else Object.assign(this.#server, claim.server)
      const answer = this.#live.find(this.#server, serverPort, client, port)
      if (answer === undefined) return undefined
      const isAlive = answer !== 'gone' && claim?.is(answer.cookieLow, answer.cookieHigh) !== false
      table.note(slot, isAlive, now)
      if (answer === 'gone') continue
      if (live !== undefined && (live.cookieLow !== answer.cookieLow || live.cookieHigh !== answer.cookieHigh))
        return 'ambiguous'
      live = { ...answer, slot }
    }
    if (live !== undefined) return live
    // Where the kernel redirects, the socket's end is another than the SYN's.
    const end = this.#ends.find(client, port, now)
    if (end === 'ambiguous') return end
    return typeof end === 'string' ? 'gone' : this.#live.find(end.address, end.port, client, port)
  }

  /** The slot of the SYN that opened a live connection, claimed for it, or why it is not known. */
  #openerOf(
    live: Live,
    slots: readonly number[],
    client: AddressWords,
    port: number,
    now: number,
  ): number | 'ambiguous' | 'not-saved' {
    const source = this.#source!
    const { table } = source
    const known = slots.find((slot) => table.claimOf(slot)?.is(live.cookieLow, live.cookieHigh) === true)
    if (known !== undefined) {
      this.#releaseOthers(known, slots)
      return known
    }
    const before = this.#withoutSyn.get(keyOf(client, port))
    const { cookieLow, cookieHigh } = live
    if (before?.is(cookieLow, cookieHigh) === true || source.isUnseen(cookieLow, cookieHigh)) return 'not-saved'
    // Of SYNs that were put away one can be the connection's own, unless all of them came later.
    const isCrowded = table.wasCrowded(client, port, now, establishedBy(live.view, now))
    let one: { readonly slot: number; readonly octets: Uint8Array; readonly decoded: Syn } | undefined
    for (const slot of slots) {
      if (table.claimOf(slot) !== undefined || (live.slot !== undefined && !table.goTogether(slot, live.slot))) continue
      const came = { notBefore: table.notBefore(slot), notAfter: table.notAfter(slot) }
      if (!fitsInTime(live.view, now, came)) continue
      const octets = table.octetsOf(slot)
      const decoded = safeParseSyn(octets)
      if (!decoded.ok || !fitsInShape(live.view, decoded.value)) continue
      // As cheap as can be: a flood makes many of these.
      if (one !== undefined || isCrowded || source.lostSince(slot)) return 'ambiguous'
      one = { slot, octets, decoded: decoded.value }
    }
    if (one === undefined) return 'not-saved'
    const since = table.notAfter(one.slot)
    let earlierUntil = Number.NEGATIVE_INFINITY
    for (const slot of slots) {
      if (slot === one.slot || !table.goTogether(slot, one.slot)) continue
      // Connections of earlier ones had ended when this SYN came: this one has their ends. Later ones cannot have opened any.
      if (table.cameBefore(slot, one.slot)) earlierUntil = Math.max(earlierUntil, this.#requestsUntil(slot, since))
      table.release(slot)
    }
    const claim = new ClientConnection({
      ...live,
      client,
      clientPort: port,
      syn: one,
      synReason: undefined,
      since,
      now,
      earlierUntil,
    })
    table.claim(one.slot, claim)
    return one.slot
  }

  /**
   * Until when requests of the connection of a SYN may come, if it has ended, `by` then at the latest. Minus infinity where it has been
   * silent for long.
   */
  #requestsUntil(slot: number, by: number): number {
    const { table } = this.#source!
    const lastSign = table.claimOf(slot)?.lastSeen ?? table.notAfter(slot)
    return by - lastSign > SILENT ? Number.NEGATIVE_INFINITY : Math.min(table.endedAt(slot), by) + ON_ITS_WAY
  }

  /**
   * True if the request may be one of a connection that had the same address and port a moment ago, and is still on its way through
   * the proxy.
   */
  #mayBeOfAnother(connection: ClientConnection, slot: number, slots: readonly number[], now: number): boolean {
    if (now <= connection.earlierUntil) return true
    const { table } = this.#source!
    return slots.some(
      (other) => other !== slot && !table.goTogether(other, slot) && now <= this.#requestsUntil(other, now),
    )
  }

  /** The client has gone: its one SYN, where there is no doubt. */
  #gone(client: AddressWords, port: number, slots: readonly number[], now: number): FoundClient | Reason {
    return this.#only(client, port, slots, now) ?? 'ambiguous'
  }

  /** sock_diag does not answer: the SYN alone. */
  #withoutLiveness(client: AddressWords, port: number, slots: readonly number[], now: number): FoundClient | Reason {
    const found = this.#only(client, port, slots, now)
    if (found !== undefined) this.#source!.table.claim(slots[0]!, found.connection)
    return found ?? 'ambiguous'
  }

  #only(client: AddressWords, port: number, slots: readonly number[], now: number): FoundClient | undefined {
    const source = this.#source!
    const { table } = source
    const slot = slots[0]!
    if (slots.length > 1 || source.lostSince(slot) || table.wasCrowded(client, port, now)) return undefined
    const claim = table.claimOf(slot)
    if (claim !== undefined) {
      if (this.#mayBeOfAnother(claim, slot, slots, now)) return undefined
      claim.lastSeen = now
      return { connection: claim, info: undefined }
    }
    // A connection whose SYN was never seen is known by its end, and the SYN that is here was forged.
    if (this.#withoutSyn.has(keyOf(client, port)) || source.isUnseenEnd(client, port)) return undefined
    const octets = table.octetsOf(slot)
    const decoded = safeParseSyn(octets)
    if (!decoded.ok) return undefined
    table.serverOf(slot, this.#server)
    const connection = new ClientConnection({
      client,
      clientPort: port,
      server: this.#server,
      serverPort: table.serverPortOf(slot),
      cookieLow: 0,
      cookieHigh: 0,
      syn: { octets, decoded: decoded.value },
      synReason: undefined,
      info: undefined,
      since: table.notAfter(slot),
      now,
      earlierUntil: Number.NEGATIVE_INFINITY,
    })
    return { connection, info: undefined }
  }

  /** No SYN of this client is known: its connection by sock_diag. */
  #findWithoutSyn(client: AddressWords, port: number, now: number): FoundClient | Reason {
    const before = this.#withoutSyn.get(keyOf(client, port))
    if (before !== undefined) {
      const live = this.#live.find(before.server, before.local.port, client, port)
      if (typeof live === 'object' && before.is(live.cookieLow, live.cookieHigh)) {
        before.lastSeen = now
        return { connection: before, info: live.info }
      }
      this.#withoutSyn.delete(keyOf(client, port))
    }
    const missing = this.#source === undefined && this.#synReason !== 'not-saved' ? this.#synReason : 'not-found'
    const end = this.#ends.find(client, port, now)
    if (end === 'ambiguous') return end
    if (typeof end === 'string') return missing
    const live = this.#live.find(end.address, end.port, client, port)
    if (typeof live !== 'object') return missing
    if (isUnused(live.view)) return 'ambiguous'
    return { connection: this.#keepWithoutSyn(client, port, live, this.#synReason, now), info: live.info }
  }

  #keepWithoutSyn(client: AddressWords, port: number, live: Live, synReason: Reason, now: number): ClientConnection {
    const key = keyOf(client, port)
    const before = this.#withoutSyn.get(key)
    if (before?.is(live.cookieLow, live.cookieHigh) === true) return before
    const connection = new ClientConnection({
      ...live,
      client,
      clientPort: port,
      syn: undefined,
      synReason,
      since: now,
      now,
      earlierUntil: Number.NEGATIVE_INFINITY,
    })
    this.#withoutSyn.delete(key)
    this.#withoutSyn.set(key, connection)
    if (this.#withoutSyn.size > WITHOUT_SYN_AT_MOST) this.#withoutSyn.delete(this.#withoutSyn.keys().next().value!)
    return connection
  }

  /** The SYN of a connection of this process that the kernel has not saved; `info` is its TCP_INFO now. */
  synOf({ address, port, cookieLow, cookieHigh, localPort }: Connection, info: Uint8Array): Uint8Array | undefined {
    const source = this.#source
    const client = this.#client
    if (source === undefined || !parseAddress(address, client)) return undefined
    source.drain()
    const slots = source.table.of(client, port).filter((slot) => source.table.serverPortOf(slot) === localPort)
    const live: Live = {
      server: createAddressWords(),
      serverPort: localPort,
      cookieLow,
      cookieHigh,
      info,
      view: new DataView(info.buffer, info.byteOffset, info.length),
    }
    const slot = this.#openerOf(live, slots, client, port, this.#clock())
    if (typeof slot === 'string') return undefined
    source.table.serverOf(slot, source.table.claimOf(slot)!.server)
    return source.table.octetsOf(slot)
  }

  close(): void {
    this.#source?.close()
    this.#ends.close()
    this.#diag.close()
  }
}
