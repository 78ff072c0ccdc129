/**
 * Dates of HTTP fields, read in the forms that scripts write and written as IMF-fixdate (RFC 9110 section 5.6.7).
 * @module
 */

const MONTHS = 'Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec'.split(' ')
/** IMF-fixdate and its RFC 5322 relatives with another zone, RFC 850, and asctime. */
const FORMS: readonly RegExp[] = [
  /^[a-z]{3}, +(?<day>\d{1,2}) (?<month>[a-z]{3}) (?<year>\d{4}) (?<time>\d\d:\d\d:\d\d) +(?<zone>[a-z]{1,5}|[+-]\d{4})(?: *\([^()]*\))?$/i,
  /^[a-z]{6,9}, +(?<day>\d\d)-(?<month>[a-z]{3})-(?<year>\d\d(?:\d\d)?) (?<time>\d\d:\d\d:\d\d) +(?<zone>[a-z]{1,5}|[+-]\d{4})$/i,
  /^[a-z]{3} (?<month>[a-z]{3}) +(?<day>\d{1,2}) (?<time>\d\d:\d\d:\d\d) (?<year>\d{4})$/i,
]
/** Zones of RFC 5322 section 4.3 with their hours from GMT. */
const ZONES: Readonly<Record<string, number>> = {
  GMT: 0,
  UTC: 0,
  UT: 0,
  Z: 0,
  EST: -5,
  EDT: -4,
  CST: -6,
  CDT: -5,
  MST: -7,
  MDT: -6,
  PST: -8,
  PDT: -7,
}

/** Milliseconds since 1970; `undefined` for text that is no date in one of the forms. */
export function parseHttpDate(text: string): number | undefined {
  for (const form of FORMS) {
    const groups = form.exec(text)?.groups
    if (groups === undefined) continue
    const month = MONTHS.findIndex((name) => name.toLowerCase() === groups.month!.toLowerCase())
    const [hour, minute, second] = groups.time!.split(':').map(Number) as [number, number, number]
    const offset = zoneMinutes(groups.zone ?? 'GMT')
    const day = Number(groups.day)
    if (month < 0 || offset === undefined || hour > 23 || minute > 59 || second > 60) return undefined
    const year = fullYear(groups.year!)
    const date = Date.UTC(year, month, day)
    // February 30 would be a day of March.
    if (new Date(date).getUTCDate() !== day) return undefined
    return date + ((hour * 60 + minute - offset) * 60 + second) * 1000
  }
  return undefined
}

/** RFC 9110 section 5.6.7: two digits that seem more than 50 years ahead are of the century before. Apache's rule: below 70. */
function fullYear(digits: string): number {
  if (digits.length === 4) return Number(digits)
  return Number(digits) + (Number(digits) < 70 ? 2000 : 1900)
}

function zoneMinutes(zone: string): number | undefined {
  const [, sign, hours, minutes] = /^([+-])(\d\d)(\d\d)$/.exec(zone) ?? []
  if (sign !== undefined) return (Number(hours) * 60 + Number(minutes)) * (sign === '-' ? -1 : 1)
  const name = zone.toUpperCase()
  return Object.hasOwn(ZONES, name) ? ZONES[name]! * 60 : undefined
}

/** `Tue, 20 Sep 2022 15:27:27 GMT`. */
export function formatHttpDate(milliseconds: number): string {
  return new Date(milliseconds).toUTCString()
}
