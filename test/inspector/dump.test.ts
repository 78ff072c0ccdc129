import { describe, expect, test } from 'bun:test'
import { decodeDump, readDump } from '../../src/inspector/dump.ts'

/** A SYN of Linux: 60 octets. */
const SYN =
  '4500003c1234400039064343c000020ac6336407a8ca01bb1122334400000000a002faf000000000020405b40402080a00a1b2c30000000001030307'
const octets = SYN.match(/../g)!

/** As `tcpdump -x` prints it, with its text where `-X` is given. */
function tcpdump(text: boolean): string {
  const lines: string[] = []
  for (let at = 0; at < octets.length; at += 16) {
    const groups = (
      octets
        .slice(at, at + 16)
        .join('')
        .match(/.{1,4}/g) ?? []
    ).join(' ')
    lines.push(`\t0x${at.toString(16).padStart(4, '0')}:  ${text ? `${groups.padEnd(39)}  E..<.4@.9.CC....` : groups}`)
  }
  return lines.join('\n')
}

function xxd(): string {
  const lines: string[] = []
  for (let at = 0; at < octets.length; at += 16) {
    const groups = (
      octets
        .slice(at, at + 16)
        .join('')
        .match(/.{1,4}/g) ?? []
    ).join(' ')
    lines.push(`${at.toString(16).padStart(8, '0')}: ${groups.padEnd(39)}  ab cd ef 01 2345`)
  }
  return lines.join('\n')
}

function hexdump(): string {
  const lines: string[] = []
  for (let at = 0; at < octets.length; at += 16) {
    const row = octets.slice(at, at + 16)
    const halves = `${row.slice(0, 8).join(' ')}  ${row.slice(8).join(' ')}`
    lines.push(`${at.toString(16).padStart(8, '0')}  ${halves.padEnd(48)}  |E..<.4@.9.CC....|`)
  }
  return `${lines.join('\n')}\n${octets.length.toString(16).padStart(8, '0')}\n`
}

describe('readDump', () => {
  test.each([
    ['plain digits', SYN],
    ['upper case', SYN.toUpperCase()],
    ['white space around and inside', `  ${SYN.slice(0, 40)}\n${SYN.slice(40)}\t\n`],
    ['octets parted by blanks', octets.join(' ')],
    ['octets parted by colons', octets.join(':')],
    ['C array', octets.map((one) => `0x${one}`).join(', ')],
    ['string escapes', `"${octets.map((one) => `\\x${one}`).join('')}"`],
    ['lines of 16 octets without offsets', octets.join(' ').replace(/(.{47}) /g, '$1\n')],
    ['tcpdump -x', tcpdump(false)],
    ['tcpdump -X', tcpdump(true)],
    ['xxd, with text that looks like octets', xxd()],
    ['hexdump -C', hexdump()],
    ['xxd with line ends of Windows', xxd().replaceAll('\n', '\r\n')],
  ])('takes %s', (_, text) => {
    expect(readDump(text)).toBe(SYN)
  })
  test('leaves what is no digit to the decoder, which says where it is', () => {
    const result = decodeDump('45 00 <script>', 'auto')
    expect(result).toEqual({ ok: false, error: { reason: 'bad-hex', offset: 4 } })
  })
  test('answers long text of every kind, within the time limit of a test', () => {
    const texts = ['0 ', '0000:\n', '0000  ', 'a', ' ', '0x', '00  00 |\n'].map((one) =>
      one.repeat(65_536 / one.length),
    )
    for (const text of texts) expect(typeof decodeDump(text, 'auto').ok).toBe('boolean')
  })
})

describe('decodeDump', () => {
  test('tells a SYN from tcp_info', () => {
    const syn = decodeDump(SYN, 'auto')
    expect(syn).toMatchObject({ ok: true, value: { kind: 'syn', hex: SYN } })
    const info = decodeDump('01000000000702005a1a030000000000', 'auto')
    expect(info).toMatchObject({
      ok: true,
      value: { kind: 'tcp-info', octets: 16, tcpInfo: { state: 1, rto: 203354 } },
    })
  })
  test('takes it for what it is said to be', () => {
    expect(decodeDump(SYN, 'tcp-info')).toMatchObject({ ok: true, value: { kind: 'tcp-info', octets: 60 } })
    expect(decodeDump('01000000000702005a1a030000000000', 'syn')).toMatchObject({
      ok: false,
      error: { reason: 'bad-version' },
    })
  })
  test('refuses nothing at all', () => {
    for (const kind of ['auto', 'syn', 'tcp-info'] as const) {
      expect(decodeDump(' \n', kind)).toMatchObject({ ok: false, error: { reason: 'empty' } })
    }
  })
})
