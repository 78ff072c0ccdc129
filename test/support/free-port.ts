/**
 * Ports, and which process listens on one.
 * @module
 */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs'

/** Below the range from which the kernel gives ports to connections and to servers that ask for none (net.ipv4.ip_local_port_range). */
const LOWEST = 26_000
const COUNT = 6_000

/** A port of 127.0.0.1 on which nothing listens now, and that the kernel gives to no other process. */
export function freePort(): number {
  for (let left = 100; ; left -= 1) {
    const port = LOWEST + Math.floor(Math.random() * COUNT)
    try {
      Bun.listen({ hostname: '127.0.0.1', port, socket: { data() {} } }).stop(true)
      return port
    } catch (error) {
      if (left === 0) throw error
    }
  }
}

/** State 0A of /proc/net/tcp. */
const LISTEN = '0A'

/**
 * True if this very process listens on an IPv4 port: a connection alone does not tell, because another process may have taken the
 * port before.
 */
export function listensOn(pid: number, port: number): boolean {
  const end = `:${port.toString(16).toUpperCase().padStart(4, '0')}`
  const sockets = new Set<string>()
  for (const row of readFileSync('/proc/net/tcp', 'utf8').split('\n')) {
    const [, local = '', , state, , , , , , inode] = row.trim().split(/\s+/)
    if (state === LISTEN && local.endsWith(end)) sockets.add(`socket:[${inode}]`)
  }
  if (sockets.size === 0) return false
  try {
    const directory = `/proc/${pid}/fd`
    return readdirSync(directory).some((fd) => sockets.has(readlinkSync(`${directory}/${fd}`)))
  } catch {
    // A descriptor was closed meanwhile, or the process has ended.
    return false
  }
}
