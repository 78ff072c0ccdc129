import { expect, test } from 'bun:test'
import { defaultDatabase } from '../../src/label/default.ts'
import { families, family, isSameStack } from '../../src/label/family.ts'
import { compareWithUserAgent, platformOf } from '../../src/label/user-agent.ts'

const CHROME = 'AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0'

/** User-Agents of systems, as their makers document them or captures have them. */
const WINDOWS = `Mozilla/5.0 (Windows NT 10.0; Win64; x64) ${CHROME} Safari/537.36 Edg/141.0.0.0`
const MAC =
  'Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.0 Safari/605.1.15'
const IPHONE =
  'Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.0 Mobile/15E148 Safari/604.1'
const ANDROID = `Mozilla/5.0 (Linux; Android 10; K) ${CHROME} Mobile Safari/537.36`
const LINUX = 'Mozilla/5.0 (X11; Linux x86_64; rv:143.0) Gecko/20100101 Firefox/143.0'
const CHROME_OS = `Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) ${CHROME} Safari/537.36`

const PLATFORMS: readonly (readonly [string, string | undefined])[] = [
  [WINDOWS, 'windows'],
  ['Mozilla/4.0 (compatible; MSIE 6.0; Windows NT 5.1; SV1)', 'windows'],
  [
    'Mozilla/5.0 (Windows NT 10.0; Win64; x64; Xbox; Xbox One) AppleWebKit/537.36 (KHTML, like Gecko) Edge/44.18363.8131',
    'windows',
  ],
  [
    'Mozilla/5.0 (Mobile; Windows Phone 8.1; Android 4.0; ARM; Trident/7.0; Touch; rv:11.0; IEMobile/11.0; NOKIA; Lumia 520) like iPhone OS 7_0_3 Mac OS X AppleWebKit/537 (KHTML, like Gecko) Mobile Safari/537',
    'windows',
  ],
  [MAC, 'apple'],
  [IPHONE, 'apple'],
  ['Mozilla/5.0 (iPad; CPU OS 12_2 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148', 'apple'],
  ['Mozilla/5.0 (Macintosh; U; PPC Mac OS X; en-us) AppleWebKit/312.1 (KHTML, like Gecko) Safari/312', 'apple'],
  ['MyApp/42 CFNetwork/1498.700.2 Darwin/23.6.0', 'apple'],
  [ANDROID, 'android'],
  ['Dalvik/2.1.0 (Linux; U; Android 14; Pixel 8 Build/UQ1A.240105.004)', 'android'],
  [
    'Mozilla/5.0 (Linux; Android 9; CUBOT NOTE 20) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/90.0 Mobile Safari/537.36',
    'android',
  ],
  ['Mozilla/5.0 (Android 13; Mobile; rv:143.0) Gecko/143.0 Firefox/143.0', 'android'],
  [LINUX, 'linux'],
  [
    `Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) HeadlessChrome/141.0.0.0 Safari/537.36`,
    'linux',
  ],
  [
    'Mozilla/5.0 (SMART-TV; LINUX; Tizen 6.0) AppleWebKit/537.36 (KHTML, like Gecko) 76.0.3809.146/6.0 TV Safari/537.36',
    'linux',
  ],
  [
    'Mozilla/5.0 (Web0S; Linux/SmartTV) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/79.0.3945.79 Safari/537.36 WebAppManager',
    'linux',
  ],
  ['Mozilla/5.0 (Mobile; Nokia_8110_4G; rv:48.0) Gecko/48.0 Firefox/48.0 KAIOS/2.5', 'linux'],
  [CHROME_OS, 'chromeos'],
  ['Mozilla/5.0 (X11; FreeBSD amd64; rv:128.0) Gecko/20100101 Firefox/128.0', 'bsd'],
  ['Mozilla/5.0 (X11; OpenBSD amd64; rv:128.0) Gecko/20100101 Firefox/128.0', 'bsd'],
  ['Mozilla/5.0 (X11; NetBSD amd64; rv:115.0) Gecko/20100101 Firefox/115.0', 'bsd'],
  ['Mozilla/5.0 (X11; SunOS i86pc; rv:45.0) Gecko/20100101 Firefox/45.0', 'unix'],
  // nobody's system
  ['', undefined],
  ['Mozilla/5.0', undefined],
  ['curl/8.5.0', undefined],
  ['curl/7.29.0 (x86_64-redhat-linux-gnu) libcurl/7.29.0', undefined],
  ['Wget/1.21.2 (linux-gnu)', undefined],
  ['python-requests/2.32.3', undefined],
  ['Python/3.12 aiohttp/3.9.1', undefined],
  ['Go-http-client/2.0', undefined],
  ['okhttp/4.12.0', undefined],
  ['Java/17.0.9', undefined],
  ['node', undefined],
  ['PostmanRuntime/7.36.0', undefined],
  ['Mozilla/5.0 zgrab/0.x', undefined],
  ['Mozilla/5.0 (compatible; Nmap Scripting Engine; https://nmap.org/book/nse.html)', undefined],
  [
    'Mozilla/5.0 (Linux; Android 6.0.1; Nexus 5X Build/MMB29P) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Mobile Safari/537.36 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)',
    undefined,
  ],
  ['Mozilla/5.0 (compatible; bingbot/2.0; +http://www.bing.com/bingbot.htm)', undefined],
  ['Mozilla/5.0 (compatible; Baiduspider/2.0; +http://www.baidu.com/search/spider.html)', undefined],
  ['facebookexternalhit/1.1 (+http://www.facebook.com/externalhit_uatext.php)', undefined],
  ['Opera/9.80 (Android; Opera Mini/36.2.2254/119.132; U; id) Presto/2.12.423 Version/12.16', undefined],
  [
    'Mozilla/5.0 (PlayStation; PlayStation 5/2.26) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/13.0 Safari/605.1.15',
    undefined,
  ],
  ['Mozilla/5.0 (Nintendo Switch; WifiWebAuthApplet) AppleWebKit/606.4 (KHTML, like Gecko) NF/6.0.1.15.4', undefined],
]

