import { describe, expect, test } from 'bun:test'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { QUIRK } from '../../src/fingerprint/quirks.ts'
import { DatabaseError, joinDatabases } from '../../src/label/database.ts'
import { loadP0f } from '../../src/label/database-parser.ts'
import { temporaryDirectory } from '../support/temporary.ts'

const HEAD = 'classes = win,unix\n[tcp:request]\nlabel = s:unix:Linux:x\n'
const SIG = '*:64:0:*:*,*:mss:df:0'

describe('loadP0f', () => {
  test('reads classes, link types, labels, tools, signatures and user agents', () => {
    const database = loadP0f(`; a comment
classes = win,unix,other

[mtu]
label = Ethernet or modem
sig   = 576
sig   = 1500
label = first wins
sig   = 1500

[tcp:request]
label = s:unix:Linux:3.11 and newer
sig   = *:64:0:*:mss*20,10:mss,sok,ts,nop,ws:df,id+:0
  ; indented comment
label = g:unix:Mac OS X:
label = s:!:NMap:SYN scan
sys   = @unix,Windows
sig   = 4:64-:0:1460:1024,0:mss::0
sig   = 6:57+7:8:0:%8192,*:?34,eol+3:flow,opt+:+
sig   = *:64:0:*:mtu*2,*::ecn:*

[tcp:response]
label = s:win:Windows:XP
sig   = *:128:0:*:65535,0:mss:df,id+:0

[http:request]
ua_os = Linux,iOS=[iPad],Mac OS X
label = s:!:Firefox:2.x
sys = Windows,@unix
sig = *:Host,User-Agent,Accept=[,*/*;q=],?Accept-Language,Connection=[keep-alive]:X-Odd:Firefox/
`)
    expect(database.families).toEqual(['win', 'unix', 'other'])
    expect([...database.links]).toEqual([
      [576, 'Ethernet or modem'],
      [1500, 'Ethernet or modem'],
    ])
    expect(database.labels.map(({ name }) => name)).toEqual(['Linux 3.11 and newer', 'Mac OS X', 'NMap SYN scan'])
    expect(database.userAgentSystems).toEqual([
      { system: 'Linux', text: 'Linux' },
      { system: 'iOS', text: 'iPad' },
      { system: 'Mac OS X', text: 'Mac OS X' },
    ])
    expect(database.signatures.map(({ label, ...rest }) => rest)).toEqual([
      {
        text: '*:64:0:*:mss*20,10:mss,sok,ts,nop,ws:df,id+:0',
        line: 13,
        version: 0,
        timeToLive: 64,
        randomTtl: false,
        exactOnly: false,
        optionsLength: 0,
        mss: -1,
        windowRule: 'mss',
        window: 20,
        scale: 10,
        layout: 'mss,sok,ts,nop,ws',
        quirks: QUIRK.DF | QUIRK.ID_NONZERO,
        optionalQuirks: 0,
        zmapIdentification: false,
        payload: false,
        tolerant: true,
        versioned: false,
        order: 0,
      },
      {
        text: '4:64-:0:1460:1024,0:mss::0',
        line: 18,
        version: 4,
        timeToLive: 64,
        randomTtl: true,
        exactOnly: false,
        optionsLength: 0,
        mss: 1460,
        windowRule: 'value',
        window: 1024,
        scale: 0,
        layout: 'mss',
        quirks: 0,
        optionalQuirks: 0,
        zmapIdentification: false,
        payload: false,
        tolerant: true,
        versioned: false,
        order: 1,
      },
      {
        text: '6:57+7:8:0:%8192,*:?34,eol+3:flow,opt+:+',
        line: 19,
        version: 6,
        timeToLive: 64,
        randomTtl: false,
        exactOnly: false,
        optionsLength: 8,
        mss: 0,
        windowRule: 'modulo',
        window: 8192,
        scale: -1,
        layout: '?34,eol+3',
        quirks: QUIRK.FLOW | QUIRK.PADDING_NONZERO,
        optionalQuirks: 0,
        zmapIdentification: false,
        payload: true,
        tolerant: true,
        versioned: false,
        order: 2,
      },
      {
        text: '*:64:0:*:mtu*2,*::ecn:*',
        line: 20,
        version: 0,
        timeToLive: 64,
        randomTtl: false,
        exactOnly: false,
        optionsLength: 0,
        mss: -1,
        windowRule: 'mtu',
        window: 2,
        scale: -1,
        layout: '',
        quirks: QUIRK.ECN,
        optionalQuirks: 0,
        zmapIdentification: false,
        payload: undefined,
        tolerant: true,
        versioned: false,
        order: 3,
      },
    ])
    expect(database.signatures[1]!.label).toEqual({
      line: 16,
      generic: false,
      family: undefined,
      system: 'NMap',
      flavor: 'SYN scan',
      name: 'NMap SYN scan',
      kin: 'tool',
      runsOn: ['@unix', 'Windows'],
    })
    expect(database.signatures[0]!.label).toMatchObject({ generic: false, family: 'unix', system: 'Linux', runsOn: [] })
  })

  // What p0f 3.09b answers to the same lines was recorded with "p0f -f FILE -r empty.pcap".
  const accepted: readonly [string, string][] = [
    ['nothing', ''],
    ['a label without signatures', HEAD],
    ['two labels', `${HEAD}label = s:unix:A:b\nsig = ${SIG}`],
    ['a signature twice', `${HEAD}sig = ${SIG}\nsig = ${SIG}`],
    ['tabs, indentation and no space', `classes=unix\n[tcp:request]\n\tlabel\t=\ts:unix:Linux:x\n sig=${SIG}`],
    ['classes twice', 'classes = a\nclasses = b, a\n[mtu]'],
    ['no classes', 'classes = \n'],
    ['commas in a row, and before the first class', 'classes = ,a,,b\n[mtu]'],
    ['commas in a row in sys', 'classes = unix\n[tcp:request]\nlabel = s:!:L:x\nsys = @unix,,Linux'],
    ['a comma behind ua_os', '[http:request]\nua_os = Linux,'],
    ...['1:Host,User-Agent=[Android],::Android', '*:Host,:A:x', '*:Host:A,:x', '*::x:'].map((sig): [string, string] => [
      `HTTP sig = ${sig}`,
      `classes = unix\n[http:request]\nlabel = s:unix:F:x\nsig = ${sig}`,
    ]),
    ['a colon in the flavor', 'classes = unix\n[tcp:request]\nlabel = s:unix:L:x:y'],
    ['odd characters in the flavor', 'classes = unix\n[tcp:request]\nlabel = s:unix:L:é,;='],
    ['odd characters in the name', 'classes = unix\n[tcp:request]\nlabel = s:unix:a b.c/d-e_f!g?h(i):x'],
    ['an empty sys', `classes = unix\n[tcp:request]\nlabel = s:!:L:x\nsys =\nsig = ${SIG}`],
    ['a tool without sys before a section', 'classes = unix\n[tcp:request]\nlabel = s:!:L:x\n[mtu]'],
    ['MTU 65535', '[mtu]\nlabel = E\nsig = 65535'],
    ['a colon in a link type', '[mtu]\nlabel = s:win:x:y\nsig = 1500'],
    ['HTTP signatures for systems', 'classes = unix\n[http:response]\nlabel = s:unix:F:x\nsig = *:Host:Host:x'],
    ['HTTP signatures without headers', 'classes = unix\n[http:request]\nlabel = s:unix:F:x\nsig = 0:::'],
    // These p0f refuses, for no reason of the format.
    ['CR LF', `${HEAD}sig = ${SIG}\n`.replaceAll('\n', '\r\n')],
    ['a byte order mark', `\ufeff${HEAD}`],
    ...[
      '*:57+7:0:*:*,*:mss:df:0',
      '*:64-:0:*:*,*:mss:df:0',
      '*:064:0:0100:*,*:mss:df:0',
      '*:64:255:*:*,*:mss:df:0',
      '*:64:0:65535:65535,255:mss:df:0',
      '*:64:0:*:%2,*:mss:df:0',
      '*:64:0:*:%65535,*:mss:df:0',
      '*:64:0:*:mss*1,*:mss:df:0',
      '*:64:0:*:mtu*1000,*:mss:df:0',
      '*:64:0:*:*,*:?0,?2,?255:df:0',
      '*:64:0:*:*,*:eol+255:df:0',
      `*:64:0:*:*,*:${new Array(24).fill('nop').join(',')}:df:0`,
      '*:64:0:*:*,*:mss:df,df,id-:0',
      '*:64:0:*:*,*:mss:df,bad,exws,opt+,ts1-,ts2+,pushf+,urgf+,uptr+,ack-,ack+,seq-,ecn,flow,0+:*',
      '6:64:0:*:*,*:mss:flow:+',
      // numbers that are not there are 0, and lists may end in a comma
      '*:64:0::*,*:mss:df:0',
      '*:64::*:*,*:mss:df:0',
      '*:64:0:*:*,:mss:df:0',
      '*:64:0:*:*,*:?:df:0',
      '*:64:0:*:*,*:eol+:df:0',
      '*:64:0:*:*,*:mss,:df:0',
      '*:64:0:*:*,*:mss:df,:0',
      '*:64+:0:*:*,*:mss:df:0',
      '*:+64:0:*:*,*:mss:df:0',
      '*:64:0:*:*,*:mss,:df,:0',
      '*:000000000000064:0:*:*,*:mss:df:0',
      '4:64:0:*:*,*:mss:0+:0',
    ].map((sig): [string, string] => [`sig = ${sig}`, `${HEAD}sig = ${sig}`]),
  ]
  for (const [name, text] of accepted) {
    test(`takes ${name}`, () => {
      expect(() => loadP0f(text)).not.toThrow()
    })
  }

  const refused: readonly [string, string, number][] = [
    ['a signature before a label', `classes = unix\n[tcp:request]\nsig = ${SIG}`, 3],
    ['a label before a section', 'classes = unix\nlabel = s:unix:L:x', 2],
    ['an unknown class', `[tcp:request]\nlabel = s:unix:L:x\nsig = ${SIG}`, 2],
    ['classes behind a section', '[mtu]\nclasses = unix', 2],
    ['a malformed class', 'classes = a-b', 1],
    ['an empty class', 'classes = a,', 1],
    ['an open section', '[mtu', 1],
    ['text behind a section', '[mtu] x', 1],
    ['an unknown field', '; x\n\nfoo = bar', 3],
    ['no statement', 'hello world', 1],
    ['no value', 'classes', 1],
    ['a hash comment', '# x', 1],
    ['a type that is not s or g', 'classes = unix\n[tcp:request]\nlabel = x:unix:L:x', 3],
    ['a label with three parts', 'classes = unix\n[tcp:request]\nlabel = s:unix:L', 3],
    ['a label with two parts', 'classes = unix\n[tcp:request]\nlabel = s:unix', 3],
    ['a label without a name', 'classes = unix\n[tcp:request]\nlabel = s:unix::x', 3],
    ['a comma in a name', 'classes = unix\n[tcp:request]\nlabel = s:unix:a,b:x', 3],
    ['a letter beyond ASCII in a name', 'classes = unix\n[tcp:request]\nlabel = s:unix:Lé:x', 3],
    ['a tool without sys', `classes = unix\n[tcp:request]\nlabel = s:!:L:x\nsig = ${SIG}`, 4],
    ['a tool without sys, then another', `classes = unix\n[tcp:request]\nlabel = s:!:L:x\nlabel = s:!:L:y`, 4],
    ['an unknown class in sys', `classes = unix\n[tcp:request]\nlabel = s:!:L:x\nsys = @foo`, 4],
    ['the class ! in sys', `classes = unix\n[tcp:request]\nlabel = s:!:L:x\nsys = @!`, 4],
    [
      'a hundred thousand commas',
      `classes = unix\n[tcp:request]\nlabel = s:!:L:x\nsys = @unix${','.repeat(100_000)}`,
      4,
    ],
    ['an empty entry in sys', `classes = unix\n[tcp:request]\nlabel = s:!:L:x\nsys = @unix,`, 4],
    ['sys for a system', `${HEAD}sys = @unix`, 4],
    ['sys twice', `classes = unix\n[tcp:request]\nlabel = s:!:L:x\nsys = @unix\nsys = @unix`, 5],
    ['MTU 0', '[mtu]\nlabel = E\nsig = 0', 3],
    ['MTU 65536', '[mtu]\nlabel = E\nsig = 65536', 3],
    ['an MTU with text', '[mtu]\nlabel = E\nsig = 15x', 3],
    ['MTUs in a list', '[mtu]\nlabel = E\nsig = 1500,1400', 3],
    ['an empty link type', '[mtu]\nlabel = \nsig = 1500', 2],
    ['sys for a link type', '[mtu]\nlabel = E\nsys = @unix', 3],
    ['ua_os outside http:request', 'classes = unix\n[tcp:request]\nua_os = Linux', 3],
    ...[
      '',
      '5:64:0:*:*,*:mss:df:0',
      ':64:0:*:*,*:mss:df:0',
      '*:0:0:*:*,*:mss:df:0',
      '*:256:0:*:*,*:mss:df:0',
      '*:57+?:0:*:*,*:mss:df:0',
      '*:250+7:0:*:*,*:mss:df:0',
      '*:64-x:0:*:*,*:mss:df:0',
      '*:57+7-:0:*:*,*:mss:df:0',
      '*:x:0:*:*,*:mss:df:0',
      '*:*:0:*:*,*:mss:df:0',
      '*:64 :0:*:*,*:mss:df:0',
      '*: 64:0:*:*,*:mss:df:0',
      '*:64:256:*:*,*:mss:df:0',
      '*:64:*:*:*,*:mss:df:0',
      '*:64:-1:*:*,*:mss:df:0',
      '*:64:0:65536:*,*:mss:df:0',
      '*:64:0:-1:*,*:mss:df:0',
      '*:64:0:*:65536,*:mss:df:0',
      '*:64:0:*: 5,*:mss:df:0',
      '*:64:0:*:%1,*:mss:df:0',
      '*:64:0:*:%65536,*:mss:df:0',
      '*:64:0:*:%8192x,*:mss:df:0',
      '*:64:0:*:mss*0,*:mss:df:0',
      '*:64:0:*:mss*1001,*:mss:df:0',
      '*:64:0:*:mtu*1001,*:mss:df:0',
      '*:64:0:*:mtu,*:mss:df:0',
      '*:64:0:*:mss*4x,*:mss:df:0',
      '*:64:0:*:*:mss:df:0',
      '*:64:0:*:*,256:mss:df:0',
      '*:64:0:*:*,1x:mss:df:0',
      '*:64:0:*:*,*:mss,foo:df:0',
      '*:64:0:*:*,*:?256:df:0',
      '*:64:0:*:*,*:eol:df:0',
      '*:64:0:*:*,*:eol+256:df:0',
      '*:64:0:*:*,*:eol+1,mss:df:0',
      '*:64:0:*:*,*:eol+1x:df:0',
      `*:64:0:*:*,*:${new Array(25).fill('nop').join(',')}:df:0`,
      '*:64:0:*:*,*:MSS:df:0',
      '*:64:0:*:*,*:mss:foo:0',
      '*:64:0:*:*,*:mss: df:0',
      '*:64:0:*:*,*:mss:DF:0',
      '4:64:0:*:*,*:mss:flow:0',
      '6:64:0:*:*,*:mss:df:0',
      '6:64:0:*:*,*:mss:id+:0',
      '6:64:0:*:*,*:mss:id-:0',
      '6:64:0:*:*,*:mss:0+:0',
      '*:64:0:*:*,*:mss:df:1',
      '*:64:0:*:*,*:mss:df:',
      '*:64:0:*:*,*:mss:df',
      '*:64:0:*:*,*:mss:df:0:',
      '*:64:0:*:*,*:mss:df:0x',
      '*:64:0:*:*,*:mss:df:0 ; c',
      '*:64:0:*:*,*:,:df:0',
      '*:64:0:*:*,*:mss,,sok:df:0',
      '*:64:0:*:*,*:mss:df,,id+:0',
      '*:64:0:*:*,*:mss:,:0',
      '*:64:0:*:*,*:eol+0,:df:0',
      '*:64:0:*:%,*:mss:df:0',
      '*:64!-:0:*:*,*:mss:df:0',
      '*:64:0:*:mss*max2,*:mss:df:0',
      '*:64:0:*:*,9-8:mss:df:0',
      '*:64:0:*:*,7-8-9:mss:df:0',
      '*:64:0:*:*,*:mss:df?,foo?:0',
    ].map((sig): [string, string, number] => [`sig = ${sig}`, `${HEAD}sig = ${SIG}\nsig = ${sig}\nsig = ${SIG}`, 5]),
  ]
  for (const [name, text, line] of refused) {
    test(`refuses ${name}, naming the line`, () => {
      try {
        loadP0f(text)
      } catch (error) {
        expect(error).toBeInstanceOf(DatabaseError)
        expect((error as DatabaseError).line).toBe(line)
        expect((error as DatabaseError).message).toStartWith(`Cannot load signatures: line ${line}: `)
        return
      }
      throw new Error('it was taken')
    })
  }

  const warned: readonly [string, string, number][] = [
    ['an unknown section', '[foo:request]', 1],
    ['a section without direction', '[tcp]', 1],
    ['a direction of mtu', '[mtu:request]', 1],
    ['an unknown direction', '[tcp:foo]', 1],
    ['space in a section', '[ mtu ]', 1],
    ['ua_os with an open bracket', '[http:request]\nua_os = iOS=[iPad', 2],
    ['ua_os without brackets', '[http:request]\nua_os = iOS=iPad', 2],
    ...[
      '2:Host::x',
      '1:Host',
      '1:Host:',
      '*:Host,Accept=[x:A:',
      '*:Ho st::x',
      '*:Host:A:x:y',
      '*:,Host::',
      '*:Host,,A::x',
      '*:Host=[]:A:x',
    ].map((sig): [string, string, number] => [
      `HTTP sig = ${sig}`,
      `classes = unix\n[http:request]\nlabel = s:unix:F:x\nsig = ${sig}`,
      4,
    ]),
    ['a line of a section that p0f does not know', '[ssl:request]\nsig = 771:c02b::', 1],
    ['no statement where nothing is used', '[http:response]\nhello', 2],
  ]
  for (const [name, text, line] of warned) {
    test(`warns of ${name}, naming the line, and loads the rest`, () => {
      const database = loadP0f(`${text}\n[tcp:request]\nlabel = s:!:L:x\nsys =\nsig = ${SIG}\n`)
      expect(database.warnings.map((warning) => warning.line)).toEqual([line])
      expect(database.signatures).toHaveLength(1)
    })
  }

  const p0f = Bun.which('p0f') ?? Bun.which('/usr/sbin/p0f')
  const together = test.skipIf(p0f === null && process.env.CI !== 'true')
  together('p0f 3.09b takes and refuses the same lines (apt-get install p0f)', () => {
    const { path: directory, remove } = temporaryDirectory()
    try {
      // A capture without packets, link type 101: raw IP.
      const capture = join(directory, 'empty.pcap')
      writeFileSync(capture, new Uint8Array(new Uint32Array([0xa1b2c3d4, 0x0004_0002, 0, 0, 65_535, 101]).buffer))
      const takes = (text: string): boolean => {
        const file = join(directory, 'x.fp')
        writeFileSync(file, text)
        return Bun.spawnSync([p0f!, '-f', file, '-r', capture], { stdin: 'ignore' }).exitCode === 0
      }
      const isOurs = (name: string): boolean => /^(?:CR LF|a byte order mark)$/.test(name)
      expect(accepted.filter(([name, text]) => !isOurs(name) && !takes(text)).map(([name]) => name)).toEqual([])
      expect(refused.filter(([, text]) => takes(text)).map(([name]) => name)).toEqual([])
    } finally {
      remove()
    }
  })

  test('keeps a bounded number of warnings', () => {
    expect(loadP0f(`[http:request]\n${'foo\n'.repeat(10_000)}`).warnings).toHaveLength(100)
  })

  test('takes p0f tcp:response and http:response for what they are: of no use', () => {
    const text = 'classes = unix\n[tcp:response]\nlabel = s:unix:L:x\nsig = foo\n[http:response]\nua_os = Linux'
    expect(loadP0f(text).warnings).toEqual([])
  })

  test('writes control characters of names as escapes', () => {
    const text = `${HEAD.replace(':x', ':a\u001b[31m\u0000\u009b\u202e\u2028b')}sig = ${SIG}\n[mtu]\nlabel = \u0007x\nsig = 1500`
    const { signatures, links } = loadP0f(text)
    expect(signatures[0]!.label.name).toBe(String.raw`Linux a\x1b[31m\x00\x9b\u202e\u2028b`)
    expect(links.get(1500)).toBe(String.raw`\x07x`)
    expect(() => loadP0f('[mtu]\nlabel = \u001b\u001b[1m\n\u001b[2Jfoo')).toThrow(/^[^\u0000-\u001f]+$/)
  })

  test('reads alternatives of window and scale as a signature each, and optional quirks', () => {
    const { signatures } = loadP0f(`${HEAD}sig = *:64!:0:*:8192|mss*max|mss*4,2|7-9:mss:df,ecn?,id-?:0`)
    expect(signatures.map(({ text }) => text)).toEqual(
      ['8192', 'mss*max', 'mss*4'].flatMap((window) =>
        [2, 7, 8, 9].map((scale) => `*:64!:0:*:${window},${scale}:mss:df,ecn?,id-?:0`),
      ),
    )
    expect(signatures[4]).toMatchObject({
      windowRule: 'full',
      window: 0,
      scale: 2,
      line: 4,
      order: 4,
      exactOnly: true,
      quirks: QUIRK.DF,
      optionalQuirks: QUIRK.ECN | QUIRK.ID_ZERO,
      zmapIdentification: false,
    })
  })

  test('says no more of a long line than fits on one', () => {
    expect(() => loadP0f(`foo ${'x'.repeat(100_000)}`)).toThrow(/^.{1,200}$/)
  })

  test('reads hostile HTTP lines in time that grows with their length', () => {
    const line = `${'a,'.repeat(20_000)}a`
    const text = `classes = unix\n[http:request]\nlabel = s:unix:F:x\nsig = 1:${line}`
    expect(loadP0f(text).warnings).toHaveLength(1)
  })
})

describe('joinDatabases', () => {
  test('puts the first before the second', () => {
    const a = loadP0f(`${HEAD}sig = ${SIG}\n[mtu]\nlabel = a\nsig = 1500`, { tolerant: false })
    const b = loadP0f(`${HEAD.replace('Linux', 'Other')}sig = ${SIG}\n[mtu]\nlabel = b\nsig = 1500\nsig = 1400`)
    const joined = joinDatabases(a, b)
    expect(joined.signatures.map(({ label, order, tolerant }) => [label.system, order, tolerant])).toEqual([
      ['Linux', 0, false],
      ['Other', 1, true],
    ])
    expect(joined.links.get(1500)).toBe('a')
    expect(joined.links.get(1400)).toBe('b')
    expect(joined.families).toEqual(['win', 'unix'])
    expect(joined.labels).toHaveLength(2)
    expect(a.signatures).toHaveLength(1)
  })
})
