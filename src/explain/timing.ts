/**
 * When things happened on a connection, in words.
 * @module
 */

import { plural } from '../base/text.ts'
import type { Delivery } from '../connection/delivery.ts'
import type { Fingerprint } from '../connection/fingerprint.ts'
import type { RttProvenance } from '../connection/handshake-timing.ts'
import { timeToLiveOf } from '../fingerprint/ttl.ts'
import { duration } from './units.ts'

/** How the handshake's round-trip time is known, in words. */
export const PROVENANCE: Readonly<Record<RttProvenance, string>> = {
  handshake: 'exact: one clean sample, from SYN-ACK to the bare ACK',
  recovered: 'solved from two samples: within 1 \u00b5s of the handshake\u2019s',
  minimum: 'the smallest of several samples: at most the handshake\u2019s',
  retransmitted: 'whole milliseconds: the SYN-ACK had to be sent again, and the timestamp echo tells',
  cookie: 'up to 64 ms too high: the SYN was answered with a SYN cookie',
  deferred: 'too high by the client\u2019s own wait: its data completed the handshake',
}

/** One time, or another fact of the handshake, with what it means. */
export interface ExplainedTime {
  readonly name: string
  readonly value: string
  readonly about: string
}

/** The timing facts of a fingerprint that are known. */
export function explainTiming({ timing, syn, delivery }: Fingerprint): ExplainedTime[] {
  const { handshakeRtt, rtt, firstDataDelayMilliseconds: delay, acceptTime, handshakeTimeToLive } = timing
  const { tlsRoundTripMilliseconds: tls } = timing
  const rows: ExplainedTime[] = []
  const row = (name: string, value: string, about: string): void => {
    rows.push({ name, value, about })
  }
  if (handshakeRtt !== undefined) {
    row('Handshake RTT', duration(handshakeRtt.microseconds), PROVENANCE[handshakeRtt.provenance])
  }
  if (rtt !== undefined) row('RTT now', duration(rtt.microseconds), 'smoothed by the kernel, read for this request')
  if (delay !== undefined) {
    row(
      'First data',
      `${delay} ms`,
      'after the handshake. Browsers ask at once; a proxy that is told the address first asks a round trip later',
    )
  }
  if (tls !== undefined) {
    row(
      'TLS round trip',
      `${tls} ms`,
      'to the machine that ends the TLS session, the client\u2019s wait before its request included. Far above the handshake RTT the octets were relayed, or the client connected in advance',
    )
  }
  if (acceptTime !== undefined) {
    row('Accepted', acceptTime.replace('T', ' ').replace('Z', ' UTC'), 'exact to a jiffy')
  }
  if (handshakeTimeToLive !== undefined) {
    const sent = syn === undefined ? undefined : timeToLiveOf(syn)
    const same = sent === undefined ? '' : sent === handshakeTimeToLive ? ', as in the SYN' : `; the SYN had ${sent}`
    row('TTL of the last segment', String(handshakeTimeToLive), `the one that completed the handshake${same}`)
  }
  if (delivery !== undefined) row('Since the request before', spanOf(delivery.milliseconds), explainDelivery(delivery))
  return rows
}

/** What TCP did between two requests, and what held it up. */
function explainDelivery(delivery: Delivery): string {
  const { bytesSent, bytesAcked, bytesRetransmitted, retransmits, busyMilliseconds } = delivery
  const { receiverLimitedMilliseconds: receiver, senderLimitedMilliseconds: sender, deliveryRate } = delivery
  const words = [`${octets(bytesSent)} sent, ${octets(bytesAcked)} acknowledged, busy for ${spanOf(busyMilliseconds)}`]
  if (retransmits > 0)
    words.push(`${octets(bytesRetransmitted)} sent again in ${plural(retransmits, 'segment')}: the way loses packets`)
  if (receiver > 0) words.push(`${spanOf(receiver)} held up by the client\u2019s window: it reads slowly`)
  if (sender > 0) words.push(`${spanOf(sender)} held up by this server\u2019s send buffer`)
  if (deliveryRate !== undefined) words.push(`delivered at ${octets(deliveryRate)} per second`)
  return words.join('; ')
}

const spanOf = (milliseconds: number): string => duration(Math.round(milliseconds * 1000))
const octets = (count: number): string => plural(Math.round(count), 'octet')

/** What the picture of a handshake says: times as text, `?` where they are not known. */
export interface HandshakePicture {
  readonly rtt: string
  readonly firstData: string
  /** True if data completed the handshake, in place of a bare ACK. */
  readonly deferred: boolean
  /** The picture in words. */
  readonly words: string
}

/** The times of a handshake for a picture. */
export function explainHandshake({ timing }: Fingerprint): HandshakePicture {
  const { handshakeRtt, firstDataDelayMilliseconds: delay } = timing
  const rtt = handshakeRtt === undefined ? '?' : duration(handshakeRtt.microseconds)
  const firstData = delay === undefined ? '?' : `${delay} ms`
  return {
    rtt,
    firstData,
    deferred: handshakeRtt?.provenance === 'deferred',
    words: `SYN and SYN-ACK, then the ACK after ${rtt}, then the first data after ${firstData}`,
  }
}