test('platformOf reads the system of browsers and apps, none of tools, crawlers and consoles', () => {
  for (const [userAgent, expected] of PLATFORMS) {
    expect([userAgent, platformOf({ 'user-agent': userAgent })?.family]).toEqual([userAgent, expected as never])
  }
})

test('platformOf believes Sec-CH-UA-Platform before User-Agent', () => {
  const both = (platform: string, userAgent = WINDOWS): string | undefined =>
    platformOf({ 'sec-ch-ua-platform': platform, 'user-agent': userAgent })?.family
  expect(both('"macOS"')).toBe('apple')
  expect(both('"Android"')).toBe('android')
  expect(both('"Linux"')).toBe('linux')
  expect(both('"Chrome OS"')).toBe('chromeos')
  expect(both('"Chromium OS"')).toBe('chromeos')
  expect(both('"iOS"')).toBe('apple')
  expect(both('"Windows"', MAC)).toBe('windows')
  expect(both(' "macOS" ')).toBe('apple')
  expect(both('macOS')).toBe('apple')
  // what names nothing leaves the word to the User-Agent
  expect(both('"Unknown"')).toBe('windows')
  expect(both('"Fuchsia"')).toBe('windows')
  expect(both('""')).toBe('windows')
  expect(both('')).toBe('windows')
  // a crawler stays one
  expect(both('"Android"', 'Mozilla/5.0 (compatible; Googlebot/2.1)')).toBeUndefined()
})

test('platformOf takes Headers, and records with names in any case, several values and none', () => {
  expect(platformOf(new Headers({ 'User-Agent': MAC }))?.family).toBe('apple')
  expect(platformOf(new Headers())).toBeUndefined()
  expect(platformOf({ 'User-Agent': MAC })?.family).toBe('apple')
  expect(platformOf({ 'USER-AGENT': MAC, 'Sec-Ch-Ua-Platform': '"Windows"' })?.family).toBe('windows')
  expect(platformOf({ 'user-agent': [MAC, WINDOWS] })?.family).toBe('apple')
  expect(platformOf({ 'user-agent': [] })).toBeUndefined()
  expect(platformOf({ 'user-agent': undefined })).toBeUndefined()
  expect(platformOf({})).toBeUndefined()
  // a header of this name is no method of Headers
  expect(platformOf({ get: 'x', 'user-agent': MAC })?.family).toBe('apple')
})

