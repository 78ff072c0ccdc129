/**
 * The check of packet sockets: can SYNs be read from the wire here, for clients behind a proxy of this machine?
 * @module
 */
import type { Libc } from '../../ffi/libc.ts'
import { PacketSocket } from '../../ffi/packet.ts'
import { SocketError } from '../../ffi/socket-error.ts'
import type { Finding } from './finding.ts'
import { readText } from './machine.ts'
import type { ForeignListener } from './other-servers.ts'

/** What `/proc/PID/comm` says of proxies. */
export const PROXIES: RegExp = /^(?:nginx|haproxy|apache2|httpd|caddy|envoy)$/
const GRANT =
  'For the option "packets" and "watch" give the process CAP_NET_RAW: systemd AmbientCapabilities=CAP_NET_RAW, Docker --cap-add NET_RAW. Nothing else needs it'

/** Opens a packet socket and closes it. What is missing is no fault: only the option `packets` and `watch` need it. */
export function packets(libc: Libc): Finding {
  const name = 'packets'
  try {
    const socket = new PacketSocket(libc)
    const { receiveBuffer } = socket
    socket.close()
    const interfaces = interfaceNames()
    const where = interfaces === undefined ? 'this network namespace' : interfaces.join(', ')
    const found = `SYNs can be read from the wire on ${where}; the receive buffer has ${Math.round(receiveBuffer / 1024)} KiB`
    if (interfaces?.every((one) => one === 'lo') !== true) return { name, status: 'ok', found }
    const remedy =
      'This network namespace has no interface but lo: run the application where the proxy runs (--network container:PROXY, one pod, or --network host)'
    return { name, status: 'ok', found, remedy }
  } catch (error) {
    if (!(error instanceof SocketError)) throw error
    const isDenied = error.code === 'EPERM' || error.code === 'EACCES'
    const found = `SYNs cannot be read from the wire (${error.code})`
    return isDenied ? { name, status: 'ok', found, remedy: GRANT } : { name, status: 'ok', found }
  }
}

function interfaceNames(): string[] | undefined {
  const names = readText('/proc/self/net/dev')
    ?.split('\n')
    .flatMap((line) => /^\s*([^\s:]+):/.exec(line)?.[1] ?? [])
  return names !== undefined && names.length > 0 ? names.slice(0, 16) : undefined
}

/** Of the listeners of {@link PROXIES}: what makes their clients' own connections known. */
export function proxies(listeners: readonly ForeignListener[]): Finding[] {
  const ports = new Map<string, Set<number>>()
  for (const { process: owner, port } of listeners) {
    if (owner === undefined) continue
    const known = ports.get(owner.name) ?? new Set()
    ports.set(owner.name, known.add(port))
  }
  return [...ports].map(([program, own]) => ({
    name: 'proxy',
    status: 'ok',
    found: `${program} listens on port ${[...own].slice(0, 8).join(', ')}`,
    remedy:
      'In front of the application let it send X-Real-IP and X-Real-Port, and set trustedHeader of kind "address" and packets, for its clients\u2019 own SYN and RTT. Where the kernel redirects to it (nftables, a published port), "ports" names this port and the one that clients connect to. Where /json of "serve" shows no "hop", the header does not arrive, or its peer is not in "from"',
  }))
}
