/**
 * Fingerprints as a recorder gets them.
 * @module
 */
import { Connection } from '../../src/connection/connection.ts'
import type { Fingerprint } from '../../src/connection/fingerprint.ts'
import { type Collection, FingerprintView } from '../../src/connection/view.ts'
import { defaultDatabase, fingerprints, match, parseSyn } from '../../src/index.ts'
import { SYN } from '../support/samples.ts'

const COLLECTION: Collection = {
  syn: true,
  tcpInfo: 'off',
  envOptions: {},
  readInfo: () => undefined,
  labelOf: (facts) => match(defaultDatabase(), facts.own!),
}

/** A connection of a client, with the octets of its SYN. */
export function connection(cookie: number, address = '192.0.2.10', port = 43_210): Connection {
  return new Connection({
    fd: 9,
    cookieLow: cookie,
    cookieHigh: 0,
    address,
    port,
    acceptedOn: { port: 443, owner: {} },
    synBytes: parseSyn(SYN).bytes,
    synReason: undefined,
    handshakeTimeToLive: 57,
    timing: undefined,
    firstInfo: undefined,
  } as unknown as ConstructorParameters<typeof Connection>[0])
}

/** The next request of a connection. */
export function request(one: Connection): Fingerprint {
  one.requests += 1
  return new FingerprintView(COLLECTION, one, one.requests)
}

/** A request that came through a proxy's header. */
export function proxied(address: string, port: number | undefined, withSyn = true): Fingerprint {
  const syn = parseSyn(SYN)
  return {
    available: withSyn,
    source: withSyn ? 'header' : 'none',
    peer: { address, port },
    timing: {},
    ...(withSyn ? { syn, fingerprints: fingerprints(syn) } : {}),
  } as unknown as Fingerprint
}
