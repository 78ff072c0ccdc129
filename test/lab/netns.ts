/**
 * Network namespaces for tests: made with a name of this process, deleted on close, on exit, and, where a killed run
 * left one behind, by the next run.
 *
 * @example
 * await using ns = createNetns({ sysctl: { 'net.ipv4.tcp_syncookies': 2 } })
 * const server = ns.run(() => Bun.listen({ hostname: '127.0.0.1', port: 0, socket: { data() {} } }))
 * ns.exec(['ip', 'addr'])
 * @module
 */
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { atEnd } from '../support/temporary.ts'
import { C, close, open, setns } from './libc.ts'
import { program } from './privilege.ts'

const DIRECTORY = '/run/netns'
const PREFIX = 'tcpfp-'

/** What a command in a namespace gave. */
export interface ExecResult {
  readonly exitCode: number
  readonly stdout: string
  readonly stderr: string
}

/** A network namespace of its own. */
export interface Netns {
  readonly name: string
  /**
   * Runs `body` with this thread inside the namespace: sockets, listeners and TUN devices made in it stay there.
   *
   * `body` must be synchronous (`TypeError` for a promise). `Bun.serve` and `Bun.listen` open their listener at once, so
   * `ns.run(() => Bun.serve(...))` serves in the namespace from this very process; `fetch` does not work that way.
   */
  run<T>(body: () => T): T
  /** Sets a sysctl, e.g. `setSysctl('net.ipv4.tcp_ecn', 3)`. Throws when the kernel refuses the value. */
  setSysctl(name: string, value: number | string): void
  /** Reads a sysctl, without the line end. */
  getSysctl(name: string): string
  /** `ip -n NAME ...words`. @throws {Error} with what `ip` said */
  ip(...words: readonly string[]): string
  /** Runs a command inside and waits for it. Throws only when it cannot be started. */
  exec(argv: readonly string[], env?: Readonly<Record<string, string>>): ExecResult
  /** Starts a command inside; the process id is the command's own. Killed and waited for by `close` at the latest. */
  spawn(argv: readonly string[], env?: Readonly<Record<string, string | undefined>>, cwd?: string): NetnsProcess
  /** Runs `action` before the namespace goes, the last registered first. */
  onClose(action: () => void | Promise<void>): void
  /** Ends what was started inside and deletes the namespace. A second call does nothing. */
  close(): Promise<void>
  [Symbol.asyncDispose](): Promise<void>
}

/** A command running in a namespace, its output piped. */
export type NetnsProcess = Bun.Subprocess<'ignore', 'pipe', 'pipe'>

/** How to make a namespace. */
export interface NetnsOptions {
  /** Set right after creation, e.g. `{ 'net.ipv4.tcp_synack_retries': 2 }`. */
  readonly sysctl?: Readonly<Record<string, number | string>>
}

const alive = new Set<{ readonly name: string; readonly processes: ReadonlySet<NetnsProcess> }>()
let counter = 0
let watching = false

function deleteNamespace(name: string): string | undefined {
  const done = Bun.spawnSync([program('ip'), 'netns', 'del', name])
  return done.exitCode === 0 ? undefined : done.stderr.toString().trim()
}

/** Ends what runs in a namespace, the children of what was started there too: a server's workers outlive it. */
function endProcesses(name: string): void {
  for (const line of Bun.spawnSync([program('ip'), 'netns', 'pids', name])
    .stdout.toString()
    .split('\n')) {
    const pid = Number(line)
    try {
      if (pid > 0 && pid !== process.pid) process.kill(pid, 'SIGKILL')
    } catch {
      // It has ended by itself.
    }
  }
}

/** Ends and deletes everything this process still has; synchronous, for the way out. */
function abandonAll(): void {
  for (const { name, processes } of alive) {
    // What was started a moment ago is not in the namespace yet.
    for (const child of processes) child.kill('SIGKILL')
    endProcesses(name)
    deleteNamespace(name)
  }
  alive.clear()
}

/** Deletes namespaces of this library whose process is gone, and ends what still runs in them. */
function sweepStale(): void {
  if (!existsSync(DIRECTORY)) return
  for (const name of readdirSync(DIRECTORY)) {
    if (!name.startsWith(PREFIX)) continue
    const pid = Number(name.slice(PREFIX.length).split('-')[0])
    if (!Number.isInteger(pid) || pid <= 0 || existsSync(`/proc/${pid}`)) continue
    endProcesses(name)
    deleteNamespace(name)
  }
}

function watchExit(): void {
  atEnd(abandonAll)
  if (watching) return
  watching = true
  sweepStale()
  process.on('exit', abandonAll)
  for (const [signal, code] of [
    ['SIGINT', 130],
    ['SIGTERM', 143],
    ['SIGHUP', 129],
  ] as const) {
    process.once(signal, () => {
      abandonAll()
      process.exit(code)
    })
  }
}

function sysctlPath(name: string): string {
  return `/proc/sys/${name.replaceAll('.', '/')}`
}

/**
 * Makes a namespace with the loopback device up and router solicitation off.
 *
 * Needs root (CAP_SYS_ADMIN) and iproute2: guard the test with `needs('netns')`.
 * @throws {Error} with what `ip` or the kernel said
 */
