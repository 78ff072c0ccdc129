/**
 * Does a request want a page or data?
 * @module
 */

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
