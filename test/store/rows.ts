/**
 * Rows as a store's engine gets them.
 * @module
 */
import { placeOf } from '../../src/store/address.ts'
import { dayOf } from '../../src/store/answers.ts'
import type { Observation, Stack } from '../../src/store/types.ts'

/** Microseconds since 1970. */
export const NOW: number = Date.now() * 1000
export const DAY: number = 86_400_000_000
/** UTC. */
export const TODAY: string = dayOf(NOW)

/** A stack that differs from others in its number. */
export function stackNumber(number: number, label = `System ${number}`): Stack {
  return {
    stack: `4:64:0:1460:mss*44,${number}:mss,sok,ts,nop,ws:df,id+:0`,
    muonfp: `64240:2-4-8-1-3:1460:${number}`,
    haproxy: '0050A8FAF005B447',
    mss: 1460,
    window: 64_240,
    scale: number,
    options: '2,4,8,1,3',
    label,
    family: 'linux',
  }
}

/** A row with everything in it. */
export function row(cookie: number | string, address: string, rest: Partial<Observation> = {}): Observation {
  return {
    boot: 'b6d5c7a2-0000-4000-8000-000000000001',
    host: 'test',
    cookie: String(cookie),
    seen: NOW,
    network: placeOf(address)!.network,
    address: placeOf(address)!.address,
    port: 43_210,
    serverPort: 443,
    stack: stackNumber(7),
    timeToLive: 57,
    distance: 7,
    rtt: 20_000,
    rttProvenance: 'handshake',
    firstDataDelay: 3,
    tlsRoundTrip: undefined,
    requests: 1,
    account: '',
    syn: undefined,
    ...rest,
  }
}
