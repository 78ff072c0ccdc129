/**
 * Options of the fingerprinter, checked once when it is made.
 * @module
 */

import * as v from 'valibot'
import { FILTER_PORTS_AT_MOST } from '../../ffi/syn-filter.ts'
import { aFunction, aNumber, anArray, anObjectOr, aText, aTextLike, checkOptions, falseOr } from '../base/options.ts'
import type { Fingerprint } from '../connection/fingerprint.ts'
import { Database } from '../label/database.ts'
import type { Labeller } from '../label/labeller.ts'
import type { PacketOptions } from '../packets/client-lookup.ts'
import { type TrustedHeader, TrustedHeaders } from '../proxy/trusted-header.ts'

/** What to collect and how. Every field is optional. `Subject` is what `skip` gets: the request, or Hono's context. */
export interface FingerprintOptions<Subject = Request> {
  /** False: SYNs are not read. Default true. */
  readonly syn?: boolean | undefined
  /**
   * TCP_INFO: `'request'` reads it for each request that looks at it, `'connection'` once at the first request of a
   * connection, `'off'` never (no RTT and no other timing then). Default `'request'`.
   */
  readonly tcpInfo?: 'request' | 'connection' | 'off' | undefined
  /**
   * When the request's connection is looked up: `'request'` before the handlers run, so that nothing is lost; `'read'` when
   * a fact is first read, which costs nothing where no fact is read. What can be lost then: everything, when the first read
   * comes after the response or after the client has gone; the timing of the handshake, when no early request was looked at.
   * On Deno it is always `'request'`: there a request tells its peer also when that has gone. Default `'request'`.
   */
  readonly resolve?: 'request' | 'read' | undefined
  /**
   * `'clear'` sets TCP_DEFER_ACCEPT to 0 on listeners (Bun sets it to 1), so that the RTT is that of the handshake;
   * `'keep'` leaves it, and an RTT that includes the client's wait says so. Of several fingerprinters in a process, one that
   * clears does so for all. Default `'clear'`.
   */
  readonly deferAccept?: 'clear' | 'keep' | undefined
  /**
   * Connections kept at most, about half a KiB each. The one kept longest goes first: its later requests are `not-saved`, and
   * counted anew. Default 131072.
   */
  readonly maxConnections?: number | undefined
  /** Raw dumps in the environment map: `FINGERPRINT_SAVED_SYN`, `FINGERPRINT_TCP_INFO`. Both off by default. */
  readonly env?: { readonly savedSyn?: boolean | undefined; readonly tcpInfo?: boolean | undefined } | undefined
  /** Where labels come from: a database of `loadP0f`, or false for none. Default: the project's own signatures. */
  readonly database?: Database | false | undefined
  /**
   * Names what sent a SYN in place of the database: `(syn, facts) => ({ name: 'Our probe', family: 'tool', kind: 'app' })`. Asked
   * once per connection, when the label is first read; where it returns `undefined` the database speaks. A labeller that throws
   * is an `onError`, and not a failed request.
   */
  readonly labeller?: Labeller | undefined
  /**
   * Absolute path of the C library, where the usual names will not do. Deno needs it for a permission that is not for
   * everything: `--allow-ffi=/lib/x86_64-linux-gnu/libc.so.6`. The first fingerprinter of a thread decides.
   */
  readonly libc?: string | undefined
  /**
   * Behind a proxy: the header, or one header of each kind, that says who the client is and what its connection looked like. Believed only
   * from peers in its `from` list; taken off every request before handlers see it. Requests of such a peer
   * have `source: 'header'` and the connection from the proxy under `hop`. Default: none, no header is believed.
   */
  readonly trustedHeader?: TrustedHeader | readonly TrustedHeader[] | undefined
  /**
   * Reads SYNs from the wire (AF_PACKET), which needs CAP_NET_RAW when the fingerprinter is made and nothing after that. Behind
   * a proxy of this machine, whose `trustedHeader` of kind `'address'` names the client's address and port, the client's own SYN
   * is then that of the request, with `source: 'packet'`. Direct connections whose SYN the kernel has not saved have it too.
   * `interface` and `ports` (the proxy's, at most 64) restrict what the kernel passes on. Where the kernel refuses, requests are
   * served, `reason` is `'denied'` or `'unsupported'`, and one message says so. Default: off, nothing is opened.
   */
  readonly packets?: boolean | PacketOptions | undefined
  /** Requests not to look at; the variables are set all the same, with nothing in them. */
  readonly skip?: ((subject: Subject) => boolean) | undefined
  /**
   * Gets the fingerprint of every request that is not skipped, before the application does: `store.observe` of `tcpfingerprint/store`, which
   * records so without a middleware of its own. One that throws is an `onError`, and not a failed request.
   */
  readonly observe?: ((fingerprint: Fingerprint) => void) | undefined
  /** Called with what the system refuses, once per kind. It never reaches a request. Default: not told. */
  readonly onError?: ((error: Error) => void) | undefined
}

