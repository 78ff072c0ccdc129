import { describe, expect, test } from 'bun:test'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { COMMANDS } from '../../src/cli/commands.ts'
import { VERSION } from '../../src/cli/version.ts'
import { SYN4, SYN6 } from '../capture-file/build.ts'
import { bare, hexdump, od, tcpdump, wireshark, xxd } from '../support/dumps.ts'
import { BUN, DENO, lines, records, tcpfingerprint, withFiles } from './run.ts'

const syn4 = Buffer.from(SYN4).toString('hex')
const syn6 = Buffer.from(SYN6).toString('hex')
/** 104 octets of struct tcp_info, as old kernels return: established, rtt 57, rttvar 28. */
const INFO = (() => {
  const view = new DataView(new ArrayBuffer(104))
  view.setUint8(0, 1)
  view.setUint8(5, 7)
  view.setUint8(6, 0xa7)
  view.setUint32(8, 204_000, true)
  view.setUint32(68, 57, true)
  view.setUint32(72, 28, true)
  view.setUint32(76, 0x7fffffff, true)
  return Buffer.from(view.buffer).toString('hex')
})()

/** A scan without options, and the Linux SYN as a middlebox may leave it. */
const scan = '450000281234000040067c57c000020ac6336407a8ca01bb11223344000000005002040000000000'
const cut = `${syn4.slice(0, 12)}0000${syn4.slice(16)}`
/** A database of ours that does not change. */
const OWN = `classes = unix
[mtu]
label = Ethernet
sig = 1500
[tcp:request]
label = s:unix:Example:1.x
sig = *:64:0:*:mss*44,7:mss,sok,ts,nop,ws:df,id+:0
label = g:unix:Example:any
sig = *:64:0:*:*,*:mss,sok,ts,nop,ws::0
label = s:!:Scanner:
sys = @unix
sig = *:255-:0:*:1024,0:::0
`