test('compareWithUserAgent survives hostile header values and reads a bounded part of them', () => {
  const label = { name: 'Linux 4.20 or newer', kind: 'os' } as const
  const hostile = [
    '\u0000\u0001\uffff\ud800',
    '('.repeat(1_000_000),
    'bot'.repeat(300_000),
    `${'a '.repeat(600)}Windows NT 10.0`,
    '__proto__',
    'constructor',
    '"'.repeat(5000),
  ]
  for (const value of hostile) {
    for (const headers of [{ 'user-agent': value }, { 'sec-ch-ua-platform': value }]) {
      expect(compareWithUserAgent(label, headers)).toEqual({ verdict: 'unknown', stack: 'linux', userAgent: undefined })
    }
  }
  const many = Object.fromEntries(Array.from({ length: 100_000 }, (_, i) => [`x-header-${i}`, WINDOWS]))
  expect(compareWithUserAgent(label, many).verdict).toBe('unknown')
  const bare = Object.assign(Object.create(null) as Record<string, string>, { 'user-agent': LINUX })
  expect(compareWithUserAgent(label, bare).verdict).toBe('match')
  expect(compareWithUserAgent(label, { 'user-agent': 17 as never }).verdict).toBe('unknown')
})

const LABELS = {
  linux: 'Linux 4.20 or newer (or updated 4.14 to 4.19)',
  tuned: 'Linux (Android or tuned)',
  windows: 'Windows 10 or newer, or Server 2016 or newer',
  apple: 'macOS 10.14 or newer, or iOS 11 or newer',
  freebsd: 'FreeBSD 11 or newer',
  gvisor: 'gVisor netstack (gVisor, Tailscale, user-space WireGuard)',
  either: 'gVisor netstack or Linux 3.11 to 4.19 over IPv6 without flow label',
  zmap: 'Linux without DF or zmap 4.1 or newer (linux probe)',
  lwip: 'lwIP',
  cisco: 'Cisco IOS',
} as const

const VERDICTS: readonly (readonly [label: string, userAgent: string, verdict: 'match' | 'mismatch' | 'unknown'])[] = [
  [LABELS.linux, LINUX, 'match'],
  [LABELS.linux, ANDROID, 'match'],
  [LABELS.linux, CHROME_OS, 'match'],
  [LABELS.linux, WINDOWS, 'mismatch'],
  [LABELS.linux, MAC, 'mismatch'],
  [LABELS.linux, IPHONE, 'mismatch'],
  [LABELS.linux, 'curl/8.5.0', 'unknown'],
  [LABELS.linux, '', 'unknown'],
  [LABELS.tuned, ANDROID, 'match'],
  [LABELS.tuned, LINUX, 'match'],
  [LABELS.tuned, CHROME_OS, 'match'],
  [LABELS.tuned, WINDOWS, 'mismatch'],
  [LABELS.windows, WINDOWS, 'match'],
  [LABELS.windows, ANDROID, 'mismatch'],
  [LABELS.windows, LINUX, 'mismatch'],
  [LABELS.windows, MAC, 'mismatch'],
  [LABELS.apple, MAC, 'match'],
  [LABELS.apple, IPHONE, 'match'],
  [LABELS.apple, WINDOWS, 'mismatch'],
  [LABELS.apple, ANDROID, 'mismatch'],
  [LABELS.freebsd, 'Mozilla/5.0 (X11; FreeBSD amd64; rv:128.0) Gecko/20100101 Firefox/128.0', 'match'],
  [LABELS.freebsd, LINUX, 'mismatch'],
  // a stack inside a program hides the system
  [LABELS.gvisor, WINDOWS, 'unknown'],
  [LABELS.gvisor, ANDROID, 'unknown'],
  [LABELS.either, LINUX, 'match'],
  [LABELS.either, WINDOWS, 'unknown'],
  [LABELS.zmap, ANDROID, 'match'],
  [LABELS.zmap, WINDOWS, 'mismatch'],
  // a device or a router may stand between
  [LABELS.lwip, ANDROID, 'unknown'],
  [LABELS.cisco, IPHONE, 'unknown'],
  ['A name that tells no family', WINDOWS, 'unknown'],
]

