/**
 * The live TCP connections of this network namespace with their TCP_INFO, through sock_diag: of any server, without a descriptor and
 * without privilege.
 * @module
 */
import { ERRNO, errnoName } from '../../ffi/constants.ts'
import { isLibc, type Libc } from '../../ffi/libc.ts'
import type { AnswerEnd } from '../../ffi/netlink.ts'
import { type DiagSocket, SockDiag } from '../../ffi/sock-diag.ts'
import { u64Text } from '../base/bytes.ts'
import { currentRuntime } from '../runtime/current.ts'
import { type AddressWords, createAddressWords, formatAddress, parseAddress } from '../wire/sockaddr.ts'
import { decodeTcpInfo, TCP_STATE, type TcpInfo } from '../wire/tcp-info.ts'

/** One connection as the kernel has it now. */
export interface LiveConnection {
  /** `ESTABLISHED`, `FIN_WAIT2` ..., see `TCP_STATE`. */
  readonly state: string
  /** The other end; IPv4-mapped addresses are written as IPv4. */
  readonly peer: { readonly address: string; readonly port: number }
  readonly local: { readonly address: string; readonly port: number }
  /** SO_COOKIE, decimal: unique until the next boot. */
  readonly cookie: string
  /** Owner of the socket; 0 also where no process has it. */
  readonly uid: number
  readonly congestionControl: string | undefined
  /** Octets in the socket's buffers, and how many there may be. */
  readonly memory: SocketMemory | undefined
  /** Kernel names without `tcpi_`; `undefined` in TIME_WAIT. */
  readonly tcpInfo: TcpInfo | undefined
}

/** `SK_MEMINFO_*`, octets with the kernel's own overhead. */
export interface SocketMemory {
  readonly received: number
  readonly receiveBuffer: number
  readonly queued: number
  readonly sendBuffer: number
}

/** Which connections. The kernel leaves out all others. */
export interface ConnectionFilter {
  /** Port of this machine's end. */
  readonly port?: number | undefined
  /** Address of the other end. */
  readonly peer?: string | undefined
  /** Names of `TCP_STATE`. Default: all but `LISTEN`, `CLOSE`, `SYN_RECV` and `TIME_WAIT`, as `ss` has it. */
  readonly states?: readonly string[] | undefined
}

/** All connections that a filter lets through. */
export interface ConnectionList extends ReadonlyArray<LiveConnection> {
  /** True if the kernel says that some may be missing or there twice, because connections came or went meanwhile. */
  readonly isInterrupted: boolean
}

/** The kernel, a sandbox or the runtime does not let the connections be listed. */
export class ListConnectionsError extends Error {
  override readonly name = 'ListConnectionsError'
}

/** Connections visited at most. */
const MOST = 10_000_000

/** As `ss -t`. */
const DEFAULT_STATES: readonly string[] = [
  'ESTABLISHED',
  'SYN_SENT',
  'FIN_WAIT1',
  'FIN_WAIT2',
  'CLOSE_WAIT',
  'LAST_ACK',
  'CLOSING',
]

/**
 * Lists the live TCP connections of this network namespace, at some 10 µs each.
 *
 * @throws {ListConnectionsError} where sock_diag is refused: a seccomp profile, gVisor, a kernel without INET_DIAG, no Linux
 * @throws {TypeError} a filter that cannot be
 * @example
 * listConnections({ port: 443 }).filter(({ tcpInfo }) => (tcpInfo?.total_retrans ?? 0) > 0)
 */
export function listConnections(filter: ConnectionFilter = {}): ConnectionList {
  const connections: LiveConnection[] = []
  const isInterrupted = visitConnections(filter, (connection) => {
    connections.push(connection)
  })
  return Object.assign(connections, { isInterrupted })
}

/**
 * The same one by one, as the kernel gives them: `visit` ends the list by giving false. True if the list is interrupted.
 *
 * @throws as {@link listConnections}
 */
export function visitConnections(filter: ConnectionFilter, visit: (connection: LiveConnection) => unknown): boolean {
  const libc = currentRuntime().openLibc()
  if (!isLibc(libc)) throw new ListConnectionsError(`Cannot list connections: ${libc.message}`)
  return visitThrough(libc, filter, visit)
}

/** The same over a given libc. */
export function visitThrough(
  libc: Libc,
  filter: ConnectionFilter,
  visit: (connection: LiveConnection) => unknown,
): boolean {
  const { port } = filter
  if (port !== undefined && !(Number.isInteger(port) && port > 0 && port < 65_536)) {
    throw new TypeError(`Cannot list connections: port from 1 to 65535 expected: ${port}`)
  }
  const peer = filter.peer === undefined ? undefined : wordsOf(filter.peer)
  const states = (filter.states ?? DEFAULT_STATES).map(stateNumber)
  const diag = new SockDiag(libc)
  let isEnough = false
  try {
    const options = { states, info: true, more: true, ...(port && { localPort: port }), ...(peer && { peer }) }
    const end = diag.dump(options, MOST, (socket) => {
      isEnough = visit(connectionOf(socket)) === false
      return !isEnough
    })
    if (end === 'complete' || end === 'interrupted' || isEnough) return end === 'interrupted'
    throw new ListConnectionsError(`Cannot list connections: ${whyNot(end)}`)
  } finally {
    diag.close()
  }
}

function wordsOf(address: string): AddressWords {
  const words = createAddressWords()
  if (parseAddress(address, words)) return words
  throw new TypeError(`Cannot list connections: an IPv4 or IPv6 address expected: "${address}"`)
}

/** Names of states that can be asked for. */
export const STATE_NAMES: readonly string[] = Object.values(TCP_STATE).filter((name) => name !== 'NEW_SYN_RECV')

function stateNumber(name: string): number {
  const index = STATE_NAMES.indexOf(name)
  if (index >= 0) return index + 1
  throw new TypeError(`Cannot list connections: one of ${STATE_NAMES.join(', ')} expected: "${name}"`)
}

function whyNot(end: Exclude<AnswerEnd, 'complete' | 'interrupted'>): string {
  if (end === 'refused') {
    return 'this process may not use sock_diag (a seccomp profile, RestrictAddressFamilies= of systemd without AF_NETLINK, or gVisor, which has none)'
  }
  if (end === 'incomplete') return 'the kernel ended its answer early'
  if (end.errno === ERRNO.ENOENT)
    return 'the kernel has no INET_DIAG (CONFIG_INET_DIAG, CONFIG_INET_TCP_DIAG; modprobe tcp_diag)'
  return `sock_diag refuses with ${errnoName(end.errno)}`
}

function connectionOf(socket: DiagSocket): LiveConnection {
  const { info, memory, cookieHigh, cookieLow } = socket
  return {
    state: TCP_STATE[socket.state] ?? String(socket.state),
    peer: { address: formatAddress(socket.peer), port: socket.peerPort },
    local: { address: formatAddress(socket.local), port: socket.localPort },
    cookie: u64Text(cookieLow, cookieHigh),
    uid: socket.uid,
    congestionControl: socket.congestionControl,
    memory: memory && memoryOf(memory),
    tcpInfo: info && decodeTcpInfo(new Uint8Array(info.buffer, info.byteOffset, info.byteLength)),
  }
}

function memoryOf(view: DataView): SocketMemory | undefined {
  if (view.byteLength < 16) return undefined
  const word = (index: number): number => view.getUint32(4 * index, true)
  return { received: word(0), receiveBuffer: word(1), queued: word(2), sendBuffer: word(3) }
}
