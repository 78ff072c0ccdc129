/**
 * The checks of `tcpfingerprint doctor`: each a finding and, where something is wrong, what to change.
 * @module
 */
import {
  AF_INET,
  errnoName,
  IN_CLOEXEC,
  IN_CLOSE_NOWRITE,
  IN_CLOSE_WRITE,
  IN_NONBLOCK,
  SOCK_CLOEXEC,
  SOCK_STREAM,
} from '../../ffi/constants.ts'
import { cString, isLibc, type Libc, type LibcUnavailable } from '../../ffi/libc.ts'
import { SockDiag } from '../../ffi/sock-diag.ts'
import { toError } from '../base/report-once.ts'
import { formatEndpoint } from '../base/text.ts'
import type { Reason } from '../connection/connection.ts'
import { REASON, type ReasonWords } from '../explain/missing.ts'
import { PROVENANCE } from '../explain/timing.ts'
import { duration } from '../explain/units.ts'
import { currentRuntime } from '../runtime/current.ts'
import { STATE } from '../wire/tcp-info.ts'
import type { Finding, Verdict } from './finding.ts'
import { type Loopback, type LoopbackResult, loopbackTest } from './loopback-test.ts'
import { isAllowed, kernelRelease, readText } from './machine.ts'
import { foreignListeners, waitsForData } from './other-servers.ts'
import { PROXIES, packets, proxies } from './packets.ts'

/** What the doctor is to look at besides this process. */
export interface CheckOptions {
  /** Listeners on this port are looked at, whatever program has them. */
  readonly port?: number | undefined
}

const ok = (name: string, found: string): Finding => ({ name, status: 'ok', found })
const degraded = (name: string, found: string, remedy: string): Finding => ({ name, status: 'degraded', found, remedy })
const failing = (name: string, found: string, remedy: string): Finding => ({ name, status: 'failing', found, remedy })

const DENO_ALL =
  'Run the doctor with "deno run -A": Deno shows /proc only with every permission. The library itself does not need it'

function unseen(name: string, what: string): Finding {
  return degraded(
    name,
    `${what} cannot be read`,
    currentRuntime().name === 'deno' ? DENO_ALL : 'Mount /proc, and do not hide its files from this user',
  )
}

function kernel(): Finding {
  const release = kernelRelease()
  if (currentRuntime().platform !== 'linux') {
    return failing(
      'kernel',
      `this is ${currentRuntime().platform}: only Linux keeps SYNs`,
      'Run the server on Linux; decoding works everywhere',
    )
  }
  if (release === undefined)
    return degraded('kernel', 'its version is not told', 'Give Deno --allow-sys=osRelease to be told')
  const [major = 0, minor = 0] = release.split('.').map(Number)
  const version = major * 1000 + minor
  if (version < 4012) {
    return failing(
      'kernel',
      `Linux ${release} does not tell sockets apart (SO_COOKIE)${version < 4002 ? ' and does not keep SYNs' : ''}`,
      'Update to Linux 4.12 or newer (4.19 for all facts)',
    )
  }
  if (version < 4019) {
    return degraded(
      'kernel',
      `Linux ${release} keeps SYNs, but its TCP_INFO is short`,
      'Update to Linux 4.19 or newer, for timing facts of every kind',
    )
  }
  return ok('kernel', `Linux ${release} keeps SYNs and counts what timing facts need`)
}

function isBefore(version: string, major: number, minor: number): boolean {
  const [first = 0, second = 0] = version.split('.').map(Number)
  return first < major || (first === major && second < minor)
}

function runtimeOf(): Finding {
  const { name, version } = currentRuntime()
  if (name === 'node') {
    if (!isAllowed('net'))
      return failing('runtime', `Node ${version} runs without --allow-net`, 'Start Node with --allow-net')
    // Before, no channel tells of listeners, and there is no process.getBuiltinModule.
    return isBefore(version, 20, 16) || (!isBefore(version, 21, 0) && isBefore(version, 22, 3))
      ? degraded('runtime', `Node ${version} is older than what is tested`, 'Update to Node 20.16, 22.3 or newer')
      : ok('runtime', `Node ${version}`)
  }
  if (name === 'bun') {
    // Before, of several header lines only the last is shown, and a signal may be lost with one of its listeners.
    return isBefore(version, 1, 4)
      ? degraded('runtime', `Bun ${version} is older than what is tested`, 'Update to Bun 1.4 or newer')
      : ok('runtime', `Bun ${version}`)
  }
  const missing = (['ffi', 'net'] as const).filter((one) => !isAllowed(one)).map((one) => `--allow-${one}`)
  return missing.length > 0
    ? failing('runtime', `Deno ${version} runs without ${missing.join(' and ')}`, `Start it with ${missing.join(' ')}`)
    : ok('runtime', `Deno ${version} with --allow-ffi and --allow-net`)
}