export function createNetns(options: NetnsOptions = {}): Netns {
  watchExit()
  const name = `${PREFIX}${process.pid}-${(counter += 1)}`
  const made = Bun.spawnSync([program('ip'), 'netns', 'add', name])
  if (made.exitCode !== 0)
    throw new Error(`Cannot make the network namespace "${name}": ${made.stderr.toString().trim()}`)
  const processes = new Set<NetnsProcess>()
  const record = { name, processes }
  alive.add(record)
  const closers: (() => void | Promise<void>)[] = []
  let closing: Promise<void> | undefined
  const inside = open(`${DIRECTORY}/${name}`, C.O_RDONLY | C.O_CLOEXEC)
  const ns: Netns = {
    name,
    run(body) {
      if (closing !== undefined) throw new Error(`Cannot enter "${name}": it is closed`)
      const outside = open('/proc/thread-self/ns/net', C.O_RDONLY | C.O_CLOEXEC)
      try {
        setns(inside, C.CLONE_NEWNET)
        try {
          const result = body()
          if (result instanceof Promise)
            throw new TypeError('Cannot run an async function in a namespace: the thread leaves it')
          return result
        } finally {
          setns(outside, C.CLONE_NEWNET)
        }
      } finally {
        close(outside)
      }
    },
    setSysctl(key, value) {
      try {
        ns.run(() => writeFileSync(sysctlPath(key), String(value)))
      } catch (error) {
        throw new Error(`Cannot set ${key} to "${value}" in "${name}": ${(error as Error).message}`)
      }
    },
    getSysctl(key) {
      return ns.run(() => readFileSync(sysctlPath(key), 'utf8')).trim()
    },
    ip(...words) {
      const done = Bun.spawnSync([program('ip'), '-n', name, ...words])
      if (done.exitCode !== 0) throw new Error(`Cannot run "ip ${words.join(' ')}": ${done.stderr.toString().trim()}`)
      return done.stdout.toString()
    },
    exec(argv, env) {
      const done = Bun.spawnSync([program('ip'), 'netns', 'exec', name, ...argv], {
        env: { ...process.env, ...env },
        stdin: 'ignore',
      })
      return { exitCode: done.exitCode, stdout: done.stdout.toString(), stderr: done.stderr.toString() }
    },
    spawn(argv, env, cwd) {
      // `ip netns exec` becomes the command by execve, so that the process id stays the same.
      const child = Bun.spawn([program('ip'), 'netns', 'exec', name, ...argv], {
        env: { ...process.env, ...env },
        ...(cwd === undefined ? {} : { cwd }),
        stdin: 'ignore',
        stdout: 'pipe',
        stderr: 'pipe',
      })
      processes.add(child)
      child.exited.then(() => processes.delete(child))
      return child
    },
    onClose(action) {
      closers.push(action)
    },
    close() {
      closing ??= (async () => {
        const failures: unknown[] = []
        for (const action of closers.reverse()) {
          try {
            await action()
          } catch (error) {
            failures.push(error)
          }
        }
        const left = [...processes]
        for (const child of left) child.kill('SIGKILL')
        endProcesses(name)
        await Promise.all(left.map((child) => child.exited))
        close(inside)
        const refused = deleteNamespace(name)
        alive.delete(record)
        if (refused !== undefined) failures.push(new Error(`Cannot delete the network namespace "${name}": ${refused}`))
        if (failures.length > 0) throw failures[0]
      })()
      return closing
    },
    [Symbol.asyncDispose]: () => ns.close(),
  }
  try {
    ns.ip('link', 'set', 'lo', 'up')
    for (const scope of ['all', 'default']) {
      ns.setSysctl(`net.ipv4.conf.${scope}.rp_filter`, 0)
      if (!existsSync('/proc/sys/net/ipv6')) continue
      ns.setSysctl(`net.ipv6.conf.${scope}.accept_dad`, 0)
      ns.setSysctl(`net.ipv6.conf.${scope}.router_solicitations`, 0)
    }
    // Every test starts from the kernel's own defaults, whatever the machine is set to.
    for (const [key, value] of Object.entries({ 'net.ipv4.tcp_syncookies': 1, ...options.sysctl }))
      ns.setSysctl(key, value)
  } catch (error) {
    close(inside)
    deleteNamespace(name)
    alive.delete(record)
    throw error
  }
  return ns
}

/** Makes a namespace for `body` alone and deletes it whatever happens. */
export async function withNetns<T>(body: (ns: Netns) => T | Promise<T>, options: NetnsOptions = {}): Promise<T> {
  await using ns = createNetns(options)
  return await body(ns)
}

/** Addresses of the two ends of a virtual cable. */
export interface VethPair {
  readonly ipv4: readonly [first: string, second: string]
  readonly ipv6: readonly [first: string, second: string]
}

let cables = 0
/**
 * Joins two namespaces with a virtual Ethernet cable (MTU 1500), IPv4 and IPv6 addresses on both ends.
 *
 * @example
 * const { ipv4: [server, client] } = createVethPair(serverNs, clientNs)
 */
export function createVethPair(first: Netns, second: Netns): VethPair {
  const n = (cables += 1) & 0xff
  const ends = [`veth${n}a`, `veth${n}b`] as const
  first.ip('link', 'add', ends[0], 'type', 'veth', 'peer', 'name', ends[1], 'netns', second.name)
  const pair = {
    ipv4: [`10.67.${n}.1`, `10.67.${n}.2`],
    ipv6: [`fd67:${n.toString(16)}::1`, `fd67:${n.toString(16)}::2`],
  } as const
  for (const [index, ns] of [first, second].entries()) {
    const device = ends[index]!
    ns.ip('addr', 'add', `${pair.ipv4[index]}/24`, 'dev', device)
    ns.ip('-6', 'addr', 'add', `${pair.ipv6[index]}/64`, 'dev', device, 'nodad')
    ns.ip('link', 'set', device, 'up')
  }
  return pair
}