test('compareWithUserAgent: match, mismatch or unknown', () => {
  for (const [name, userAgent, verdict] of VERDICTS) {
    const comparison = compareWithUserAgent({ name, kind: 'os' }, { 'user-agent': userAgent })
    expect([name, userAgent, comparison.verdict]).toEqual([name, userAgent, verdict])
  }
})

test('compareWithUserAgent names both families', () => {
  expect(compareWithUserAgent({ name: LABELS.linux, kind: 'os' }, { 'user-agent': WINDOWS })).toEqual({
    verdict: 'mismatch',
    stack: 'linux',
    userAgent: 'windows',
  })
  expect(compareWithUserAgent({ name: LABELS.tuned, kind: 'os' }, { 'user-agent': ANDROID })).toEqual({
    verdict: 'match',
    stack: 'linux',
    userAgent: 'android',
  })
  expect(compareWithUserAgent({ name: LABELS.zmap, kind: 'os' }, { 'user-agent': LINUX })).toEqual({
    verdict: 'match',
    stack: 'linux',
    userAgent: 'linux',
  })
  expect(compareWithUserAgent({ name: LABELS.apple, kind: 'os' }, { 'user-agent': 'curl/8' })).toEqual({
    verdict: 'unknown',
    stack: 'apple',
    userAgent: undefined,
  })
})

/** What the stack's family (rows) says against the system of the headers (columns): match, mismatch (x) or unknown (?). */
const PAIRS = `
            windows android apple chromeos linux bsd
  linux     x       =       x     =        =     x
  windows   =       x       x     x        x     x
  apple     x       x       =     x        x     x
  bsd       x       x       x     x        x     =
  userspace ?       ?       ?     ?        ?     ?
  embedded  ?       ?       ?     ?        ?     ?
  network   ?       ?       ?     ?        ?     ?
  relay     ?       ?       ?     ?        ?     ?
  tool      x       x       x     x        x     x
`

test('compareWithUserAgent: every pair of families', () => {
  const [head, ...rows] = PAIRS.trim()
    .split('\n')
    .map((line) => line.trim().split(/\s+/))
  const browsers = [WINDOWS, ANDROID, MAC, CHROME_OS, LINUX, 'Mozilla/5.0 (X11; FreeBSD amd64) Firefox/128.0']
  const verdicts = { '=': 'match', x: 'mismatch', '?': 'unknown' } as const
  for (const [stack, ...marks] of rows) {
    for (const [i, mark] of marks.entries()) {
      const label = { name: 'Some name', kind: stack === 'tool' ? 'app' : 'os', family: stack! } as const
      const { verdict } = compareWithUserAgent(label, { 'user-agent': browsers[i]! })
      expect([stack, head![i], verdict]).toEqual([stack, head![i], verdicts[mark as keyof typeof verdicts]])
    }
  }
})

test('compareWithUserAgent: labels of the database agree with their own system, those of relays and devices contradict none', () => {
  const browsers = {
    windows: WINDOWS,
    android: ANDROID,
    apple: MAC,
    linux: LINUX,
    bsd: 'Mozilla/5.0 (X11; FreeBSD amd64)',
  }
  const between = new Set(['userspace', 'embedded', 'network', 'relay'])
  let contradictions = 0
  for (const { name, family: stated, kin } of defaultDatabase().labels) {
    const label = { name, family: kin, kind: stated === undefined ? 'app' : 'os' } as const
    for (const [system, userAgent] of Object.entries(browsers)) {
      const { verdict } = compareWithUserAgent(label, { 'user-agent': userAgent })
      const what = `${name}, ${system}: ${verdict}`
      if (between.has(kin) || /PlayStation|Nintendo|gateway/.test(name)) expect(what).not.toContain(': mismatch')
      if (system === kin) expect(what).toBe(`${name}, ${system}: match`)
      if (kin === 'tool') expect(what).toBe(`${name}, ${system}: mismatch`)
      if (verdict === 'mismatch') contradictions += 1
    }
  }
  expect(contradictions).toBeGreaterThan(100)
})