function libcOf(libc: Libc | LibcUnavailable): Finding {
  if (isLibc(libc)) return ok('libc', 'opened, with every call that is needed')
  return failing(
    'libc',
    libc.message,
    libc.reason === 'denied'
      ? currentRuntime().name === 'node'
        ? 'Start Node with --allow-ffi, or --allow-addons for koffi'
        : 'Start Deno with --allow-ffi'
      : currentRuntime().name === 'node'
        ? 'Install koffi ("npm install koffi"), or update to Node 26.9 or newer; for a server on Bun, ask on Bun: bunx --bun tcpfingerprint doctor'
        : 'Use a runtime built for this system: glibc or musl on x86-64 or arm64',
  )
}

/** Opens inotify and watches a socket, as the library does with connections that stay open. */
function inotify(libc: Libc): Finding {
  const what = 'Without it each request is verified by a system call of its own: right all the same, a little slower'
  const refused = (action: string, errno: number, remedy: string): Finding =>
    degraded('inotify', `${action} refused with ${errnoName(errno)}. ${what}`, remedy)
  const fd = libc.inotify_init1(IN_CLOEXEC | IN_NONBLOCK)
  if (fd < 0) {
    return refused(
      'it is',
      libc.errno(),
      'Raise fs.inotify.max_user_instances and user.max_inotify_instances (sysctl), or allow the calls in the seccomp profile',
    )
  }
  const socket = libc.socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)
  try {
    if (socket < 0) return refused('a socket to watch is', libc.errno(), 'See "descriptors"')
    const watch = libc.inotify_add_watch(fd, cString(`/proc/self/fd/${socket}`), IN_CLOSE_WRITE | IN_CLOSE_NOWRITE)
    return watch < 0
      ? refused(
          'a watch is',
          libc.errno(),
          'Mount /proc, and raise fs.inotify.max_user_watches and user.max_inotify_watches (sysctl)',
        )
      : ok('inotify', 'tells when connections close')
  } finally {
    if (socket >= 0) libc.close(socket)
    libc.close(fd)
  }
}

/** Asks sock_diag for one listener, as the library asks for connections with the same peer. */
function sockDiag(libc: Libc): Finding {
  const diag = new SockDiag(libc)
  try {
    const end = diag.dump({ states: [STATE.LISTEN] }, 1, () => false)
    if (typeof end === 'string' && end !== 'refused')
      return ok('sock_diag', 'tells connections with the same peer apart')
    const why = end === 'refused' ? end : `refused with ${errnoName(end.errno)}`
    return degraded(
      'sock_diag',
      `${why}. Without it all sockets of the process are looked at for a second one with the same peer, and more requests are "ambiguous"`,
      'Allow AF_NETLINK sockets (RestrictAddressFamilies= in systemd, the seccomp profile), and build the kernel with INET_DIAG',
    )
  } finally {
    diag.close()
  }
}

function descriptors(): Finding {
  const line = /^Max open files\s+(\d+|unlimited)\s/m.exec(readText('/proc/self/limits') ?? '')?.[1]
  if (line === undefined) return unseen('descriptors', 'The limit of open files')
  if (line !== 'unlimited' && Number(line) < 4096) {
    return degraded(
      'descriptors',
      `${line} open files: as many connections at most, less what else is open`,
      'Raise it: "ulimit -n 65536" in a shell, LimitNOFILE=65536 in systemd, --ulimit nofile=65536 in Docker',
    )
  }
  return ok('descriptors', `${line} open files`)
}

function synCookies(): Finding {
  const value = readText('/proc/sys/net/ipv4/tcp_syncookies')
  if (value === undefined) return unseen('syn-cookies', 'net.ipv4.tcp_syncookies')
  if (value === '2') {
    return failing(
      'syn-cookies',
      'net.ipv4.tcp_syncookies is 2: every SYN is answered with a cookie, and none is kept',
      'sysctl -w net.ipv4.tcp_syncookies=1: cookies only in a flood',
    )
  }
  return ok(
    'syn-cookies',
    value === '0'
      ? 'net.ipv4.tcp_syncookies is 0: never; in a flood connections are lost instead'
      : `net.ipv4.tcp_syncookies is ${value}: only in a flood; connections that come in one have no SYN`,
  )
}

/** A reason in words, where there is libc. That this process may call it was checked. */
function wordsOf(reason: Reason = 'not-saved'): ReasonWords {
  if (reason !== 'unsupported' && reason !== 'denied') return REASON[reason]
  return {
    why: 'The kernel or a sandbox refuses the calls',
    remedy:
      'Allow getsockopt and setsockopt in the seccomp profile; use a kernel of 4.12 or newer, and a plain TCP listener instead of an MPTCP one',
  }
}

function saveSyn({ listener }: LoopbackResult): Finding {
  if (listener?.saveSyn === true) return ok('TCP_SAVE_SYN', 'set on a listener of this process')
  const { why, remedy } = wordsOf(listener?.reason)
  return failing('TCP_SAVE_SYN', `not set on a listener of this process. ${why}`, remedy)
}

