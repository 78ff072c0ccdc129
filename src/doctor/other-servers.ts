/**
 * Listeners of other processes, and whether they wait for data before they accept.
 * @module
 */
import { connect } from 'node:net'
import { currentRuntime } from '../runtime/current.ts'
import { formatIpv4Address, formatIpv6Address } from '../wire/address.ts'
import { link, list, readText } from './machine.ts'

/** A listener of this network namespace. */
export interface ForeignListener {
  readonly address: string
  readonly port: number
  /** Its process, where that can be told. */
  readonly process: { readonly id: number; readonly name: string } | undefined
}

/** One line of /proc/net/tcp or tcp6. */
interface Row {
  readonly localAddress: string
  readonly localPort: number
  readonly remotePort: number
  readonly state: number
  readonly inode: string
}

const SYN_RECV = 3
const LISTEN = 10

/** An address of /proc/net/tcp: words of 32 bits in the byte order of the host. */
function addressOf(hex: string): string {
  const texts = (hex.match(/.{8}/g) ?? []).flatMap((word) => (word.match(/../g) ?? []).reverse())
  const octets = Uint8Array.from(texts, (text) => Number.parseInt(text, 16))
  return octets.length === 4 ? formatIpv4Address(octets) : formatIpv6Address(octets)
}

function rows(): Row[] | undefined {
  const texts = ['/proc/net/tcp', '/proc/net/tcp6'].map(readText).filter((text) => text !== undefined)
  if (texts.length === 0) return undefined
  return texts.flatMap((text) =>
    text
      .split('\n')
      .slice(1)
      .map((line) => {
        const [, local = '', remote = '', state = '', , , , , , inode = ''] = line.trim().split(/\s+/)
        const [address = '', port = ''] = local.split(':')
        return {
          localAddress: addressOf(address),
          localPort: Number.parseInt(port, 16),
          remotePort: Number.parseInt(remote.split(':')[1] ?? '', 16),
          state: Number.parseInt(state, 16),
          inode,
        }
      }),
  )
}

/** What `/proc/PID/comm` says of Bun and Deno. */
const RUNTIMES = /^(?:bun|deno)(?:$|[^a-z])/i

/** Processes other than this one whose program has such a name, by the inodes of their sockets. */
function ownersOf(programs: RegExp): Map<string, { id: number; name: string }> {
  const byInode = new Map<string, { id: number; name: string }>()
  for (const name of list('/proc')) {
    const id = Number(name)
    if (!Number.isInteger(id) || id === currentRuntime().processId) continue
    const comm = readText(`/proc/${id}/comm`)
    if (comm === undefined || !programs.test(comm)) continue
    for (const fd of list(`/proc/${id}/fd`)) {
      const inode = /^socket:\[(\d+)\]$/.exec(link(`/proc/${id}/fd/${fd}`) ?? '')?.[1]
      if (inode !== undefined) byInode.set(inode, { id, name: comm })
    }
  }
  return byInode
}

/**
 * Listeners of processes whose program has such a name, as far as they can be looked at; with `port` those on it, whatever their
 * process is. `undefined` where /proc cannot be read.
 */
export function foreignListeners(port: number | undefined, programs: RegExp = RUNTIMES): ForeignListener[] | undefined {
  const all = rows()?.filter(({ state }) => state === LISTEN)
  if (all === undefined) return undefined
  const owners = all.length === 0 ? new Map<string, { id: number; name: string }>() : ownersOf(programs)
  return all
    .filter(({ inode, localPort }) => (port === undefined ? owners.has(inode) : localPort === port))
    .map(({ localAddress, localPort, inode }) => ({
      address: localAddress,
      port: localPort,
      process: owners.get(inode),
    }))
}

/** An address at which a listener on all of them is reached. */
function reachable(address: string): string {
  if (address === '0.0.0.0') return '127.0.0.1'
  return address === '::' ? '::1' : address
}

/**
 * True if a listener waits for data before it accepts: a connection is opened, nothing is sent, and the kernel's table still has
 * the other end as half open. `undefined` where it cannot be reached.
 */
export function waitsForData({ address, port }: ForeignListener): Promise<boolean | undefined> {
  return new Promise((resolve) => {
    const socket = connect({ host: reachable(address), port }, () => {
      const own = socket.localPort
      const halfOpen = rows()?.some(
        ({ localPort, remotePort, state }) => localPort === port && remotePort === own && state === SYN_RECV,
      )
      socket.destroy()
      resolve(halfOpen)
    })
    socket.setTimeout(2000, () => socket.destroy(new Error('no answer')))
    socket.on('error', () => resolve(undefined))
  })
}
