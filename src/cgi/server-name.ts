/**
 * SERVER_NAME and SERVER_PORT from a Host field (RFC 3875 sections 4.1.14 and 4.1.15).
 * @module
 */

/** Host and port of a request. */
export interface ServerName {
  /** Lower case; an IPv6 address in brackets. */
  readonly host: string
  /** 1 to 65535; `undefined` if the field has none. */
  readonly port: number | undefined
}

/** A label of a host name. Underscores are no part of RFC 1123 names, but of many that are in use. */
const HOST = /^(?:[a-z0-9_-]{1,63}\.)*[a-z0-9_-]{1,63}$/
const IPV6 = /^\[[0-9a-f:.]{2,45}\]$/

/**
 * The host of a Host field; `undefined` if it holds anything but one host name or address and a port. Two fields arrive joined
 * by a comma and are refused too, because neither can be preferred.
 *
 * A dot at the end of the name is left out, as Apache does it.
 */
export function parseHost(field: string): ServerName | undefined {
  const [, name = '', digits = ''] = /^(\[[^\]]*\]|[^:]*)(?::(\d{0,5}))?$/.exec(field.toLowerCase()) ?? []
  const host = name.endsWith('.') ? name.slice(0, -1) : name
  const port = Number(digits)
  if (port > 65_535 || host.length > 253) return undefined
  // `URL` knows which text is an IPv6 address.
  if (!HOST.test(host) && !(IPV6.test(host) && URL.canParse(`http://${host}/`))) return undefined
  return { host, port: port === 0 ? undefined : port }
}

/** An address as a server name: IPv6 in brackets. */
export function addressAsHost(address: string): string {
  return address.includes(':') ? `[${address}]` : address
}
