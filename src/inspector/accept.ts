/**
 * Does a client want a page, text or data? (RFC 9110 section 12.5.1)
 * @module
 */

/** How an answer is written. */
export type Format = 'html' | 'text' | 'json'

/** Programs whose answers people read in a terminal. */
const TERMINAL = /^(?:curl|wget|httpie|xh)\//i
/** Characters of an Accept field that are read. */
const MOST_CHARACTERS = 4096

const FORMATS: Readonly<Record<string, Format>> = {
  'text/html': 'html',
  'application/xhtml+xml': 'html',
  'text/plain': 'text',
  'application/json': 'json',
}

/**
 * The format that `Accept` gives the highest quality. Of formats with one quality the named come first: HTML, JSON, text.
 * A client that takes anything, or says nothing, gets JSON; curl, Wget, HTTPie and xh get text.
 */
export function acceptedFormat(accept: string | null | undefined, userAgent: string | null | undefined): Format {
  const named: Partial<Record<Format, number>> = {}
  let other = accept ? 0 : 1
  for (const range of (accept ?? '').slice(0, MOST_CHARACTERS).split(',')) {
    const [type = '', ...parameters] = range.split(';')
    const weight = parameters.map((one) => /^\s*q\s*=\s*([\d.]+)\s*$/i.exec(one)?.[1]).find((q) => q !== undefined)
    const quality = weight === undefined ? 1 : Number(weight) || 0
    const name = type.trim().toLowerCase()
    const format = FORMATS[name]
    if (format !== undefined) named[format] = Math.max(named[format] ?? 0, quality)
    else if (name === '*/*') other = quality
  }
  const rest: Format = TERMINAL.test(userAgent ?? '') && named.json === undefined ? 'text' : 'json'
  const candidates: (readonly [Format, number])[] = [
    ['html', named.html ?? 0],
    ['json', named.json ?? 0],
    ['text', named.text ?? 0],
    // What is named is not meant by the asterisk.
    [rest, named[rest] ?? other],
  ]
  const [best] = candidates.toSorted(([, a], [, b]) => b - a)
  return best![1] > 0 ? best![0] : rest
}
