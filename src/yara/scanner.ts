/**
 * What libyara takes and gives: texts, addresses, scanners, the rules of a compiled set.
 * @module
 */
import type { Libyara } from '../../ffi/libyara.ts'
import { YaraError } from './yara-error.ts'

/** What a scan reports. */
export const MESSAGE = { MATCHING: 1, NOT_MATCHING: 2 } as const
/** Seconds after which a scan of some 60 octets is given up: the least that libyara takes. */
export const TIMEOUT = 1
/** ERROR_SCAN_TIMEOUT of `yara/error.h`. */
export const TIMED_OUT = 26
const GO_ON = 0

const encoder = new TextEncoder()

/** A text with a space in place of each NUL, which would end it. */
export const withoutNul = (text: string): string => (text.includes('\0') ? text.replaceAll('\0', ' ') : text)

/** Octets of a text with a NUL behind it, and none within. */
export const cText = (text: string): Uint8Array => encoder.encode(`${withoutNul(text)}\0`)

/** What libyara writes to the address it is given. @throws {YaraError} it returns an error */
export function created(call: (out: BigUint64Array) => number, what: string): number {
  const out = new BigUint64Array(new ArrayBuffer(8))
  const error = call(out)
  if (error !== 0) throw new YaraError(`Cannot ${what}: libyara says error ${error}`)
  return Number(out[0])
}

/** A scanner of compiled rules. */
export function createScanner(library: Libyara, rules: number): number {
  return created((out) => library.yr_scanner_create(rules, out), 'make a scanner')
}

/** Addresses of all rules that are not private, in order: a scan of nothing reports each, matching or not. */
export function addressesOf(library: Libyara, rules: number): readonly number[] {
  const addresses: number[] = []
  const scanner = createScanner(library, rules)
  const callback = library.onScan((message, data) => {
    if (message === MESSAGE.MATCHING || message === MESSAGE.NOT_MATCHING) addresses.push(data)
    return GO_ON
  })
  library.yr_scanner_set_callback(scanner, callback, 0)
  library.yr_scanner_set_timeout(scanner, TIMEOUT)
  const error = library.yr_scanner_scan_mem(scanner, new Uint8Array(new ArrayBuffer(8)), 1)
  library.yr_scanner_destroy(scanner)
  if (error === TIMED_OUT) throw new YaraError('Cannot use rules: a scan of a single octet takes more than 1 s')
  if (error !== 0) throw new YaraError(`Cannot read rules: a scan of nothing ends with libyara's error ${error}`)
  return addresses
}