function deferAccept({ listener }: LoopbackResult): Finding {
  const seconds = listener?.deferAccept ?? 0
  if (seconds === 0)
    return ok('TCP_DEFER_ACCEPT', 'off on a listener of this process: the handshake\u2019s RTT is its own')
  return degraded(
    'TCP_DEFER_ACCEPT',
    `${seconds} s on a listener of this process: the handshake ends with the first data, and its RTT holds the client\u2019s own wait`,
    'Leave the option deferAccept of fingerprint() at "clear"; if the kernel refuses, allow setsockopt(TCP_DEFER_ACCEPT) in the seccomp profile',
  )
}

/** What a test connection on loopback gave. */
async function connection(
  name: string,
  address: Loopback,
  hasLibc: boolean,
): Promise<{ finding: Finding; result?: LoopbackResult }> {
  let result: LoopbackResult
  try {
    result = await loopbackTest(address)
  } catch (error) {
    const message = toError(error).message
    const remedy =
      address === '::1'
        ? 'Turn IPv6 on (net.ipv6.conf.lo.disable_ipv6=0), if clients use it'
        : 'Bring the loopback device up: "ip link set lo up"'
    const finding = address === '::1' ? degraded : failing
    return { finding: finding(name, `no test connection: ${message}`, remedy) }
  }
  const { fingerprint, clientPort } = result
  const { syn, reason, timing } = fingerprint
  if (syn === undefined) {
    const { why, remedy } = hasLibc ? wordsOf(reason) : { why: 'Libc was not opened', remedy: 'See "libc"' }
    return {
      finding: failing(name, `the test connection has no SYN (${reason ?? 'turned off'}). ${why}`, remedy),
      result,
    }
  }
  if (syn.tcp.sourcePort !== clientPort) {
    return {
      finding: failing(
        name,
        `the SYN is of another connection (port ${syn.tcp.sourcePort} instead of ${clientPort})`,
        'Report it: this must not happen',
      ),
      result,
    }
  }
  const rtt = timing.handshakeRtt
  const octets = `a SYN of ${syn.bytes.length} octets was captured`
  if (rtt === undefined)
    return {
      finding: degraded(name, `${octets}, without a handshake RTT`, 'See "kernel" and "TCP_DEFER_ACCEPT"'),
      result,
    }
  const words = `${octets}; handshake RTT ${duration(rtt.microseconds)}, ${PROVENANCE[rtt.provenance]}`
  return {
    finding:
      rtt.provenance === 'deferred' || rtt.provenance === 'cookie'
        ? degraded(name, words, 'See "TCP_DEFER_ACCEPT" and "syn-cookies"')
        : ok(name, words),
    result,
  }
}

/** Servers that run already: each is connected to once, and sent nothing. */
async function servers(port: number | undefined): Promise<Finding[]> {
  const listeners = foreignListeners(port)
  if (listeners === undefined) return [unseen('servers', 'The list of listeners')]
  if (listeners.length === 0) {
    return port === undefined
      ? []
      : [failing('server', `nothing listens on port ${port}`, 'Start the server, then ask again')]
  }
  return Promise.all(
    listeners.slice(0, 32).map(async (listener) => {
      const { address, process: owner } = listener
      const place = formatEndpoint(address, listener.port)
      const who = owner === undefined ? place : `${place} (${owner.name}, process ${owner.id})`
      const waits = await waitsForData(listener)
      if (waits === undefined)
        return degraded('server', `${who} cannot be reached`, 'Look at its firewall and at its queue')
      return waits
        ? degraded(
            'server',
            `${who} accepts only when data has come (TCP_DEFER_ACCEPT): handshake RTTs hold the client\u2019s own wait`,
            'Use fingerprint() with deferAccept "clear" (the default), or call its arm() as soon as the server listens; in other programs turn deferred accept off',
          )
        : ok('server', `${who} accepts when the handshake ends`)
    }),
  )
}

function openLibc(): Libc | LibcUnavailable {
  return currentRuntime().openLibc()
}

/** Runs every check, and hands over each finding when it is there. The worst of them. */
export async function examine(options: CheckOptions, report: (finding: Finding) => void): Promise<Verdict> {
  let worst: Verdict = 'ok'
  const tell = (finding: Finding): void => {
    if (finding.status === 'failing' || (finding.status === 'degraded' && worst === 'ok')) worst = finding.status
    report(finding)
  }
  tell(kernel())
  const host = runtimeOf()
  tell(host)
  if (currentRuntime().platform !== 'linux') return worst
  tell(synCookies())
  tell(descriptors())
  const libc = openLibc()
  tell(libcOf(libc))
  if (isLibc(libc)) {
    // Node names the socket of a request: neither is asked for.
    if (currentRuntime().name !== 'node') {
      tell(inotify(libc))
      tell(sockDiag(libc))
    }
    tell(packets(libc))
  }
  if (isAllowed('net')) {
    const first = await connection('ipv4', '127.0.0.1', isLibc(libc))
    if (first.result !== undefined && isLibc(libc)) {
      tell(saveSyn(first.result))
      tell(deferAccept(first.result))
    }
    tell(first.finding)
    tell((await connection('ipv6', '::1', isLibc(libc))).finding)
    for (const finding of await servers(options.port)) tell(finding)
    for (const finding of proxies(foreignListeners(options.port, PROXIES) ?? [])) tell(finding)
  }
  return worst
}
