import { describe, expect, test } from 'bun:test'
import { existsSync } from 'node:fs'
import { join as path } from 'node:path'
import { gzipSync } from 'node:zlib'
import { ENCAPSULATIONS } from '../../src/capture-file/encapsulations.ts'
import { ethernet, hex, ipv4, join, pcap, pcapng, SYN4, SYN6, u16, u32, udp, withOctet } from '../capture-file/build.ts'
import { BUN, DENO, lines, type Outcome, type Runtime, records, tcpfingerprint, withFiles } from './run.ts'

const syn4 = Buffer.from(SYN4).toString('hex')
const syn6 = Buffer.from(SYN6).toString('hex')
const SYN_ACK = withOctet(SYN4, 33, 0x12)
const b = pcapng()
const start = join(b.section(), b.interface(101))

/** Runs `pcap` over files in a directory of their own, which is cut out of what it printed. */
function overFiles(
  files: Readonly<Record<string, Uint8Array>>,
  args: readonly string[],
  runtime: Runtime = BUN,
): Promise<Outcome> {
  return withFiles(files, (directory) => {
    const { code, out, err } = tcpfingerprint(
      ['pcap', ...args.map((name) => (name.startsWith('-') ? name : path(directory, name)))],
      { runtime },
    )
    return { code, out: out.replaceAll(`${directory}/`, ''), err: err.replaceAll(`${directory}/`, '') }
  })
}

