/**
 * A self-signed certificate for a test connection on loopback: made when needed, never written down.
 * @module
 */

/** PEM texts. */
export interface Certificate {
  readonly cert: string
  readonly key: string
}

const encoder = new TextEncoder()

/** One DER element (ITU-T X.690 section 8.1). */
function der(tag: number, ...parts: readonly Uint8Array[]): Uint8Array {
  const length = parts.reduce((sum, part) => sum + part.length, 0)
  const size = length < 128 ? [length] : length < 256 ? [0x81, length] : [0x82, length >> 8, length & 255]
  const element = new Uint8Array(1 + size.length + length)
  element.set([tag, ...size])
  let at = 1 + size.length
  for (const part of parts) {
    element.set(part, at)
    at += part.length
  }
  return element
}

const SEQUENCE = 0x30
const SET = 0x31
const INTEGER = 0x02
const BIT_STRING = 0x03
const OCTET_STRING = 0x04
const OBJECT_IDENTIFIER = 0x06
const UTF8_STRING = 0x0c
const UTC_TIME = 0x17

/** A positive INTEGER of big-endian octets. */
function integer(octets: Uint8Array): Uint8Array {
  let at = 0
  while (at < octets.length - 1 && octets[at] === 0) at += 1
  const value = octets.subarray(at)
  return der(INTEGER, value[0]! >= 0x80 ? new Uint8Array([0, ...value]) : value)
}

function utcTime(time: Date): Uint8Array {
  return der(UTC_TIME, encoder.encode(`${time.toISOString().slice(2, 19).replace(/[-:T]/g, '')}Z`))
}

function pem(name: string, octets: Uint8Array): string {
  const text = btoa(String.fromCharCode(...octets)).replace(/.{64}/g, '$&\n')
  return `-----BEGIN ${name}-----\n${text.trimEnd()}\n-----END ${name}-----\n`
}

/** ecdsa-with-SHA256, RFC 5758 section 3.2. */
const ECDSA_WITH_SHA256 = der(SEQUENCE, der(OBJECT_IDENTIFIER, new Uint8Array([0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 2])))
/** id-at-commonName and id-ce-subjectAltName, RFC 5280 section 4. */
const COMMON_NAME = der(OBJECT_IDENTIFIER, new Uint8Array([0x55, 4, 3]))
const SUBJECT_ALT_NAME = der(OBJECT_IDENTIFIER, new Uint8Array([0x55, 0x1d, 0x11]))

/** A certificate for `localhost`, 127.0.0.1 and ::1 that holds for a day (RFC 5280). */
export async function createCertificate(): Promise<Certificate> {
  const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const
  const pair = await crypto.subtle.generateKey(algorithm, true, ['sign', 'verify'])
  const name = der(
    SEQUENCE,
    der(SET, der(SEQUENCE, COMMON_NAME, der(UTF8_STRING, encoder.encode('tcpfingerprint doctor')))),
  )
  const now = Date.now()
  const day = 86_400_000
  const names = der(
    SEQUENCE,
    der(0x82, encoder.encode('localhost')),
    der(0x87, new Uint8Array([127, 0, 0, 1])),
    der(0x87, new Uint8Array([...new Uint8Array(15), 1])),
  )
  const body = der(
    SEQUENCE,
    der(0xa0, integer(new Uint8Array([2]))),
    integer(crypto.getRandomValues(new Uint8Array(8))),
    ECDSA_WITH_SHA256,
    name,
    der(SEQUENCE, utcTime(new Date(now - day)), utcTime(new Date(now + day))),
    name,
    new Uint8Array(await crypto.subtle.exportKey('spki', pair.publicKey)),
    der(0xa3, der(SEQUENCE, der(SEQUENCE, SUBJECT_ALT_NAME, der(OCTET_STRING, names)))),
  )
  const raw = new Uint8Array(await crypto.subtle.sign(algorithm, pair.privateKey, body as BufferSource))
  const signature = der(SEQUENCE, integer(raw.subarray(0, 32)), integer(raw.subarray(32)))
  const certificate = der(SEQUENCE, body, ECDSA_WITH_SHA256, der(BIT_STRING, new Uint8Array([0]), signature))
  return {
    cert: pem('CERTIFICATE', certificate),
    key: pem('PRIVATE KEY', new Uint8Array(await crypto.subtle.exportKey('pkcs8', pair.privateKey))),
  }
}
