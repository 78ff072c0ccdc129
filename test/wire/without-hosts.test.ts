import { describe, expect, test } from 'bun:test'
import { parseSyn } from '../../src/index.ts'
import { evaluationRow } from '../../src/label/evaluation-row.ts'
import { withoutHosts } from '../../src/wire/without-hosts.ts'

const TCP = 'd43101bb6e1d0d4f00000000a002faf07ffc0000020405b40402080a00000001000000000103030a'
/** An address of the client, which a route record, a routing header and a home address hold. */
const HOST4 = 'cb007107'
const HOST6 = '20010db800070000000000000000beef'
const OTHER6 = '20010db8000900000000000000000001'
const V6 = (next: string, headers: string): string =>
  `6000000000${((TCP.length + headers.length) / 2).toString(16)}${next}40${HOST6}${OTHER6}${headers}${TCP}`

const SYNS: readonly (readonly [name: string, host: string, hex: string])[] = [
  ['IPv4', HOST4, `4500003c1c46400040061234${HOST4}c0000201${TCP}`],
  ['IPv4 with a recorded route', HOST4, `4700004400004000400612340a000001c00002010107${'0704'}${HOST4}${TCP}`],
  ['IPv6', HOST6, V6('06', '')],
  ['IPv6 with a routing header', HOST6, V6('2b', `0602040000000000${HOST6}`)],
  ['IPv6 with a home address', HOST6, V6('00', `3c00010400000000${'0602'}${'01020000'}c910${HOST6}`)],
]

describe('a SYN without its hosts', () => {
  for (const [name, host, hex] of SYNS) {
    test(`${name}: nothing of the host is left, all else is`, () => {
      const syn = parseSyn(hex)
      expect(syn.tcp.mss).toBe(1460)
      for (const kept of [parseSyn(withoutHosts(syn).octets), parseSyn(evaluationRow(syn, []).hex)]) {
        expect(kept.hex).not.toContain(host)
        expect(kept.tcp.checksum).toBe(0)
        expect({ ...kept.tcp.toJSON(), checksum: 0 }).toEqual({ ...syn.tcp.toJSON(), checksum: 0 })
        const facts = ({ ip }: typeof syn): unknown =>
          ip.version === 4 ? [ip.optionsLength, ip.timeToLive] : [ip.extensionHeaders, ip.extensionsLength, ip.hopLimit]
        expect(facts(kept)).toEqual(facts(syn))
      }
    })
  }

  test('a link header goes: it names machines of the network', () => {
    const [, , hex] = SYNS[0]!
    const syn = parseSyn(`02005e10000102005e1000020800${hex}`)
    expect(syn.ipOffset).toBe(14)
    expect(withoutHosts(syn)).toMatchObject({ tcpAt: 20, octets: { length: hex.length / 2 } })
  })
})
