/**
 * Addresses as logs and scripts read them.
 * @module
 */

/** An address as text, an IPv4-mapped IPv6 one as IPv4. */
export function plainAddress(address: string): string {
  return address.startsWith('::ffff:') && address.includes('.') ? address.slice(7) : address
}
