/**
 * SYNs of devices, consoles, modules, industrial and network equipment, layout by layout: what their label must say with usual MSS
 * values, with and without ECN.
 */
import { expect, test } from 'bun:test'
import { FBSD, KEEP, LNX, MAC, type Row, tryRows, V4, WIN, WIN0 } from './layout-rows.ts'

const LNX0 = 'mss,nop,nop,sok,nop,ws'
const BSD44 = 'mss,nop,ws,nop,nop,ts'
const NBSD = 'mss,nop,ws,sok,nop,nop,nop,nop,ts'
const NETX = 'mss,nop,nop,nop,eol+0'

/** A row of IPv4 from its field texts: TTL, window, scale, layout, quirks. */
const of = (
  family: string,
  label: RegExp,
  [ttl, window, scale, layout, quirks]: readonly [number, string | number, number, string, string],
  mss?: readonly number[],
): Row => ({ ttl, window, scale, layout, quirks, label, family, versions: V4, ...(mss && { mss }) })

/** No quirk, and an identification of 0: a counter that starts there. */
const NO_DF = ['', 'id-']

const CONSOLES: readonly Row[] = [
  of('embedded', /^PlayStation 2 or Linux/, [64, 32_120, 0, 'mss', KEEP]),
  ...[KEEP, ''].map((quirks) => of('bsd', /PlayStation 2/, [64, 16_384, 0, BSD44, quirks])),
  of('bsd', /^PlayStation 3 .*NetBSD/, [64, 65_535, 0, NBSD, KEEP]),
  of('bsd', /^PlayStation 3 .*NetBSD/, [64, 65_535, 0, NBSD, `${KEEP},ts1-`]),
  of('bsd', /^Nintendo Switch or FreeBSD/, [64, 32_768, 6, FBSD, KEEP]),
]

const MODULES: readonly Row[] = [
  ...NO_DF.flatMap((quirks) => [
    of('embedded', /^lwIP\b/, [255, '3*', 0, 'mss', quirks]),
    of('embedded', /^lwIP$/, [255, '4*', 0, 'mss', quirks]),
    of('embedded', /^lwIP$/, [255, 5744, 0, 'mss', quirks]),
    of('embedded', /^lwIP$/, [255, '4*', 0, 'mss,nop,nop,ts,nop,nop,sok', quirks]),
    ...[1, 2, 3].map((scale) => of('embedded', /^lwIP$/, [255, 24_576, scale, 'mss,nop,ws', quirks])),
    of('embedded', /^HF-LPB/, [255, 1500, 0, 'mss', quirks]),
    // 8 * 1440 is a relay's too.
    of('embedded', /^Electric Imp/, [255, 11_520, 0, 'mss', quirks], [1460, 1400, 1360, 536]),
    of('relay', /Electric Imp/, [255, 11_520, 0, 'mss', quirks], [1440]),
    of('embedded', /^TI SimpleLink .*NetX/, [128, 33_580, 0, NETX, quirks]),
    of('embedded', /^NetX Duo .*GainSpan/, [128, 8192, 0, NETX, quirks]),
    of('embedded', /^NetX Duo or another/, [128, 12_000, 0, NETX, quirks]),
    of('embedded', /^GainSpan/, [64, 8688, 0, BSD44, quirks]),
    of('embedded', /^Amazon Dash Button/, [64, 4338, 0, 'mss', quirks]),
  ]),
  of('embedded', /^lwIP \(ESP8266\)/, [128, '2*', 0, 'mss', KEEP]),
]

