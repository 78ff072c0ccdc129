/**
 * Times as log formats write them: the common log format's own, fractions of a second, and strftime in the C locale.
 * @module
 */
import { lazy } from '../base/lazy.ts'

const MONTHS = [
  'January',
  'February',
  'March',
  'April',
  'May',
  'June',
  'July',
  'August',
  'September',
  'October',
  'November',
  'December',
] as const
const DAYS = ['Sunday', 'Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday'] as const
const DAY = 86_400_000

/** Text of a moment, which is given in milliseconds since 1970, with a fraction where it is known. */
export type TimeFormatter = (milliseconds: number) => string

function two(value: number): string {
  return value < 10 ? `0${value}` : `${value}`
}
function spaced(value: number): string {
  return value < 10 ? ` ${value}` : `${value}`
}
function three(value: number): string {
  return `${value}`.padStart(3, '0')
}

/** Offset of local time from UTC as `+hhmm`. */
function zone(date: Date): string {
  const minutes = -date.getTimezoneOffset()
  const size = Math.abs(minutes)
  return `${minutes < 0 ? '-' : '+'}${two(Math.floor(size / 60))}${two(size % 60)}`
}

/** Remembers the text of the last second, because a busy server asks for it thousands of times. */
function perSecond(format: (date: Date) => string): TimeFormatter {
  let second = Number.NaN
  let text = ''
  return (milliseconds) => {
    const now = Math.floor(milliseconds / 1000)
    if (now !== second) {
      // Joined to a flat string: a template makes a rope, which would be flattened anew in every line.
      text = [...format(new Date(now * 1000))].join('')
      second = now
    }
    return text
  }
}

/** `[10/Oct/2000:13:55:36 -0700]`, in the zone of the process: the common log format's time. */
function createClfTime(): TimeFormatter {
  return perSecond(
    (date) =>
      `[${two(date.getDate())}/${MONTHS[date.getMonth()]!.slice(0, 3)}/${date.getFullYear()}:` +
      `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())} ${zone(date)}]`,
  )
}

/** Days since the first of January. */
function yearDay(date: Date): number {
  const start = Date.UTC(date.getFullYear(), 0, 1)
  return Math.round((Date.UTC(date.getFullYear(), date.getMonth(), date.getDate()) - start) / DAY)
}

/** ISO 8601 year and week: the week with the year's first Thursday is its first. */
function isoWeek(date: Date): { year: number; week: number } {
  const thursday = new Date(Date.UTC(date.getFullYear(), date.getMonth(), date.getDate()))
  thursday.setUTCDate(thursday.getUTCDate() + 3 - ((thursday.getUTCDay() + 6) % 7))
  const year = thursday.getUTCFullYear()
  return { year, week: Math.floor((thursday.getTime() - Date.UTC(year, 0, 1)) / DAY / 7) + 1 }
}

/** The zone's abbreviation as the runtime knows it: `UTC`, `EST`; `GMT+1` where it has no English name. */
function zoneName(date: Date): string {
  const parts = new Intl.DateTimeFormat('en-US', { timeZoneName: 'short' }).formatToParts(date)
  return parts.find((part) => part.type === 'timeZoneName')?.value ?? ''
}

