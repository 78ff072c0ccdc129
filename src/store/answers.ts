/**
 * Days, times and lists as answers have them, whatever the engine.
 * @module
 */

const DAY = 86_400_000

/** The UTC day of a time in microseconds since 1970: `2026-11-27`. */
export function dayOf(microseconds: number): string {
  return new Date(Math.floor(microseconds / 1000)).toISOString().slice(0, 10)
}

/** Days since 1970 of a UTC day. */
export function dayNumber(day: string): number {
  return Math.floor(Date.parse(`${day}T00:00:00Z`) / DAY)
}

/** The first of the last `days` UTC days, today included. */
export function firstDay(days: number, now: number = Date.now()): string {
  return dayOf((now - (days - 1) * DAY) * 1000)
}

/** ISO 8601 of a time in microseconds since 1970. */
export function isoOf(microseconds: number): string {
  return new Date(Math.floor(microseconds / 1000)).toISOString()
}

/** Accounts, sorted by code unit, without the empty one. */
export function sortAccounts(accounts: Iterable<string>): string[] {
  return [...new Set(accounts)].filter((one) => one !== '').sort()
}