/** Options with every default filled in. */
export interface ResolvedOptions<Subject = Request> {
  readonly syn: boolean
  readonly tcpInfo: 'request' | 'connection' | 'off'
  readonly resolve: 'request' | 'read'
  readonly deferAccept: 'clear' | 'keep'
  readonly maxConnections: number
  readonly env: { readonly savedSyn: boolean; readonly tcpInfo: boolean }
  readonly database: Database | false | undefined
  readonly labeller: Labeller | undefined
  readonly libc: string | undefined
  readonly trustedHeaders: TrustedHeaders | undefined
  readonly packets: PacketOptions | false
  readonly skip: ((subject: Subject) => boolean) | undefined
  readonly observe: ((fingerprint: Fingerprint) => void) | undefined
  readonly onError: ((error: Error) => void) | undefined
}

const aHeaderName = () => aTextLike(/^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/, 'the name of a header')

const aTrustedHeader = () =>
  v.strictObject({
    header: aHeaderName(),
    kind: v.picklist(['syn', 'tcp-info', 'rtt', 'address']),
    encoding: v.optional(v.picklist(['hex', 'base64'])),
    portHeader: v.optional(aHeaderName()),
    from: anArray(v.string(), 'at least one address block'),
  })

/** Kinds of header whose value has no encoding, and what that value is. */
const NOT_ENCODED = { rtt: 'a number', address: 'an address' }

const trustedHeaderSchema = () =>
  v.pipe(
    aTrustedHeader(),
    v.check(
      ({ kind, encoding }) => encoding === undefined || !Object.hasOwn(NOT_ENCODED, kind),
      ({ input: { kind } }) => `Expected no encoding of ${NOT_ENCODED[kind as 'rtt']}`,
    ),
    v.check(
      ({ kind, portHeader }) => kind === 'address' || portHeader === undefined,
      'Expected portHeader beside an address only',
    ),
  )

const packetsSchema = () =>
  v.strictObject({
    interface: v.optional(aTextLike(/^[^\s/]{1,15}$/, 'the name of an interface')),
    ports: v.optional(
      v.pipe(
        anArray(aNumber(1, 65_535), 'at least one port'),
        v.check(({ length }) => length <= FILTER_PORTS_AT_MOST, `Expected at most ${FILTER_PORTS_AT_MOST} ports`),
      ),
    ),
  })

const fingerprintOptionsSchema = () =>
  v.strictObject({
    syn: v.optional(v.boolean(), true),
    tcpInfo: v.optional(v.picklist(['request', 'connection', 'off']), 'request'),
    resolve: v.optional(v.picklist(['request', 'read']), 'request'),
    deferAccept: v.optional(v.picklist(['clear', 'keep']), 'clear'),
    maxConnections: v.optional(aNumber(1, 16_777_216), 131_072),
    env: v.optional(
      v.strictObject({ savedSyn: v.optional(v.boolean(), false), tcpInfo: v.optional(v.boolean(), false) }),
      {},
    ),
    database: v.optional(falseOr(Database, 'a database of loadP0f')),
    labeller: v.optional(aFunction<Labeller>()),
    libc: v.optional(aText()),
    trustedHeader: v.optional(
      v.lazy((one) =>
        Array.isArray(one) ? anArray(trustedHeaderSchema(), 'at least one header') : trustedHeaderSchema(),
      ),
    ),
    packets: v.optional(
      anObjectOr<boolean, v.InferOutput<ReturnType<typeof packetsSchema>>>(
        packetsSchema(),
        (on) => typeof on === 'boolean',
        'a boolean or an object',
      ),
      false,
    ),
    skip: v.optional(aFunction<(subject: never) => boolean>()),
    observe: v.optional(aFunction<(fingerprint: Fingerprint) => void>()),
    onError: v.optional(aFunction<(error: Error) => void>()),
  })

/**
 * Checks options and fills in the defaults.
 * @throws {TypeError} naming the option, what was expected and what was seen
 */
export function resolveOptions<Subject = Request>(options: FingerprintOptions<Subject> = {}): ResolvedOptions<Subject> {
  const { trustedHeader, packets, skip, ...rest } = checkOptions('fingerprint', fingerprintOptionsSchema, options)
  return {
    ...rest,
    database: rest.database,
    labeller: rest.labeller,
    libc: rest.libc,
    packets: packets === true ? {} : packets,
    observe: rest.observe,
    onError: rest.onError,
    trustedHeaders: trustedHeader === undefined ? undefined : readTrustedHeaders(trustedHeader),
    skip: skip as ((subject: Subject) => boolean) | undefined,
  }
}

function readTrustedHeaders(option: TrustedHeader | readonly TrustedHeader[]): TrustedHeaders {
  try {
    return new TrustedHeaders('from' in option ? [option] : option)
  } catch (error) {
    throw new TypeError(`Invalid fingerprint options: "trustedHeader": ${(error as Error).message}`)
  }
}
