/**
 * Octets as programs print them.
 * @module
 */

/** Rows of `width` octets, each made by `row` of its offset and octets. */
function rows(hex: string, width: number, row: (offset: number, octets: string[]) => string): string {
  const octets = hex.match(/../g) ?? []
  const lines: string[] = []
  for (let at = 0; at < octets.length; at += width) lines.push(`${row(at, octets.slice(at, at + width))}\n`)
  return lines.join('')
}

const pairs = (octets: string[]): string => (octets.join('').match(/.{1,4}/g) ?? []).join(' ')
const offset = (at: number, digits: number): string => at.toString(16).padStart(digits, '0')

/** As `tcpdump -x` prints a packet, with the line about it; with text as `-X` does. */
export function tcpdump(hex: string, text = false): string {
  const title = '12:34:56.789012 IP 192.0.2.10.43210 > 198.51.100.7.443: Flags [S], seq 1, win 64240, length 0\n'
  const shown = (octets: string[]): string => (text ? `${pairs(octets).padEnd(39)}  E..<.4@.9.CC....` : pairs(octets))
  return title + rows(hex, 16, (at, octets) => `\t0x${offset(at, 4)}:  ${shown(octets)}`)
}

/** As `xxd` does, with text that looks like octets. */
export const xxd = (hex: string): string =>
  rows(hex, 16, (at, octets) => `${offset(at, 8)}: ${pairs(octets).padEnd(39)}  ab cd ef 01 2345`)

/** As `hexdump -C` does. */
export function hexdump(hex: string): string {
  const row = (at: number, octets: string[]): string =>
    `${offset(at, 8)}  ${`${octets.slice(0, 8).join(' ')}  ${octets.slice(8).join(' ')}`.padEnd(48)}  |E..<.4@.9.CC....|`
  return `${rows(hex, 16, row)}${offset(hex.length / 2, 8)}\n`
}

/** As Wireshark copies a packet "as hex dump". */
export const wireshark = (hex: string): string =>
  rows(hex, 16, (at, octets) => `${offset(at, 4)}   ${octets.join(' ').padEnd(47)}   E..<.4@.9.CC....`)

/** As `od -A x -t x1` does. */
export const od = (hex: string): string =>
  `${rows(hex, 16, (at, octets) => `${offset(at, 6)} ${octets.join(' ')}`)}${offset(hex.length / 2, 6)}\n`

/** Octets parted by blanks, 16 a line. */
export const bare = (hex: string): string => rows(hex, 16, (_, octets) => octets.join(' '))