/** One entry for every conversion of C99 and glibc, in the C locale. */
const conversions: () => Readonly<Record<string, (date: Date) => string>> = /* @__PURE__ */ lazy(() => ({
  a: (date) => DAYS[date.getDay()]!.slice(0, 3),
  A: (date) => DAYS[date.getDay()]!,
  b: (date) => MONTHS[date.getMonth()]!.slice(0, 3),
  B: (date) => MONTHS[date.getMonth()]!,
  c: (date) => strftime('%a %b %e %H:%M:%S %Y', date),
  C: (date) => two(Math.floor(date.getFullYear() / 100)),
  d: (date) => two(date.getDate()),
  D: (date) => strftime('%m/%d/%y', date),
  e: (date) => spaced(date.getDate()),
  F: (date) => strftime('%Y-%m-%d', date),
  g: (date) => two(isoWeek(date).year % 100),
  G: (date) => `${isoWeek(date).year}`,
  h: (date) => MONTHS[date.getMonth()]!.slice(0, 3),
  H: (date) => two(date.getHours()),
  I: (date) => two(date.getHours() % 12 || 12),
  j: (date) => three(yearDay(date) + 1),
  k: (date) => spaced(date.getHours()),
  l: (date) => spaced(date.getHours() % 12 || 12),
  m: (date) => two(date.getMonth() + 1),
  M: (date) => two(date.getMinutes()),
  n: () => '\n',
  p: (date) => (date.getHours() < 12 ? 'AM' : 'PM'),
  P: (date) => (date.getHours() < 12 ? 'am' : 'pm'),
  r: (date) => strftime('%I:%M:%S %p', date),
  R: (date) => strftime('%H:%M', date),
  s: (date) => `${Math.floor(date.getTime() / 1000)}`,
  S: (date) => two(date.getSeconds()),
  t: () => '\t',
  T: (date) => strftime('%H:%M:%S', date),
  u: (date) => `${date.getDay() || 7}`,
  U: (date) => two(Math.floor((yearDay(date) + 7 - date.getDay()) / 7)),
  V: (date) => two(isoWeek(date).week),
  w: (date) => `${date.getDay()}`,
  W: (date) => two(Math.floor((yearDay(date) + 7 - ((date.getDay() + 6) % 7)) / 7)),
  x: (date) => strftime('%m/%d/%y', date),
  X: (date) => strftime('%H:%M:%S', date),
  y: (date) => two(date.getFullYear() % 100),
  Y: (date) => `${date.getFullYear()}`,
  z: zone,
  Z: zoneName,
  '%': () => '%',
}))

/** Flags, width and modifier of glibc. Modifiers change nothing in the C locale. */
const DIRECTIVE = /%([-_0^#]*)(\d{0,3})[EO]?([A-Za-z%])/g
const NUMBERS = 'CdegGHIjklmMSuUVwWyY'

/** `strftime(3)` in the C locale and the zone of the process. Unknown conversions stay as they are, as in glibc. */
export function strftime(format: string, date: Date): string {
  return format.replace(DIRECTIVE, (whole, flags: string, width: string, letter: string) => {
    let text = conversions()[letter]?.(date)
    if (text === undefined || flags + width === '') return text ?? whole
    if (/[#^]/.test(flags)) {
      text = flags.includes('#') && 'pPZ'.includes(letter) ? text.toLowerCase() : text.toUpperCase()
    }
    const pad = flags.replace(/[#^]/g, '').at(-1)
    if (!NUMBERS.includes(letter)) return text.padStart(Number(width), pad === '0' ? '0' : ' ')
    const digits = text.replace(/^[ 0]+(?=\d)/, '')
    if (pad === '-') return digits.padStart(Number(width))
    const isBlank = (pad ?? ('ekl'.includes(letter) ? '_' : '0')) === '_'
    return digits.padStart(Math.max(Number(width), text.length), isBlank ? ' ' : '0')
  })
}

/**
 * The formatter of `%{...}t` without its `begin:` or `end:`.
 *
 * `sec`, `msec`, `usec`, `msec_frac` and `usec_frac` are Apache's own; everything else is a strftime format. An empty one
 * is the common log format's time.
 */
export function createTimeFormatter(format: string): TimeFormatter {
  switch (format) {
    case '':
      return createClfTime()
    case 'sec':
      return (milliseconds) => `${Math.floor(milliseconds / 1000)}`
    case 'msec':
      return (milliseconds) => `${Math.floor(milliseconds)}`
    case 'usec':
      return (milliseconds) => `${microseconds(milliseconds)}`
    case 'msec_frac':
      return (milliseconds) => three(Math.floor(milliseconds) % 1000)
    case 'usec_frac':
      return (milliseconds) => `${microseconds(milliseconds) % 1_000_000}`.padStart(6, '0')
    default:
      return perSecond((date) => strftime(format, date))
  }
}

/** Rounded, because a binary fraction of a millisecond is seldom a whole microsecond. */
function microseconds(milliseconds: number): number {
  return Math.round(milliseconds * 1000)
}
