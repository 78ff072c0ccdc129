/**
 * A server that cannot mix connections up: it reads TCP_SAVED_SYN from the very descriptor it accepted and answers every
 * request with it, in the shape of `/json`. It shows that the attribution run counts right, and, told to lie, that it
 * notices.
 *
 * @example
 * const server = createTruthServer(ns, { address: '::' })
 * await runAttribution({ netns: ns, host: '127.0.0.1', port: server.port })
 * server.close()
 * @module
 */
import { accept, buffer, C, close, createEpoll, getOption, recv, send } from './libc.ts'
import type { Netns } from './netns.ts'
import { parsePacket } from './packet.ts'
import { createProbe } from './probe.ts'

/** How the server answers. */
export interface TruthOptions {
  readonly address: string
  readonly port?: number
  /** Called for every answer: what to say instead of the truth. */
  readonly distort?: (mss: number, request: number) => Record<string, unknown> | undefined
}

/** A running truth server. */
export interface TruthServer {
  readonly port: number
  /** Connections accepted so far. */
  readonly accepted: number
  close(): void
}

interface Client {
  readonly mss: number
  pending: string
  requests: number
}

/** Starts the server in this process; it runs in slices between other events. */
export function createTruthServer(netns: Netns | undefined, options: TruthOptions): TruthServer {
  const { address, port = 0, distort } = options
  const probe = createProbe(netns, { address, port })
  const epoll = createEpoll()
  const clients = new Map<number, Client>()
  const into = buffer(65_536)
  let accepted = 0
  let closed = false

  function drop(fd: number): void {
    clients.delete(fd)
    close(fd)
  }

  function serve(fd: number, client: Client): void {
    const n = recv(fd, into)
    if (n === -C.EAGAIN) return
    if (n <= 0) {
      drop(fd)
      return
    }
    client.pending += Buffer.from(into.buffer, 0, n).toString('latin1')
    for (;;) {
      const end = client.pending.indexOf('\r\n\r\n')
      if (end < 0) return
      const last = /^connection: close$/im.test(client.pending.slice(0, end))
      client.pending = client.pending.slice(end + 4)
      client.requests += 1
      const truth = { available: true, connection: { request: client.requests }, syn: { tcp: { mss: client.mss } } }
      const body = JSON.stringify(distort?.(client.mss, client.requests) ?? truth)
      send(fd, Buffer.from(`HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n${body}`))
      if (last) {
        drop(fd)
        return
      }
    }
  }

  function tick(): void {
    if (closed) return
    const n = epoll.wait(0, (fd) => {
      if (fd !== probe.fd) {
        const client = clients.get(fd)
        if (client !== undefined) serve(fd, client)
        return
      }
      for (let child = accept(probe.fd); child >= 0; child = accept(probe.fd)) {
        const saved = getOption(child, C.IPPROTO_TCP, C.TCP_SAVED_SYN, 512)
        const mss = typeof saved === 'number' ? undefined : parsePacket(withLength(saved))?.mss
        clients.set(child, { mss: mss ?? 0, pending: '', requests: 0 })
        epoll.set('add', child, C.EPOLLIN, child)
        accepted += 1
      }
    })
    if (n > 0) setImmediate(tick)
    else setTimeout(tick, 1)
  }

  epoll.set('add', probe.fd, C.EPOLLIN, probe.fd)
  tick()
  return {
    port: probe.endpoint.port,
    get accepted() {
      return accepted
    },
    close() {
      if (closed) return
      closed = true
      for (const fd of clients.keys()) close(fd)
      epoll.close()
      probe.close()
    },
  }
}

/** A saved SYN ends with its headers: makes the length field of one that carried data say so. */
function withLength(saved: Uint8Array): Uint8Array {
  if (saved[0] !== undefined && saved[0] >>> 4 === 4) {
    saved[2] = saved.length >>> 8
    saved[3] = saved.length & 255
  }
  return saved
}
