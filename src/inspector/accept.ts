/**
 * Does a request want a page, text or data?
 * @module
 */

/** Programs that people read the answers of, in a terminal. */
const TERMINAL = /^(?:curl|wget|httpie|xh)\//i

/**
 * True if a client reads text: `Accept` names `text/plain` and not JSON, or it takes anything and the client is curl, Wget, HTTPie or xh.
 */
export function wantsText(accept: string | null | undefined, userAgent: string | null | undefined): boolean {
  const types = (accept ?? '*/*')
    .slice(0, 4096)
    .split(',')
    .map((range) => range.split(';')[0]!.trim().toLowerCase())
  if (types.includes('application/json')) return false
  return types.includes('text/plain') || (types.includes('*/*') && TERMINAL.test(userAgent ?? ''))
}

/**
 * True if `Accept` asks for HTML: it names `text/html` or XHTML, with a quality that is not below that of JSON. A client that
 * takes anything, as curl does (an asterisk, or no header at all), gets JSON.
 */
export function wantsHtml(accept: string | null | undefined): boolean {
  let html = 0
  let json = 0
  for (const range of (accept ?? '').slice(0, 4096).split(',')) {
    const [type = '', ...parameters] = range.split(';')
    const weight = parameters.map((one) => /^\s*q\s*=\s*([\d.]+)\s*$/i.exec(one)?.[1]).find((q) => q !== undefined)
    const quality = weight === undefined ? 1 : Number(weight) || 0
    const name = type.trim().toLowerCase()
    if (name === 'text/html' || name === 'application/xhtml+xml') html = Math.max(html, quality)
    else if (name === 'application/json') json = Math.max(json, quality)
  }
  return html > 0 && html >= json
}