describe('tcpfingerprint', () => {
  test('--help lists every command, and each explains itself with an example', async () => {
    const general = tcpfingerprint(['--help'])
    expect(general).toMatchObject({ code: 0, err: '' })
    for (const { name, load } of COMMANDS) {
      const { options } = (await load()).help
      expect(general.out).toContain(`  ${name} `)
      const one = tcpfingerprint([name, '--help'])
      expect(one).toMatchObject({ code: 0, err: '' })
      expect(one.out).toStartWith(`Usage: tcpfingerprint ${name} `)
      expect(one.out).toMatch(/\nExamples?:\n {2}# .+\n {2}.*tcpfingerprint /)
      for (const option of options) expect(one.out).toContain(`--${option.name}`)
      // Only lines to be pasted are wider than a terminal.
      for (const line of lines(one.out)) {
        if (!/^ {2}(?:\S.* \| )?tcpfingerprint /.test(line)) expect(line.length).toBeLessThanOrEqual(80)
      }
      expect(tcpfingerprint(['help', name]).out).toBe(one.out)
      expect(tcpfingerprint([name, '-h']).out).toBe(one.out)
    }
    expect(tcpfingerprint(['help']).out).toBe(general.out)
    expect(tcpfingerprint(['-h']).out).toBe(general.out)
  })

  test('--version tells the version of the package', () => {
    const manifest = JSON.parse(readFileSync(join(import.meta.dir, '../../package.json'), 'utf8'))
    expect(VERSION).toBe(manifest.version)
    for (const args of [['--version'], ['-V'], ['parse', '--version']]) {
      expect(tcpfingerprint(args)).toEqual({ code: 0, out: `tcpfingerprint ${VERSION}\n`, err: '' })
    }
  })

  const wrong: readonly (readonly [string[], string])[] = [
    [[], 'No command given'],
    [['prase'], 'Unknown command "prase": did you mean "parse"?'],
    [['frobnicate'], 'Unknown command "frobnicate"'],
    [['help', 'frobnicate'], 'Unknown command "frobnicate"'],
    [['--json'], 'Unknown option "--json" before a command'],
    [['parse', '--jsn', syn4], 'Unknown option "--jsn": did you mean "--json"?'],
    [['parse', '--frobnicate'], 'Unknown option "--frobnicate"'],
    [['parse', '-x'], 'Unknown option "-x"'],
    [['parse', '-1'], 'Unknown option "-1"'],
    [['parse', '--p0f-db'], 'Option "--p0f-db" needs a value: FILE'],
    [['parse', '--json=yes'], 'Option "--json" takes no value'],
    [
      ['parse', '--p0f-db', '/nonexistent/p0f.fp', syn4],
      'Cannot read the database "/nonexistent/p0f.fp": no such file',
    ],
    [['parse', '--p0f-db', '/', syn4], 'Cannot read the database "/": it is a directory'],
    [['info', '--ja4t', INFO], 'Unknown option "--ja4t"'],
    [['pcap'], 'No capture file given ("-" is standard input)'],
    [['pcap', '--json'], 'No capture file given ("-" is standard input)'],
    [['learn'], 'No file of records given ("-" is standard input)'],
    [['learn', '--min-count', 'three', '-'], 'Option "--min-count" needs a number: "three"'],
    [['learn', '--min-count', '0', '-'], 'minimumCount'],
    [['learn', '--conflicts', 'maybe', '-'], 'Option "--conflicts" needs "omit" or "generic": "maybe"'],
    [['serve', 'now'], '"serve" takes no argument: "now"'],
    [['serve', '--port', '70000'], 'Option "--port" needs a number from 0 to 65535: "70000"'],
    [['serve', '--port', '80x'], 'Option "--port" needs a number from 0 to 65535: "80x"'],
    [['serve', '--tls-cert', '/etc/hostname'], 'Options "--tls-cert" and "--tls-key" need each other'],
    [['serve', '--tls-cert', '/nonexistent'], 'Cannot read the certificate "/nonexistent": no such file'],
    [['serve', '--tls-key', '/nonexistent'], 'Cannot read the key "/nonexistent": no such file'],
    [['serve', '--log-format', 'nonsense'], 'Option "--log-format" needs common, combined, vhost_combined, json or'],
    [['serve', '--log-format', '%Q'], 'Cannot compile log format "%Q": unknown directive "%Q" at position 0'],
    [['serve', '--log-format', `${'%h '.repeat(100)}%Q`], 'unknown directive "%Q" at position 300'],
    [['serve', '--log-file', '/nonexistent/log'], 'Cannot append to "/nonexistent/log": no such file'],
    [['serve', '--cgi-bin', '/nonexistent'], 'Cannot run scripts of "/nonexistent": no such file'],
    [['serve', '--cgi-bin', '/dev/null'], 'Cannot run scripts of "/dev/null": it is not a directory'],
    [['parse', '\u001b[31mred'], 'bad-hex'],
  ]
  for (const [args, message] of wrong) {
    test(`refuses ${JSON.stringify(args)}`, () => {
      const { code, out, err } = tcpfingerprint(args, { input: syn4 })
      expect(err).toContain(message)
      expect(out).toBe('')
      if (message === 'bad-hex') {
        expect(code).toBe(1)
        expect(err).not.toContain('\u001b')
        return
      }
      expect(code).toBe(2)
      expect(err).toContain('Usage: tcpfingerprint')
      expect(err).toContain('--help" explains')
    })
  }

  test('serve refuses a port in the environment that is none', () => {
    const { code, err } = tcpfingerprint(['serve'], { env: { PORT: 'http' } })
    expect(code).toBe(2)
    expect(err).toContain('The variable PORT needs a number from 0 to 65535: "http"')
  })

  test('ends quietly when its reader has gone', async () => {
    const child = Bun.spawn([...BUN.argv, 'parse', '--json', '-'], { stdin: 'pipe', stdout: 'pipe', stderr: 'pipe' })
    const reader = child.stdout.getReader()
    const input = `${syn4}\n`.repeat(2000)
    child.stdin.write(input)
    await child.stdin.flush()
    await reader.read()
    await reader.cancel()
    const feed = (async () => {
      // What the command does not take any more fails here, which is what a pipe does.
      try {
        for (let i = 0; i < 200; i++) {
          child.stdin.write(input)
          await child.stdin.flush()
        }
        await child.stdin.end()
      } catch {}
    })()
    expect(await child.exited).toBe(0)
    await feed
    expect(await new Response(child.stderr).text()).toBe('')
  })
})

describe('tcpfingerprint parse', () => {
  test('answers arguments in order', () => {
    const { code, out } = tcpfingerprint(['parse', '--json', syn4, 'zz', syn6.toUpperCase()])
    expect(code).toBe(1)
    expect(records(out)).toMatchObject([
      {
        hex: syn4,
        ip: { version: 4, source: '192.0.2.1' },
        tcp: { mss: 1460 },
        fingerprints: {},
        label: { distance: 0 },
      },
      { error: { reason: 'bad-hex', offset: 0 } },
      { hex: syn6, ip: { version: 6, flowLabel: 0x12345 } },
    ])
  })

  test('answers every line of standard input with one line, in order', () => {
    const input = [syn4, '', ` ${syn6}\t`, 'zz', `${syn4}\r`, syn4.slice(0, 70), `${syn4}0`, '{}', '-', '--help']
    const reasons = [null, 'empty', null, 'bad-hex', null, 'truncated', 'bad-hex', 'bad-hex', 'bad-hex', 'bad-hex']
    for (const args of [
      ['parse', '--json'],
      ['parse', '--json', '-'],
    ]) {
      for (const end of ['\n', '']) {
        const { code, out, err } = tcpfingerprint(args, { input: input.join('\n') + end })
        expect({ code, err }).toEqual({ code: 1, err: '' })
        expect(records(out).map((record) => record.error?.reason ?? null)).toEqual(reasons)
      }
    }
  })

  test('says nothing to no input', () => {
    expect(tcpfingerprint(['parse', '--json'])).toEqual({ code: 0, out: '', err: '' })
    expect(tcpfingerprint(['parse', '-'])).toEqual({ code: 0, out: '', err: '' })
    expect(records(tcpfingerprint(['parse', '--json'], { input: '\n' }).out)).toEqual([
      { error: { reason: 'empty', offset: 0 } },
    ])
    expect(records(tcpfingerprint(['parse', '--json', '']).out)).toEqual([{ error: { reason: 'empty', offset: 0 } }])
  })

  test('reads standard input between arguments', () => {
    const { code, out } = tcpfingerprint(['parse', '--json', syn6, '-', '--', syn4], { input: `${syn4}\n${syn6}\n` })
    expect(code).toBe(0)
    expect(records(out).map(({ hex }) => hex)).toEqual([syn6, syn4, syn6, syn4])
  })

  test('takes what people paste', () => {
    const octets = syn4.match(/../g)!
    const lines = [
      octets.join(' '),
      octets.join(':'),
      `0x${syn4}`,
      octets.map((octet) => `0x${octet}`).join(', '),
      `"${octets.map((octet) => `\\x${octet}`).join('')}"`,
    ]
    for (const input of [
      `${lines.join('\n')}\n`,
      tcpdump(syn4) + tcpdump(syn4, true) + xxd(syn4) + hexdump(syn4) + wireshark(syn4),
      `${syn4}\n${xxd(syn4)}\n${bare(syn4)}${syn4}\n${od(syn4)}`,
    ]) {
      const { code, out, err } = tcpfingerprint(['parse', '--json'], { input })
      expect({ code, err }).toEqual({ code: 0, err: '' })
      expect(records(out).map(({ hex }) => hex)).toEqual(Array.from({ length: 5 }, () => syn4))
    }
    const quoted = tcpfingerprint(['parse', '--json', lines[0]!, tcpdump(syn4) + tcpdump(syn6), xxd(syn6)])
    expect(quoted.code).toBe(0)
    expect(records(quoted.out).map(({ hex }) => hex)).toEqual([syn4, syn4, syn6, syn6])
    const wrong = tcpfingerprint(['parse'], { input: `${tcpdump(syn4)}\n45 00 zz\n${xxd(syn6).replace(/^.*\n/, '')}` })
    expect(wrong.code).toBe(1)
    expect(wrong.err).toContain('line 7: bad-hex at offset 2')
    expect(wrong.err).toContain('line 8: bad-')
    const info = tcpfingerprint(['info', '--json'], { input: xxd(INFO) + hexdump(INFO) + INFO })
    expect(records(info.out).map(({ hex }) => hex)).toEqual([INFO, INFO, INFO])
  })

  test('gives what is there of a packet that a capture has cut, and refuses a cut line', () => {
    const cutShort = syn4.slice(0, 2 * 44)
    const ethernet = `02000000000102000000000208${'00'}`
    const input =
      tcpdump(cutShort) + xxd(ethernet + cutShort) + tcpdump(syn6.slice(0, 2 * 60)) + tcpdump(syn4.slice(0, 60))
    const { code, out } = tcpfingerprint(['parse', '--json'], { input: `${input}${cutShort}\n` })
    expect(code).toBe(1)
    const [plain, framed, six, headers, line] = records(out)
    expect(plain).toMatchObject({
      partial: { available: 44, needed: 60 },
      hex: cutShort,
      tcp: { mss: 1460, window: 64240 },
    })
    expect(plain.fingerprints).toBeUndefined()
    expect(framed).toEqual(plain)
    expect(six).toMatchObject({ partial: { available: 60, needed: 80 }, ip: { version: 6 }, tcp: { optionKinds: [] } })
    expect(headers).toEqual({ error: { reason: 'truncated', offset: 20, needed: 40, available: 30 } })
    expect(line).toEqual({ error: { reason: 'truncated', offset: 20, needed: 60, available: 44 } })
    const text = tcpfingerprint(['parse'], { input: tcpdump(cutShort) })
    expect(text.code).toBe(0)
    expect(text.out).toContain('partial: the capture kept 44 of 60 octets')
  })

  test('answers a packet when its last row has come, as far as its form tells', async () => {
    const child = Bun.spawn([...BUN.argv, 'parse', '--json'], { stdin: 'pipe', stdout: 'pipe', stderr: 'ignore' })
    try {
      child.stdin.write(tcpdump(syn4))
      await child.stdin.flush()
      const { value } = await child.stdout.getReader().read()
      expect(JSON.parse(new TextDecoder().decode(value)).hex).toBe(syn4)
    } finally {
      await child.stdin.end()
      await child.exited
    }
  })

  test('takes lines of any length and octets', () => {
    const cases = [
      'x'.repeat(200_000),
      '45'.repeat(100_000),
      '4'.repeat(99_999),
      ' '.repeat(200_000),
      'a'.repeat(262_144),
    ]
    const longer = 'a'.repeat(262_145)
    const input = Buffer.concat([
      Buffer.from([...cases, longer, '4'.repeat(3_000_000), syn4].join('\n')),
      Buffer.from([10, 0xff, 0xfe, 0, 0x80, 10, 0xc3, 0x28, 10]),
    ])
    const { code, out } = tcpfingerprint(['parse', '--json'], { input })
    expect(code).toBe(1)
    const answers = records(out)
    expect(answers.length).toBe(cases.length + 5)
    expect(answers.map(({ error }) => error?.reason)).toEqual([
      'bad-hex',
      expect.any(String),
      expect.any(String),
      'empty',
      expect.any(String),
      'too-long',
      'too-long',
      undefined,
      'bad-hex',
      'bad-hex',
    ])
    expect(answers[5].error).toEqual({ reason: 'too-long', offset: 262_144, available: 262_145 })
    expect(answers[6].error).toEqual({ reason: 'too-long', offset: 262_144, available: 3_000_000 })
  })

  test('gives JA4T only when asked', () => {
    expect(records(tcpfingerprint(['parse', '--json', syn4]).out)[0].fingerprints.ja4t).toBeUndefined()
    expect(records(tcpfingerprint(['parse', '--json', '--ja4t', syn4]).out)[0].fingerprints.ja4t).toBe(
      '64240_2-4-8-1-3_1460_7',
    )
  })

  test('takes labels from the databases it is given', async () => {
    const database = (label: string, signature: string): string =>
      `classes = unix\n[mtu]\nlabel = A link\nsig = 1500\n[tcp:request]\nlabel = s:unix:${label}:1\nsig = ${signature}\n`
    const linux4 = '*:64:0:*:mss*44,7:mss,sok,ts,nop,ws:df,id+:0'
    const linux6 = '*:64:0:*:mss*45,7:mss,sok,ts,nop,ws:df,id+:0'
    await withFiles(
      {
        'four.fp': database('Four', linux4),
        'six.fp': database('Six', linux6),
        'broken.fp': database('Broken', 'what'),
      },
      (directory) => {
        const labels = (...args: string[]): (string | undefined)[] =>
          records(tcpfingerprint(['parse', '--json', ...args, syn4, syn6]).out).map(({ label }) => label?.name)
        const [four, six, broken] = ['four.fp', 'six.fp', 'broken.fp'].map((name) => join(directory, name)) as [
          string,
          string,
          string,
        ]
        expect(labels('--p0f-db', four)).toEqual(['Four 1', undefined])
        // p0f itself does not know flow labels.
        expect(labels(`--p0f-db=${six}`)).toEqual([undefined, undefined])
        expect(labels('--p0f-db', six, '--tolerant')).toEqual([undefined, 'Six 1'])
        expect(labels('--p0f-db', six, '--p0f-db', four, '--tolerant')).toEqual(['Four 1', 'Six 1'])
        expect(records(tcpfingerprint(['parse', '--json', '--p0f-db', four, syn4]).out)[0].label).toEqual({
          name: 'Four 1',
          kind: 'os',
          match: 'exact',
          generic: false,
          family: 'unix',
          distance: 0,
          link: 'A link',
          mtu: 1500,
        })
        const { code, out, err } = tcpfingerprint(['parse', '--json', '--p0f-db', broken, syn4])
        expect(code).toBe(1)
        expect(err).toContain(`${broken}:7: `)
        expect(records(out)).toMatchObject([{ hex: syn4, fingerprints: { muonfp: '64240:2-4-8-1-3:1460:7' } }])
        expect(records(out)[0].label).toBeUndefined()
      },
    )
  })

  test('draws the packet for people, with the label and why', async () => {
    await withFiles({ 'own.fp': OWN }, (directory) => {
      const args = ['parse', '--ja4t', '--tolerant', '--p0f-db', join(directory, 'own.fp'), syn4, syn6, scan, cut]
      const { code, out, err } = tcpfingerprint(args)
      expect({ code, err }).toEqual({ code: 0, err: '' })
      expect(out).not.toContain('\u001b')
      expect(out.replaceAll(directory, '/tmp')).toMatchSnapshot()
    })
  })

  test('draws extension headers, IP options, unusual options and what is malformed', () => {
    const inserted = (text: string, octet: number, what: string): string =>
      text.slice(0, octet * 2) + what.replaceAll(' ', '') + text.slice(octet * 2)
    const changed = (text: string, octet: number, what: string): string =>
      text.slice(0, octet * 2) + what + text.slice(octet * 2 + what.length)
    // Hop-by-hop and a large destination options header, window scale of a wrong length.
    const six = changed(
      changed(inserted(syn6, 40, `3c00050200000100 0605012a${'00'.repeat(44)}`), 6, '00'),
      77 + 56,
      '030407',
    )
    // Record route and router alert; Fast Open, Multipath TCP, an unknown kind, octets after End of Option List.
    const four = [
      '4b0000681c4640004006b1e6c0000201c633640a',
      `07070400000000 94040000 ${'01'.repeat(12)} 00`,
      'd43101bb5f1e2d3c00000000f0c2faf0fe300000',
      '020405b4 2206aabbccdd 1e0c01810102030405060708 4d040102 0101 fe04f989 0000000000000007',
    ]
      .join('')
      .replaceAll(' ', '')
    for (const text of [six, four]) {
      const { code, out } = tcpfingerprint(['parse', '--p0f-db', '/dev/null', text])
      expect(code).toBe(0)
      expect(out).toMatchSnapshot()
    }
  })

  test('prints no control character of a database, an argument or a path', async () => {
    const name = 'evil\u001b[2J\u009b\u202e.fp'
    const text = `classes = unix\n[tcp:request]\nlabel = s:unix:Evil:\u001b[31m\u0000\u009b\u202e\nsig = *:64:0:*:*,*:mss,sok,ts,nop,ws:df,id+:0\n`
    await withFiles(
      { [name]: text, 'broken.fp': `[tcp:request]\nlabel = \u001b[31m\u202e\nsig = \u009b\n` },
      (directory) => {
        for (const args of [
          ['parse', '--p0f-db', join(directory, name), syn4],
          ['parse', '--p0f-db', join(directory, 'broken.fp'), syn4],
          ['parse', '--p0f-db', join(directory, `none${name}`), syn4],
          ['parse', '\u001b[2J\u202e', '--', '-\u009b'],
          ['pcap', join(directory, name)],
          ['\u001b[2J\u202e'],
          ['parse', '--\u001b[2J\u202e'],
        ]) {
          const { out, err } = tcpfingerprint(args)
          expect(`${out}${err}`.replaceAll('\n', ''), args.join(' ')).not.toMatch(/\p{Cc}|\p{Bidi_Control}/u)
        }
        const named = tcpfingerprint(['parse', '--p0f-db', join(directory, name), syn4])
        expect(named.out).toContain('  Evil \\x1b[31m\\x00\\x9b\\u202e  (a system')
      },
    )
  })

  test('tells people of errors on standard error, by argument or line', () => {
    const { code, out, err } = tcpfingerprint(['parse', syn4, 'zz'])
    expect(code).toBe(1)
    expect(lines(out)[0]).toBe('SYN from 192.0.2.1:54321 to 198.51.100.10:443')
    expect(err).toBe('tcpfingerprint: argument 2: bad-hex at offset 0: it is not pairs of hexadecimal digits\n')
    const input = tcpfingerprint(['parse'], { input: `\n${syn4.slice(0, 80)}\n` })
    expect(input).toEqual({
      code: 1,
      out: '',
      err:
        'tcpfingerprint: line 1: empty at offset 0: there is nothing to decode\n' +
        'tcpfingerprint: line 2: truncated at offset 20: it ends inside a header (60 octets needed, 40 there)\n',
    })
  })

  test('colours when told to, and NO_COLOR wins', () => {
    const run = (env: Record<string, string>): string => tcpfingerprint(['parse', syn4], { env }).out
    const plain = run({})
    const colored = run({ FORCE_COLOR: '1' })
    expect(colored).toContain('\u001b[')
    expect(colored.replace(/\u001b\[\d+m/g, '')).toBe(plain)
    expect(run({ FORCE_COLOR: '1', NO_COLOR: '1' })).toBe(plain)
    expect(run({ FORCE_COLOR: '1', NO_COLOR: '' })).toBe(colored)
    expect(run({ FORCE_COLOR: '0' })).toBe(plain)
  })
})

test('rules that cannot be read are told as other files are', () => {
  const problem = (path: string): string => tcpfingerprint(['parse', '--yara', path, '45']).err.split('\n')[0]!
  expect(problem('/none.yar')).toBe('tcpfingerprint: Cannot read the rules "/none.yar": no such file')
  expect(problem('/')).toBe('tcpfingerprint: Cannot read the rules "/": it is a directory')
})

test('connections that cannot be listed leave no table', () => {
  const { code, out, err } = tcpfingerprint(['connections'], { runtime: DENO })
  expect([code, out]).toEqual([1, ''])
  expect(err).toStartWith('tcpfingerprint: Cannot list connections: ')
})

describe('tcpfingerprint info', () => {
  test('gives one record a line', () => {
    const { code, out } = tcpfingerprint(['info', '--json'], { input: `${INFO.toUpperCase()}\n\nzz\n01` })
    expect(code).toBe(1)
    const answers = records(out)
    expect(answers.length).toBe(4)
    expect(answers[0]).toMatchObject({
      hex: INFO,
      tcpInfo: { state: 1, rtt: 57, rttvar: 28, snd_wscale: 7, rcv_wscale: 10 },
    })
    expect(answers[0].tcpInfo.pacing_rate).toBeUndefined()
    expect(answers.slice(1, 3)).toEqual([
      { error: { reason: 'empty', offset: 0 } },
      { error: { reason: 'bad-hex', offset: 0 } },
    ])
    expect(answers[3]).toEqual({ hex: '01', tcpInfo: { state: 1 } })
  })

  test('prints a table with units for people', () => {
    const { code, out, err } = tcpfingerprint(['info', INFO, '0'])
    expect(code).toBe(1)
    expect(err).toBe('tcpfingerprint: argument 2: bad-hex at offset 1: it is not pairs of hexadecimal digits\n')
    expect(out).toMatchSnapshot()
  })

  test('counts one octet as one', () => {
    expect(tcpfingerprint(['info', '01']).out).toStartWith('struct tcp_info, 1 octet, with 1 of 68 fields: ')
  })

  test('knows every field', () => {
    const { code, out } = tcpfingerprint(['info', 'ff'.repeat(280)])
    expect(code).toBe(0)
    expect(out).toMatch(/min_rtt +no sample/)
    expect(out).toMatch(/pacing_rate +unlimited/)
    expect(out).toMatch(/received_ce_bytes +4 294 967 295 +octets/)
    expect(out).not.toContain('undefined')
  })
})

describe('tcpfingerprint learn', () => {
  const record = (fields: object): string => JSON.stringify(fields)

  test('makes a database that parse takes labels from', async () => {
    const log = [
      record({ hex: syn4, label: 'My box:1.0' }),
      record({ syn: { hex: syn4 }, label: 'My box:1.0' }),
      record({ hex: syn6, headers: { 'user-agent': 'Mozilla/5.0 (X11; Linux x86_64) Firefox/140.0' } }),
      record({ hex: syn6 }),
      '',
    ]
    await withFiles({ 'log.ndjson': log.join('\n') }, async (directory) => {
      const { code, out, err } = tcpfingerprint(['learn', join(directory, 'log.ndjson')])
      expect({ code, err }).toEqual({
        code: 0,
        err: 'tcpfingerprint: 2 signatures from 3 SYNs; 1 record without a fingerprint or a known sender\n',
      })
      await withFiles({ 'learned.fp': out }, (other) => {
        const answer = tcpfingerprint(['parse', '--json', '--p0f-db', join(other, 'learned.fp'), syn4, syn6])
        expect(records(answer.out)).toMatchObject([{ label: { name: 'My box 1.0' } }, { label: { name: 'Linux' } }])
      })
      const few = tcpfingerprint(['learn', '--min-count', '2', '--no-headers', '-'], { input: log.join('\n') })
      expect(few.code).toBe(0)
      expect(few.err).toBe(
        'tcpfingerprint: 1 signature from 2 SYNs; 2 records without a fingerprint or a known sender\n',
      )
    })
  })

  test('tells bad records by file and line and learns from the rest', async () => {
    const log = [
      record({ hex: syn4, device: { model: 'A' } }),
      'nonsense',
      record({ hex: 'zz', device: { model: 'B' } }),
    ]
    const many = Array.from({ length: 30 }, () => 'x').join('\n')
    await withFiles({ 'a.ndjson': log.join('\n'), 'b.ndjson': `${many}\n${'y'.repeat(300_000)}\n` }, (directory) => {
      const [a, b, none] = ['a.ndjson', 'b.ndjson', 'none'].map((name) => join(directory, name)) as [
        string,
        string,
        string,
      ]
      const { code, out, err } = tcpfingerprint(['learn', '--label-column', 'device.model', a, none, b])
      expect(code).toBe(1)
      expect(out).toContain('label = s:other:A')
      expect(err).toContain(`${a}:2: bad-json`)
      expect(err).toContain(`${a}:3: bad-fingerprint`)
      expect(err).toContain(`${none}: Cannot read it: no such file`)
      expect(err).toContain(`${b}:20: bad-json`)
      expect(err).not.toContain(`${b}:21:`)
      expect(err).toContain(`${b}: 11 more bad records`)
      expect(err).toContain('1 signature from 1 SYN\n')
    })
  })

  test('settles signatures under several labels as told', () => {
    const input = ['A', 'A', 'A', 'B'].map((label) => record({ hex: syn4, label })).join('\n')
    const learn = (...args: string[]): string => tcpfingerprint(['learn', ...args, '-'], { input }).out
    const labels = (text: string): string[] => text.split('\n').filter((line) => line.startsWith('label'))
    expect(labels(learn())).toEqual([])
    expect(labels(learn('--conflicts', 'generic'))).toEqual([expect.stringMatching(/^label = g:[^:]*:A:/)])
    expect(labels(learn('--majority', '0.7'))).toEqual([expect.stringMatching(/^label = s:[^:]*:A:/)])
    expect(learn('--majority', '0.7', '--exact-mss')).toContain(':1460:')
  })
})

describe('tcpfingerprint serve', () => {
  test('listens where it is told and answers', async () => {
    const child = Bun.spawn([...BUN.argv, 'serve', '--host', '127.0.0.1', '--port', '0'], {
      stdout: 'pipe',
      stderr: 'pipe',
    })
    try {
      let text = ''
      for await (const chunk of child.stdout) {
        text += new TextDecoder().decode(chunk)
        if (/http:\/\/127\.0\.0\.1:\d+\//.test(text)) break
      }
      const url = /http:\/\/127\.0\.0\.1:\d+\//.exec(text)?.[0]
      expect(url).toBeDefined()
      const answer = await fetch(`${url}healthz`)
      expect([answer.status, await answer.text()]).toEqual([200, 'ok'])
    } finally {
      child.kill()
      await child.exited
    }
  })
})
