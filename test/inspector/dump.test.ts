import { describe, expect, test } from 'bun:test'
import { readHexDump } from '../../src/base/hex-dump.ts'
import { decodeDump } from '../../src/inspector/dump.ts'
import { hexdump, tcpdump, xxd } from '../support/dumps.ts'
import { SYN } from '../support/samples.ts'

const octets = SYN.match(/../g)!

describe('readHexDump', () => {
  test.each([
    ['plain digits', SYN],
    ['upper case', SYN.toUpperCase()],
    ['white space around and inside', `  ${SYN.slice(0, 40)}\n${SYN.slice(40)}\t\n`],
    ['octets parted by blanks', octets.join(' ')],
    ['octets parted by colons', octets.join(':')],
    ['C array', octets.map((one) => `0x${one}`).join(', ')],
    ['string escapes', `"${octets.map((one) => `\\x${one}`).join('')}"`],
    ['lines of 16 octets without offsets', octets.join(' ').replace(/(.{47}) /g, '$1\n')],
    ['tcpdump -x', tcpdump(SYN)],
    ['tcpdump -X', tcpdump(SYN, true)],
    ['xxd, with text that looks like octets', xxd(SYN)],
    ['hexdump -C', hexdump(SYN)],
    ['xxd with line ends of Windows', xxd(SYN).replaceAll('\n', '\r\n')],
  ])('takes %s', (_, text) => {
    expect(readHexDump(text)).toEqual({ digits: SYN, more: 0 })
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