test('compareWithUserAgent: a label that names a relay beside a system contradicts none', () => {
  const label = { name: 'FreeBSD or a relay', kind: 'os', family: 'relay' } as const
  expect(compareWithUserAgent(label, { 'user-agent': WINDOWS }).verdict).toBe('unknown')
  expect(compareWithUserAgent(label, { 'user-agent': 'Mozilla/5.0 (X11; FreeBSD amd64)' }).verdict).toBe('match')
})

test('compareWithUserAgent: a tool contradicts every browser, says nothing against tools', () => {
  const nmap = { name: 'nmap SYN scan', kind: 'app' } as const
  for (const userAgent of [WINDOWS, MAC, IPHONE, ANDROID, LINUX, CHROME_OS]) {
    expect(compareWithUserAgent(nmap, { 'user-agent': userAgent })).toMatchObject({
      verdict: 'mismatch',
      stack: 'tool',
    })
  }
  expect(compareWithUserAgent(nmap, { 'user-agent': 'Mozilla/5.0 zgrab/0.x' }).verdict).toBe('unknown')
  // the kind decides, whatever the name
  expect(compareWithUserAgent({ name: 'Linux something', kind: 'app' }, { 'user-agent': LINUX }).verdict).toBe(
    'mismatch',
  )
})

test('compareWithUserAgent without a label or a name is unknown', () => {
  expect(compareWithUserAgent(undefined, { 'user-agent': WINDOWS })).toEqual({
    verdict: 'unknown',
    stack: undefined,
    userAgent: 'windows',
  })
  expect(compareWithUserAgent({}, { 'user-agent': WINDOWS }).verdict).toBe('unknown')
})

test('family knows the names of other databases', () => {
  const names: readonly (readonly [string, string | undefined])[] = [
    ['Linux 3.11 and newer', 'linux'],
    ['Linux (Android)', 'android'],
    ['Linux 2.2.x-3.x (barebone)', 'linux'],
    ['Windows XP', 'windows'],
    ['Windows NT kernel 5.x', 'windows'],
    ['Mac OS X 10.x', 'apple'],
    ['MacOS X 10.9 or newer (sometimes iPhone or iPad)', 'apple'],
    ['iOS iPhone or iPad', 'apple'],
    ['Cisco IOS', 'network'],
    ['TCP ends at a middlebox or relay (load balancer, VPN exit, carrier proxy)', 'relay'],
    ['FreeBSD 8.x', 'bsd'],
    ['OpenBSD 3.x', 'bsd'],
    ['NetBSD', 'bsd'],
    ['Solaris 10', 'unix'],
    ['HP-UX 11.x', 'unix'],
    ['Chrome OS', 'chromeos'],
    ['Nintendo Wii', 'embedded'],
    ['Darwin', 'apple'],
    ['Twinkle', undefined],
    ['', undefined],
  ]
  for (const [name, expected] of names) expect([name, family({ name, kind: 'os' })]).toEqual([name, expected as never])
  expect(family({ name: 'NMap SYN scan', kind: 'app' })).toBe('tool')
  expect(family(undefined)).toBeUndefined()
  expect(families(undefined)).toEqual([])
  expect([...families({ name: LABELS.tuned })].sort()).toEqual(['android', 'linux'])
})

test('isSameStack holds for Linux and what is built on it, and for equals', () => {
  expect(isSameStack('linux', 'android')).toBe(true)
  expect(isSameStack('android', 'chromeos')).toBe(true)
  expect(isSameStack('apple', 'apple')).toBe(true)
  expect(isSameStack('apple', 'bsd')).toBe(false)
  expect(isSameStack('windows', 'linux')).toBe(false)
})