describe('tcpfingerprint pcap', () => {
  test('prints every SYN as parse does, with file and frame', async () => {
    const files = {
      'a.pcap': pcap([SYN4, SYN_ACK, SYN6]),
      'b.pcapng': join(b.section(), b.interface(1), b.enhanced(ethernet(SYN_ACK)), b.enhanced(ethernet(SYN4))),
    }
    const { code, out, err } = await overFiles(files, ['--json', 'a.pcap', 'b.pcapng'])
    expect({ code, err }).toEqual({ code: 0, err: '' })
    const parsed = records(tcpfingerprint(['parse', '--json', syn4, syn6, syn4]).out)
    expect(records(out)).toEqual([
      { file: 'a.pcap', frame: 1, ...parsed[0] },
      { file: 'a.pcap', frame: 3, ...parsed[1] },
      { file: 'b.pcapng', frame: 2, ...parsed[2] },
    ])
    expect(tcpfingerprint(['pcap', '--json', '-'], { input: pcap([]) })).toEqual({ code: 0, out: '', err: '' })
  })

  test('takes the options of parse', async () => {
    const database = new TextEncoder().encode(
      'classes = unix\n[mtu]\n[tcp:request]\nlabel = s:unix:Own:1\nsig = *:64:0:*:mss*44,7:mss,sok,ts,nop,ws:df,id+:0\n',
    )
    await withFiles({ 'own.fp': database, 'a.pcap': pcap([SYN4]) }, (directory) => {
      const args = ['pcap', '--json', '--ja4t', '--p0f-db', path(directory, 'own.fp'), path(directory, 'a.pcap')]
      const { code, out } = tcpfingerprint(args)
      expect(code).toBe(0)
      expect(records(out)).toMatchObject([
        { frame: 1, fingerprints: { ja4t: '64240_2-4-8-1-3_1460_7' }, label: { name: 'Own 1' } },
      ])
    })
  })

  test('reads standard input, and gzip', async () => {
    const file = pcap([SYN4, SYN_ACK, SYN6])
    // Two members, as log rotation and `cat` make them.
    const packed = join(gzipSync(file.subarray(0, 50)), gzipSync(file.subarray(50)))
    for (const input of [file, gzipSync(file), packed]) {
      const { code, out, err } = tcpfingerprint(['pcap', '--json', '-'], { input })
      expect({ code, err }).toEqual({ code: 0, err: '' })
      expect(records(out).map((record) => [record.file, record.frame, record.hex])).toEqual([
        ['-', 1, syn4],
        ['-', 3, syn6],
      ])
    }
    const { code, out } = await overFiles({ 'a.pcap.gz': gzipSync(file) }, ['--json', 'a.pcap.gz'])
    expect(code).toBe(0)
    expect(records(out).length).toBe(2)
  })

  describe('tells of broken gzip once, and prints all that came before', () => {
    const file = (count: number): Uint8Array =>
      pcap(Array.from({ length: count }, (_, i) => join(SYN4.subarray(0, 4), u16(i), SYN4.subarray(6))))
    const one = gzipSync(file(1))
    const many = gzipSync(file(3000), { level: 1 })
    const whole = file(800)
    const { length } = whole
    // A stored block (RFC 1951 section 3.2.4), which is not the last.
    const stored = join(hex('1f8b08000000000000ff 00'), u16(length, true), u16(length ^ 0xffff, true), whole)
    const cases: readonly (readonly [name: string, packed: Uint8Array, syns: number])[] = [
      ['garbage behind one packet', join(one, hex('7878')), 1],
      ['one octet of garbage', join(one, hex('78')), 1],
      ['garbage behind many', join(many, new Uint8Array(50_000).fill(0x78)), 3000],
      ['a wrong CRC', withOctet(one, one.length - 8, one.at(-8)! ^ 1), 1],
      ['a wrong CRC behind many', withOctet(many, many.length - 8, many.at(-8)! ^ 1), 3000],
      ['a block of no type', join(stored, hex('07'), new Uint8Array(50_000)), 800],
      ['a cut between packets', stored, 800],
      ['a cut inside a packet', stored.subarray(0, -1), 799],
      ['a header alone', stored.subarray(0, 10), 0],
    ]
    for (const [name, packed, syns] of cases) {
      test(name, async () => {
        for (const runtime of [BUN, DENO]) {
          const { code, out, err } = await overFiles({ 'a.gz': packed }, ['--json', 'a.gz'], runtime)
          expect(code).toBe(1)
          const answers = records(out)
          expect(answers.filter((one) => one.hex !== undefined).length).toBe(syns)
          expect(answers.slice(syns).map(({ error }) => error?.reason)).toEqual(['broken-compression'])
          expect(err).toContain('broken-compression: gzip: ')
        }
      })
    }
  })

  test('tells of every bad part with file and frame, and goes on with the rest', async () => {
    const files = {
      'truncated.pcap': pcap([SYN4, SYN6]).subarray(0, -5),
      'unknown.pcapng': join(start, b.interface(195), b.enhanced(SYN4, 1), b.enhanced(SYN4, 0), b.enhanced(SYN4, 1)),
      'short.pcap': pcap([SYN4, SYN4.subarray(0, 50), SYN6, withOctet(SYN4, 32, 0x40)], { original: 100 }),
      'snapped.pcap': pcap([SYN4.subarray(0, 30), SYN4, SYN4.subarray(0, 30)], { original: 60 }),
      'text.txt': new TextEncoder().encode('4500003c'),
      'empty.pcap': new Uint8Array(),
      'good.pcap': pcap([SYN6]),
    }
    const { code, out, err } = await overFiles(files, ['--json', 'missing.pcap', ...Object.keys(files)])
    expect(code).toBe(1)
    const short = records(out).map(({ file, frame, hex: octets, error }) => ({
      file,
      ...(frame === undefined ? {} : { frame }),
      ...(error === undefined ? { hex: octets } : { error: error.reason, at: error.offset }),
    }))
    expect(short).toEqual([
      { file: 'missing.pcap', error: 'unreadable-file', at: undefined },
      { file: 'truncated.pcap', frame: 1, hex: syn4 },
      { file: 'truncated.pcap', frame: 2, error: 'truncated-file', at: 24 + 16 + 60 + 16 + 80 - 5 },
      { file: 'unknown.pcapng', frame: 1, error: 'unknown-link-type', at: 28 + 20 + 20 },
      { file: 'unknown.pcapng', frame: 2, hex: syn4 },
      { file: 'short.pcap', frame: 1, hex: syn4 },
      { file: 'short.pcap', frame: 2, hex: syn4.slice(0, 100) },
      { file: 'short.pcap', frame: 3, hex: syn6 },
      { file: 'short.pcap', frame: 4, error: 'bad-data-offset', at: 32 },
      { file: 'snapped.pcap', frame: 2, hex: syn4 },
      { file: 'snapped.pcap', frame: 1, error: 'cut-short', at: undefined },
      { file: 'text.txt', error: 'unknown-format', at: 0 },
      { file: 'empty.pcap', error: 'empty-file', at: 0 },
      { file: 'good.pcap', frame: 1, hex: syn6 },
    ])
    expect(lines(err)).toEqual([
      'tcpfingerprint: missing.pcap: Cannot read it: no such file',
      'tcpfingerprint: truncated.pcap: frame 2: truncated-file at octet 191: it ends inside a packet',
      'tcpfingerprint: unknown.pcapng: frame 1: unknown-link-type at octet 68: link type 195 of interface 1; its packets are passed over',
      '{"file":"unknown.pcapng","notOpened":[{"layer":"link type","number":195,"reason":"unknown","packets":2,"frame":1}]}',
      'tcpfingerprint: short.pcap: frame 4: bad-data-offset at offset 32: its TCP data offset is below 5 words',
      'tcpfingerprint: snapped.pcap: frame 1: cut-short: 2 packets were cut before the TCP flags, this one first; a longer snap length keeps them',
      'tcpfingerprint: text.txt: unknown-format at octet 0: neither pcap nor pcapng: it starts with the octets 3435303030303363',
      'tcpfingerprint: empty.pcap: empty-file at octet 0: it holds no octets',
    ])
    // For people: the same messages, and the good SYNs alone on standard output.
    const people = await overFiles(files, ['missing.pcap', ...Object.keys(files)])
    expect(people.code).toBe(1)
    const summary = /^\{"file":"unknown.*$/m
    expect(people.err).toBe(
      err.replace(
        summary,
        'tcpfingerprint: unknown.pcapng: not opened: 2 packets of link type 195 (not known), frame 1 first',
      ),
    )
    expect(people.out.match(/^SYN from .*/gm)).toEqual([
      'SYN from 192.0.2.1:54321 to 198.51.100.10:443 (truncated.pcap, frame 1)',
      'SYN from 192.0.2.1:54321 to 198.51.100.10:443 (unknown.pcapng, frame 2)',
      'SYN from 192.0.2.1:54321 to 198.51.100.10:443 (short.pcap, frame 1)',
      'SYN from 192.0.2.1:54321 to 198.51.100.10:443 (short.pcap, frame 2)',
      'SYN from [2001:db8::10]:43210 to [2001:db8::7]:443 (short.pcap, frame 3)',
      'SYN from 192.0.2.1:54321 to 198.51.100.10:443 (snapped.pcap, frame 2)',
      'SYN from [2001:db8::10]:43210 to [2001:db8::7]:443 (good.pcap, frame 1)',
    ])
  })

  test('gives of a SYN that was cut behind its TCP flags what is whole, marked', async () => {
    const whole = records(tcpfingerprint(['parse', '--json', syn4]).out)[0]!
    const cut = (length: number): Uint8Array =>
      pcap([ethernet(SYN4).subarray(0, 14 + length)], { linkType: 1, original: 74 })
    const files = { 'a.pcap': cut(34), 'b.pcap': cut(40), 'c.pcap': cut(47), 'd.pcap': cut(59) }
    const { code, out, err } = await overFiles(files, ['--json', ...Object.keys(files)])
    expect({ code, err }).toEqual({ code: 0, err: '' })
    const all = records(out)
    expect(all.map(({ fingerprints, label }) => [fingerprints, label])).toEqual(Array(4).fill([undefined, undefined]))
    expect(all.map(({ ip }) => ip)).toEqual(Array(4).fill(whole.ip))
    expect(all.map(({ partial, hex: octets }) => [partial, octets.length])).toEqual([
      [{ available: 34, needed: 60 }, 68],
      [{ available: 40, needed: 60 }, 80],
      [{ available: 47, needed: 60 }, 94],
      [{ available: 59, needed: 60 }, 118],
    ])
    const { checksum, urgentPointer, window, optionKinds, mss, windowScale, sackPermitted, timestamps, ...first } =
      whole.tcp
    const header = { ...first, window, checksum, urgentPointer }
    expect(all.map(({ tcp }) => tcp)).toEqual([
      first,
      { ...header, optionKinds: [] },
      { ...header, optionKinds: [2, 4], mss, sackPermitted },
      { ...header, optionKinds: [2, 4, 8, 1], mss, sackPermitted, timestamps },
    ])
    const people = await overFiles(files, ['c.pcap'])
    expect(people.out).toContain('partial: the capture kept 47 of 60 octets')
    // Handed to parse the same octets are an error, as before.
    expect(records(tcpfingerprint(['parse', '--json', syn4.slice(0, 94)]).out)).toMatchObject([
      { error: { reason: 'truncated', needed: 60, available: 47 } },
    ])
  })

  test('tells what it did not open, and the exit code does not', async () => {
    const unknown = join(new Uint8Array(12), hex('88b5'), SYN4)
    const esp = ethernet(ipv4(50, SYN4))
    const files = { 'a.pcap': pcap([unknown, ethernet(SYN4), esp, unknown], { linkType: 1 }) }
    const json = await overFiles(files, ['--json', 'a.pcap'])
    expect(json.code).toBe(0)
    expect(records(json.out).map(({ frame }) => frame)).toEqual([2])
    expect(records(json.err)).toEqual([
      {
        file: 'a.pcap',
        notOpened: [
          { layer: 'EtherType', number: 0x88b5, reason: 'unknown', packets: 2, frame: 1 },
          { layer: 'IP protocol', number: 50, name: 'ESP', reason: 'encrypted', packets: 1, frame: 3 },
        ],
      },
    ])
    const people = await overFiles(files, ['a.pcap'])
    expect(people.code).toBe(0)
    expect(lines(people.err)).toEqual([
      'tcpfingerprint: a.pcap: not opened: 2 packets of EtherType 0x88b5 (not known), frame 1 first',
      'tcpfingerprint: a.pcap: not opened: 1 packet of IP protocol 50, ESP (encrypted), frame 3 first',
    ])
  })

  test('opens the tunnels of public bug reports', async () => {
    const inner =
      '02000000000102000000000208004500003c123440004006a484c0000201c00002029c4000501122334400000000a002faf0beef0000020405b40402080a00a1b2c30000000001030307'
    const erspan = hex(
      `02000000000102000000000208004500006e12344000402fa429c0000201c0000202100088be000000011005081000000000${inner}`,
    )
    const hdlc = hex(`0f000800${inner.slice(28)}`)
    const vxlan = ethernet(ipv4(17, udp(4789, hex(`8800000000000700${inner}`))))
    const files = {
      'erspan.pcap': pcap([erspan], { linkType: 1 }),
      'vxlan.pcap': pcap([vxlan], { linkType: 1 }),
      'hdlc.pcap': pcap([hdlc], { linkType: 50 }),
      'ppp.pcap': pcap([withOctet(hdlc, 0, 0x8f)], { linkType: 9 }),
      'aix.pcap': pcap([ethernet(SYN4)], { linkType: 6, little: false, version: [2, 2] }),
    }
    const { code, out, err } = await overFiles(files, ['--json', ...Object.keys(files)])
    expect({ code, err }).toEqual({ code: 0, err: '' })
    expect(records(out).map(({ file, tunnel, tcp }) => [file, tunnel, tcp.mss])).toEqual([
      ['erspan.pcap', ['erspan'], 1460],
      ['vxlan.pcap', ['vxlan'], 1460],
      ['hdlc.pcap', undefined, 1460],
      ['ppp.pcap', undefined, 1460],
      ['aix.pcap', undefined, 1460],
    ])
  })

  test('lists in its help what is opened', () => {
    const help = tcpfingerprint(['pcap', '--help']).out.replaceAll(/\s+/g, ' ')
    for (const { name } of ENCAPSULATIONS) expect(help).toContain(name)
  })

  test('does not flood standard error; the records tell of each', () => {
    const input = pcap(Array.from({ length: 50 }, () => SYN4.subarray(0, 50)))
    const { code, out, err } = tcpfingerprint(['pcap', '--json', '-'], { input })
    expect(code).toBe(1)
    expect(records(out).map(({ frame }) => frame)).toEqual(Array.from({ length: 50 }, (_, i) => i + 1))
    expect(lines(err).length).toBe(21)
    expect(lines(err).at(-1)).toBe('tcpfingerprint: -: 30 more problems; the records tell of each')
  })

  test('names the tunnels around a SYN', () => {
    const vxlan = ipv4(17, udp(4789, join(hex('0800000000000700'), ethernet(ipv4(4, SYN4)))))
    const input = pcap([vxlan, SYN4])
    const { code, out } = tcpfingerprint(['pcap', '--json', '-'], { input })
    expect(code).toBe(0)
    expect(records(out).map(({ frame, tunnel, hex: octets }) => ({ frame, tunnel, hex: octets }))).toEqual([
      { frame: 1, tunnel: ['vxlan', 'ipv4'], hex: syn4 },
      { frame: 2, tunnel: undefined, hex: syn4 },
    ])
    expect(lines(tcpfingerprint(['pcap', '-'], { input }).out)[0]).toBe(
      'SYN from 192.0.2.1:54321 to 198.51.100.10:443, inside vxlan, then ipv4 (-, frame 1)',
    )
  })

  test('shows odd file names as text', async () => {
    const name = 'a"\u001b[31m\n\u00e9.pcap'
    const json = await overFiles({ [name]: pcap([SYN4]) }, ['--json', name])
    expect(records(json.out)[0].file).toBe(name)
    const people = await overFiles({ [name]: pcap([SYN4, SYN4.subarray(0, 50)]) }, [name])
    expect(people.out).toContain('(a"\\x1b[31m\\x0a\u00e9.pcap, frame 1)')
    expect(people.err).not.toContain('\u001b')
  })

  test('answers a live capture while it runs', async () => {
    const child = Bun.spawn([...BUN.argv, 'pcap', '--json', '-'], { stdin: 'pipe', stdout: 'pipe' })
    const reader = child.stdout.getReader()
    const next = async (): Promise<string> => new TextDecoder().decode((await reader.read()).value)
    try {
      // The first octet alone: what it is cannot be told yet.
      child.stdin.write(pcap([]).subarray(0, 1))
      await child.stdin.flush()
      await Bun.sleep(300)
      child.stdin.write(pcap([SYN4]).subarray(1))
      await child.stdin.flush()
      expect(JSON.parse(await next())).toMatchObject({ frame: 1, hex: syn4 })
      child.stdin.write(pcap([SYN6]).subarray(24))
      await child.stdin.flush()
      expect(JSON.parse(await next())).toMatchObject({ frame: 2, hex: syn6 })
    } finally {
      await child.stdin.end()
    }
    expect(await child.exited).toBe(0)
  })

  test('needs no more memory for a larger file', async () => {
    /** Peak resident set, in MiB, of reading this many mebibytes of packets from a pipe; every 1,000th is a SYN. */
    const peak = async (mebibytes: number): Promise<number> => {
      const other = withOctet(join(ipv4(6, join(SYN4.subarray(20, 40), new Uint8Array(1000)))), 33, 0x10)
      const block = pcap(Array.from({ length: 1000 }, (_, i) => (i === 500 ? SYN4 : other))).subarray(24)
      const child = Bun.spawn([...BUN.argv, 'pcap', '--json', '-'], { stdin: 'pipe', stdout: 'pipe' })
      const output = new Response(child.stdout).text()
      child.stdin.write(pcap([]))
      const blocks = Math.round((mebibytes * 1048576) / block.length)
      for (let i = 0; i < blocks; i++) {
        child.stdin.write(block)
        await child.stdin.flush()
      }
      await child.stdin.end()
      expect(await child.exited).toBe(0)
      expect(lines(await output).length).toBe(blocks)
      return child.resourceUsage()!.maxRSS / 1048576
    }
    const small = await peak(8)
    const large = await peak(320)
    expect(large - small).toBeLessThan(64)
  }, 30_000)
})

describe('other runtimes', () => {
  const files = {
    'a.pcap': pcap([SYN4, SYN_ACK, SYN6, SYN4.subarray(0, 50)]),
    'b.pcap.gz': new Uint8Array(gzipSync(join(start, b.enhanced(SYN4)))),
  }
  const runs: readonly (readonly string[])[] = [
    ['--version'],
    ['parse', '--help'],
    ['parse', '--json', '--ja4t', syn4, 'zz', syn6],
    ['parse', syn4],
    ['info', '--json', '01'],
    ['parse', '--frobnicate'],
    ['learn', '-'],
  ]
  const input = JSON.stringify({ hex: syn4, label: 'A box:1' })

  async function same(runtime: Runtime): Promise<void> {
    for (const args of runs) expect(tcpfingerprint(args, { runtime, input })).toEqual(tcpfingerprint(args, { input }))
    expect(tcpfingerprint(['parse', '--json'], { runtime, input: `${syn4}\n\n` })).toEqual(
      tcpfingerprint(['parse', '--json'], { input: `${syn4}\n\n` }),
    )
    const args = ['--json', 'a.pcap', 'b.pcap.gz', 'none.pcap']
    const [here, there] = [await overFiles(files, args), await overFiles(files, args, runtime)]
    expect(there).toEqual(here)
    expect(records(here.out).length).toBe(5)
  }

  test('Deno says the same', async () => {
    expect(existsSync(DENO.argv[0]!)).toBe(true)
    await same(DENO)
    // Standard input needs no permission.
    const bare: Runtime = { name: 'Deno', argv: DENO.argv.filter((word) => word !== '--allow-read') }
    expect(tcpfingerprint(['parse', '--json', syn4], { runtime: bare }).code).toBe(0)
    expect(tcpfingerprint(['pcap', '--json', '-'], { runtime: bare, input: files['a.pcap'] }).code).toBe(1)
    const denied = tcpfingerprint(['pcap', '/etc/hostname'], { runtime: bare })
    expect(denied.code).toBe(1)
    expect(denied.err).toContain('/etc/hostname: Cannot read it: Deno was not given --allow-read')
  }, 60_000)

  const node = Bun.which('node')
  if (node === null && process.env.CI !== 'true') {
    test.skip('Node says the same (skipped: no "node" here)', () => {})
  } else {
    test('Node says the same', async () => {
      expect(node).not.toBeNull()
      await withFiles({ 'package.json': '{"type":"module"}' }, async (directory) => {
        const built = await Bun.build({
          entrypoints: [path(import.meta.dir, '../../src/cli.ts')],
          outdir: directory,
          target: 'node',
          splitting: true,
          external: ['bun', 'bun:*', 'hono', 'hono/*', 'valibot'],
        })
        expect(built.success).toBe(true)
        const runtime: Runtime = { name: 'Node', argv: [node!, path(directory, 'cli.js')] }
        await same(runtime)
      })
    }, 60_000)
  }

  test('an unknown length of input ends with its writer', () => {
    expect(tcpfingerprint(['pcap', '--json', '-'], { input: u32(0xa1b2c3d4, true) })).toMatchObject({ code: 1 })
  })
})
