/**
 * Options of `openStore`, checked once.
 * @module
 */

import * as v from 'valibot'
import { aFunction, aNumber, aText, aTextLike, checkOptions } from '../base/options.ts'
import type { Batch } from './types.ts'

/** Takes rows in place of a database: a message queue, a file, another engine. Rejects where they could not be kept. */
export type Sink = (rows: Batch) => void | Promise<void>

/** Options of {@link openStore}. One of `url`, `client` and `sink` says where to. */
export interface StoreOptions {
  /**
   * `sqlite:FILE` (or `sqlite::memory:`), `postgres://USER:PASSWORD@HOST/DATABASE` (needs the package `postgres`), or
   * `clickhouse+http://USER:PASSWORD@HOST:8123/DATABASE` (`clickhouse+https:` too).
   */
  readonly url?: string
  /** A connected client of the package `postgres`, in place of a `postgres:` URL. */
  readonly client?: object
  /** Gets every batch of rows; questions are then not answered. */
  readonly sink?: Sink
  /**
   * How long rows are kept, in UTC days: `'14 days'`, `'8 weeks'`. `observations` (default `'14 days'`) are single connections;
   * `daily` (default `'400 days'`) are counts by day, address, stack and account, from which questions are answered.
   */
  readonly retention?: { readonly observations?: string; readonly daily?: string }
  /** `'network'` writes the /24 or /64 in place of each address, and no port. Default `'none'`. */
  readonly anonymize?: 'none' | 'network'
  /** Keep the raw SYN of each connection. Default false. */
  readonly syn?: boolean
  /** Rows a write, and milliseconds that fewer wait. Default: SQLite 128 (without a thread 32), 1,000; a sink 1,000, 1,000; others 5,000, 2,000. */
  readonly batch?: { readonly rows?: number; readonly milliseconds?: number }
  /** Rows that wait at most, about 200 octets each; beyond that the oldest are dropped and counted. Default 10,000. */
  readonly queue?: number
  /** This machine's name in the rows. Default: its host name. */
  readonly host?: string
  /** Gets every failure to write, once a kind. Nothing of it reaches a request. */
  readonly onError?: (error: Error) => void
}

/** Options with their defaults. */
export interface ResolvedStoreOptions {
  readonly target: { readonly url: string } | { readonly client: object } | { readonly sink: Sink }
  /** Days. */
  readonly retention: { readonly observations: number; readonly daily: number }
  readonly anonymize: boolean
  readonly syn: boolean
  readonly batch: { readonly rows: number | undefined; readonly milliseconds: number | undefined }
  readonly queue: number
  readonly host: string | undefined
  readonly onError: ((error: Error) => void) | undefined
}

const UNIT: Readonly<Record<string, number>> = { day: 1, week: 7, month: 30, year: 365 }
const PERIOD = /^([1-9]\d{0,4}) (day|week|month|year)s?$/

const aPeriod = () => aTextLike(PERIOD, 'a number of days, weeks, months or years: "14 days"')

const storeOptionsSchema = () =>
  v.strictObject({
    url: v.optional(aText()),
    client: v.optional(
      v.custom<object>(
        (value) => typeof value === 'function' && 'unsafe' in value,
        'Expected a client of the package "postgres"',
      ),
    ),
    sink: v.optional(aFunction<Sink>()),
    retention: v.optional(
      v.strictObject({ observations: v.optional(aPeriod(), '14 days'), daily: v.optional(aPeriod(), '400 days') }),
      {},
    ),
    anonymize: v.optional(v.picklist(['none', 'network']), 'none'),
    syn: v.optional(v.boolean(), false),
    batch: v.optional(
      v.strictObject({ rows: v.optional(aNumber(1, 100_000)), milliseconds: v.optional(aNumber(1, 60_000)) }),
      {},
    ),
    queue: v.optional(aNumber(1, 10_000_000), 10_000),
    host: v.optional(aText()),
    onError: v.optional(aFunction<(error: Error) => void>()),
  })

/**
 * Checks options and fills in the defaults.
 * @throws {TypeError} naming the option, what was expected and what was seen
 */
export function resolveStoreOptions(options: StoreOptions): ResolvedStoreOptions {
  const checked = checkOptions('store', storeOptionsSchema, options)
  const { url, client, sink, retention, anonymize, batch } = checked
  if ([url, client, sink].filter((one) => one !== undefined).length !== 1) {
    throw new TypeError('Invalid store options: expected one of "url", "client" and "sink"')
  }
  return {
    target: url !== undefined ? { url: checkUrl(url) } : client !== undefined ? { client } : { sink: sink! },
    retention: { observations: daysOf(retention.observations), daily: daysOf(retention.daily) },
    anonymize: anonymize === 'network',
    syn: checked.syn,
    batch: { rows: batch.rows, milliseconds: batch.milliseconds },
    queue: checked.queue,
    host: checked.host,
    onError: checked.onError,
  }
}

const SCHEMES = ['sqlite:', 'postgres:', 'postgresql:', 'clickhouse+http:', 'clickhouse+https:']

/** `sqlite:` is followed by a path as it is; the others are URLs. */
function checkUrl(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (url === undefined || !SCHEMES.includes(url.protocol) || text.length === 'sqlite:'.length) {
    // Not the URL itself: it may hold a password.
    throw new TypeError(`Invalid store options: "url": expected ${SCHEMES.map((one) => `"${one}..."`).join(', ')}`)
  }
  return text
}

function daysOf(period: string): number {
  const [, count, unit] = PERIOD.exec(period)!
  return Number(count) * UNIT[unit!]!
}

/** The file of a `sqlite:` URL, percent-encoding left as it is: `sqlite:seen.sqlite`, `sqlite:/var/lib/seen.sqlite`. */
export function sqlitePath(text: string): string {
  return text.slice('sqlite:'.length).replace(/^\/\/(?=\/)/, '')
}
