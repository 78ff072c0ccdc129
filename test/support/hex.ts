/**
 * Hexadecimal text of tests, read without the product's own reader.
 * @module
 */

/** Octets of hexadecimal digits; white space between them is passed over. */
export function hex(text: string): Uint8Array<ArrayBuffer> {
  const digits = text.replace(/\s/g, '')
  const bytes = new Uint8Array(new ArrayBuffer(digits.length / 2))
  for (let i = 0; i < bytes.length; i++) bytes[i] = Number.parseInt(digits.slice(2 * i, 2 * i + 2), 16)
  return bytes
}

/** Lower-case hexadecimal text. */
export function toText(bytes: Uint8Array): string {
  return Array.from(bytes, (octet) => octet.toString(16).padStart(2, '0')).join('')
}