const EQUIPMENT: readonly Row[] = [
  of('network', /^H3C Comware/, [255, 64_512, 3, FBSD, '']),
  of('bsd', /eCos/, [64, 16_384, 0, BSD44, '']),
  of('network', /^NEC switch/, [64, 2048, 0, BSD44, `${KEEP},ts1-`]),
  of('network', /^Huawei VRP/, [255, 8192, 0, 'mss', ''], [512]),
  of('network', /^F5 BIG-IP/, [255, 4380, 0, 'mss,sok,eol+1', KEEP]),
  of('network', /^Cisco IOS/, [255, 4128, 0, 'mss', '']),
  of('network', /^Cisco IOS/, [255, 4128, 0, 'mss', 'id-']),
  of('network', /^router/, [255, 65_535, 5, 'mss,nop,ws', '']),
  of('embedded', /^Siemens S7 .*nmap/, [30, 4096, 0, 'mss', '']),
  of('windows', /^Windows CE/, [128, 32_768, 0, WIN0, KEEP]),
  of('tool', /^traffic generator/, [128, 32_769, 1, 'mss,ws,eol+0', '']),
  // over IPv6 alone
  {
    ttl: 64,
    window: 8568,
    scale: 0,
    layout: 'mss,nop,ws,nop,nop,sok,nop,nop,ts',
    v6Quirks: '',
    label: /^HP device/,
    family: 'embedded',
    versions: [6],
  },
]

/** A small scale with a generation's full window is a device; a larger one is not called so. */
const SMALL: readonly Row[] = (
  [
    ['4*', [1], /^Linux 2\.4 or 2\.6 .*little memory, as of a small Linux device/],
    ['10*', [0, 1, 3, 4, 5], /^Linux 2\.6\.39 to 3\.10, little memory, as of a small Linux device/],
    ['20*', [0, 3, 5], /^Linux 3\.11 to 4\.19, little memory, as of a small Linux device/],
    ['max', [0, 2, 3, 4, 5], /^Linux 4\.20 or newer, little memory, as of a small Linux device/],
    ['4*', [2, 6, 7], /^Linux 2\.4 or 2\.6 \(to 2\.6\.38\)(?:, or traceroute TCP)?$/],
    ['10*', [6, 7], /^Linux 2\.6\.39 to 3\.10 \(Android/],
    ['20*', [6, 7], /^Linux 3\.11 to 4\.19 \(Android/],
    ['max', [6, 7], /^Linux 4\.20 or newer \(or updated/],
    // A program's receive buffer sets the scale too: never from a window that is no generation's.
    [2920, [0], /^Linux \(a program/],
    ['max', [1], /^Linux \(Android before 2013, or a program/],
    ['29*', [7], /^Linux \(Android/],
  ] as const
).flatMap(([window, scales, label]) =>
  scales.flatMap((scale) =>
    [LNX, LNX0].flatMap((layout): Row[] =>
      layout === LNX0 && (window === 2920 || window === '29*' || scale === 1) && window !== '4*' && window !== '10*'
        ? []
        : [
            // 2920 is two segments of Ethernet's
            {
              ttl: 64,
              window,
              scale,
              layout,
              label,
              family: 'linux',
              ...(window === 2920 && { versions: V4 }),
              // no flow label before automatic ones
              ...(window === '4*' && { v6Quirks: '' }),
              // 5360 and 10,720 octets of these are what newer ones send with another MSS
              mss: [1460, 1440, 1400, 1360],
            },
          ],
    ),
  ),
)

const SYSTEMS: readonly Row[] = [
  { ttl: 64, window: 65_535, scale: 7, layout: MAC, quirks: 'df', label: /iOS 12/, family: 'apple' },
  {
    ttl: 64,
    window: 65_535,
    scale: 6,
    layout: MAC,
    quirks: 'df',
    label: /iOS 14 or newer \(some 11 and 13\)/,
    family: 'apple',
  },
  ...['df', KEEP, 'id-'].map(
    (quirks): Row => ({
      ttl: 64,
      window: 65_535,
      scale: 0,
      layout: 'mss,sok,eol+1',
      quirks,
      label: /^macOS or iOS/,
      family: 'apple',
    }),
  ),
  { ttl: 128, window: 'max-12', scale: 8, layout: FBSD, label: /^Windows 10/, family: 'windows' },
  { ttl: 128, window: 51_200, scale: 0, layout: WIN, label: /^Windows/, family: 'windows' },
  { ttl: 128, window: 51_200, scale: 0, layout: WIN0, label: /^Windows/, family: 'windows' },
]

for (const [what, rows] of Object.entries({ CONSOLES, MODULES, EQUIPMENT, SMALL, SYSTEMS })) {
  test(`${what.toLowerCase()} get the label that the evidence allows`, () => {
    expect(tryRows(rows)).toBeGreaterThan(40)
  })
}
