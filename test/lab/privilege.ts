/**
 * Says what the tests of real sockets need, and what happens where it is missing: the tests are skipped with the reason
 * printed and in their name, or fail when `CI=true`.
 *
 * @example
 * const net = needs('netns', 'tun')
 * net.describe('handshake RTT', () => {
 *   test('is the delay of the ACK', async () => { ... })
 * })
 * @module
 */
import { describe, test } from 'bun:test'
import { existsSync } from 'node:fs'
import { C, close, ioctl, open, setns } from './libc.ts'

const PROGRAMS = {
  ip: 'iproute2',
  git: 'git',
  apache2: 'apache2',
  'php-cgi': 'php-cgi',
  nginx: 'nginx',
  haproxy: 'haproxy',
  p0f: 'p0f',
  tcpdump: 'tcpdump',
  tshark: 'tshark',
  chromium: 'chromium',
  curl: 'curl',
  'fail2ban-regex': 'fail2ban',
  goaccess: 'goaccess',
  lnav: 'lnav',
  logrotate: 'logrotate',
  awstats: 'awstats',
  openssl: 'openssl',
  python3: 'python3',
  script: 'bsdutils',
  sqlite3: 'sqlite3',
  nft: 'nftables',
  caddy: 'caddy',
  tc: 'iproute2',
  ss: 'iproute2',
  kcat: 'kcat',
} as const

/** Debian packages of these programs. */
export const PACKAGES: readonly string[] = Object.values(PROGRAMS)

/** A program from a Debian package, or a right over the machine. */
export type Need = 'linux' | 'netns' | 'tun' | 'raw' | 'ipv6' | keyof typeof PROGRAMS

function findProgram(name: string): string | null {
  return Bun.which(name, { PATH: `${process.env.PATH ?? ''}:/usr/sbin:/sbin:/usr/local/sbin` })
}

function reasonFrom(attempt: () => void): string | undefined {
  try {
    attempt()
    return undefined
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  }
}

function probe(need: Need): string | undefined {
  if (process.platform !== 'linux') return `"${need}" needs Linux, this is ${process.platform}`
  switch (need) {
    case 'linux':
      return undefined
    case 'netns': {
      const noProgram = missing('ip')
      if (noProgram !== undefined) return noProgram
      // Entering the namespace we are in already needs the same right (CAP_SYS_ADMIN) as entering another one.
      return reasonFrom(() => {
        const fd = open('/proc/thread-self/ns/net', C.O_RDONLY | C.O_CLOEXEC)
        try {
          setns(fd, C.CLONE_NEWNET)
        } finally {
          close(fd)
        }
        const made = Bun.spawnSync([findProgram('ip')!, 'netns', 'add', `tcpfp-${process.pid}-probe`])
        if (made.exitCode !== 0) throw new Error(`Cannot make a network namespace: ${made.stderr.toString().trim()}`)
        Bun.spawnSync([findProgram('ip')!, 'netns', 'del', `tcpfp-${process.pid}-probe`])
      })
    }
    case 'tun':
      return reasonFrom(() => {
        const fd = open('/dev/net/tun', C.O_RDWR | C.O_CLOEXEC)
        try {
          const request = new Uint8Array(new ArrayBuffer(40))
          new DataView(request.buffer).setUint16(16, C.IFF_TUN | C.IFF_NO_PI, true)
          ioctl(fd, C.TUNSETIFF, request, 'make a TUN device')
        } finally {
          close(fd)
        }
      })
    case 'raw':
      return process.getuid?.() === 0 ? undefined : 'raw sockets need root'
    case 'ipv6':
      return existsSync('/proc/net/if_inet6') ? undefined : 'this kernel has no IPv6'
    default:
      return findProgram(need) === null ? `"${need}" is not installed (Debian package ${PROGRAMS[need]})` : undefined
  }
}

const known = new Map<Need, string | undefined>()
/** Why `need` is not there, in words; `undefined` when it is. Found out once per process. */
export function missing(need: Need): string | undefined {
  if (!known.has(need)) known.set(need, probe(need))
  return known.get(need)
}

/** Path of a program, also from the `sbin` directories. @throws {Error} when it is not installed */
export function program(name: keyof typeof PROGRAMS): string {
  const path = findProgram(name)
  if (path === null) throw new Error(`Cannot find "${name}": install the Debian package ${PROGRAMS[name]}`)
  return path
}

/** `describe` and `test` of bun:test that run only where everything needed is there. */
export interface Guarded {
  readonly available: boolean
  /** Everything that is missing, in words. */
  readonly reason: string | undefined
  /** As `describe`. Skipped: the name says why. With `CI=true`: one failing test in its place. */
  describe(name: string, body: () => void): void
  /** As `test`. */
  test(name: string, body: () => void | Promise<void>, timeoutMilliseconds?: number): void
}

/** A condition of the caller's own: `reason` says what is missing, `undefined` that nothing is. */
export interface OwnNeed {
  readonly reason: string | undefined
}

const printed = new Set<string>()

/** Looks for what the tests need; see the example above. */
export function needs(...list: readonly (Need | OwnNeed)[]): Guarded {
  const reasons = list
    .map((need) => (typeof need === 'string' ? missing(need) : need.reason))
    .filter((reason) => reason !== undefined)
  const reason = reasons.length === 0 ? undefined : reasons.join('; ')
  const must = process.env.CI === 'true' || process.env.CI === '1'
  const refuse = (name: string): void => {
    if (must) {
      test(name, () => {
        throw new Error(`CI must run this test, and cannot: ${reason}`)
      })
      return
    }
    if (!printed.has(reason ?? '')) {
      printed.add(reason ?? '')
      console.warn(`skipping tests: ${reason}`)
    }
    test.skip(`${name} [skipped: ${reason}]`, () => {})
  }
  return {
    available: reason === undefined,
    reason,
    describe(name, body) {
      if (reason === undefined) describe(name, body)
      else refuse(name)
    },
    test(name, body, timeoutMilliseconds) {
      if (reason === undefined) test(name, body, timeoutMilliseconds)
      else refuse(name)
    },
  }
}
