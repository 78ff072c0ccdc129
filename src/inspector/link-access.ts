/**
 * Access to a view: for clients that bring its token, first in the link, then as a cookie.
 *
 * Nothing else counts. A peer address of this machine is also that of every client of a proxy or TCP relay on it, and Host and
 * forwarding fields are what the client, or a proxy as it comes, makes of them.
 * @module
 */
import { createRequire } from 'node:module'
import { toHex } from '../base/bytes.ts'

/** Loaded when it is needed, because an import of it takes 10 ms on Node. */
const crypto = (): typeof import('node:crypto') => createRequire(import.meta.url)('node:crypto')

const digest = (text: string): Uint8Array => crypto().createHash('sha256').update(text).digest()

/** The value of a cookie in a Cookie field (RFC 6265 section 5.4). */
function cookieOf(field: string, name: string): string | undefined {
  for (const pair of field.split(';')) {
    const equals = pair.indexOf('=')
    if (equals >= 0 && pair.slice(0, equals).trim() === name) return pair.slice(equals + 1).trim()
  }
  return undefined
}

/** The secret of a link. */
export interface LinkToken {
  /** Not empty, of at least 16 random octets. */
  readonly token: string
  /**
   * Makes the token hold once: called when a client has brought it, returns the one of the next link. Default: it holds as long as the
   * process runs.
   */
  readonly renew?: (() => string) | undefined
}

/** Decides by what a request brings. Token and cookie are compared in constant time. */
export class LinkAccess {
  readonly #renew: (() => string) | undefined
  #token: Uint8Array
  readonly #cookie: Uint8Array
  readonly #name: string
  readonly #value: string

  constructor({ token, renew }: LinkToken) {
    this.#renew = renew
    this.#token = digest(token)
    // The cookie proves the token, and is not the token. It must not follow from a token that has held, because logs have that one.
    this.#value = renew === undefined ? proof(token) : toHex(crypto().randomBytes(32))
    // Cookies know no ports: servers of one host need names of their own.
    this.#name = `tcpfingerprint-live-${proof(token).slice(0, 8)}`
    this.#cookie = digest(this.#value)
  }

  /** True if a request may see the view, by the `token` of its query or by its Cookie field. */
  allows(token: string | undefined, cookies: string | undefined): boolean {
    return this.#hasToken(token) || this.#hasCookie(cookies)
  }

  /**
   * True if this is the token. One that holds once is none from then on.
   *
   * @throws {TypeError} `renew` gives no token; and what it throws itself
   */
  takes(token: string | undefined): boolean {
    if (!this.#hasToken(token)) return false
    if (this.#renew !== undefined) this.#replaceToken(this.#renew)
    return true
  }

  /** Without a next token no link opens, and never the one that has held. */
  #replaceToken(renew: () => unknown): void {
    this.#token = crypto().randomBytes(32)
    const next = renew()
    if (typeof next !== 'string' || next === '') {
      throw new TypeError('Cannot renew the token of a link: expected text that is not empty from "renew"')
    }
    this.#token = digest(next)
  }

  #hasToken(token: string | undefined): boolean {
    return token !== undefined && crypto().timingSafeEqual(digest(token), this.#token)
  }

  #hasCookie(cookies: string | undefined): boolean {
    const value = cookies === undefined ? undefined : cookieOf(cookies, this.#name)
    return value !== undefined && crypto().timingSafeEqual(digest(value), this.#cookie)
  }

  /**
   * The Set-Cookie field for a client that has brought the token. Without a path: that is then the directory of the page as the
   * browser sees it, also where a proxy serves it under another path.
   */
  setCookie(secure: boolean): string {
    return `${this.#name}=${this.#value}; HttpOnly; SameSite=Strict${secure ? '; Secure' : ''}`
  }
}

const proof = (token: string): string => toHex(digest(`tcpfingerprint live view\n${token}`))
