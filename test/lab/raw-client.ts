/**
 * Clients on the kernel's own TCP, by system calls: everything about a connection that a program may choose (source
 * address and port, MSS, TTL, how it ends) is chosen here. On top of single connections, the attribution run: thousands
 * of connections, each with its own MSS, that ask a server which MSS it saw.
 *
 * @example
 * const client = await connectKernel({ netns: ns, destination: { address: '127.0.0.1', port }, mss: 1234, ttl: 33 })
 * const response = await client.request('GET /json HTTP/1.1\r\nHost: x\r\n\r\n')
 * client.reset() // RST; or client.close()
 *
 * const result = await runAttribution({ netns: ns, host: '127.0.0.1', port, connections: 20_000, concurrency: 300 })
 * // { wrong: 0, missing: 0, ok: ..., ... }; as a script: npm run bench -- attribution
 * @module
 */
import { type HttpResponse, ResponseReader } from '../support/http.ts'
import { seeded } from '../support/seeded.ts'
import { until } from '../support/wait.ts'
import {
  bind,
  buffer,
  C,
  close,
  connect,
  createEpoll,
  type Epoll,
  errnoName,
  getIntOption,
  LibcError,
  recv,
  send,
  setOption,
  setResetOnClose,
  shutdownWrite,
  socketName,
  tcpSocket,
} from './libc.ts'
import type { Netns } from './netns.ts'
import { type Endpoint, endpointOf, familyOf, sockaddr } from './packet.ts'

/** What a client chooses. What is left out is the kernel's choice. */
export interface KernelConnectOptions {
  readonly netns?: Netns
  readonly destination: Endpoint
  /** Address and port to come from, SO_REUSEADDR set. Port 0: any. */
  readonly source?: Endpoint
  /** TCP_MAXSEG: the MSS option of the SYN, 88 to 32767, lowered by the kernel to the device's own. */
  readonly mss?: number
  /** Time to live or hop limit. */
  readonly ttl?: number
  /** Type of service or traffic class; the kernel keeps the ECN bits to itself. */
  readonly tos?: number
  readonly timeoutMs?: number
}

/** One kernel connection. */
export interface KernelConnection {
  readonly fd: number
  readonly local: Endpoint
  send(data: string | Uint8Array): void
  /** What has come, `null` at the end. @throws {LibcError} `ECONNRESET` */
  read(timeoutMs?: number): Promise<Uint8Array | null>
  /** Sends a request and reads the response. */
  request(text: string, timeoutMs?: number): Promise<HttpResponse>
  /** The next response, for requests sent with `send`. */
  response(head?: boolean, timeoutMs?: number): Promise<HttpResponse>
  /** FIN, reading goes on. */
  end(): void
  /** Closes with FIN. */
  close(): void
  /** Closes with RST. */
  reset(): void
}

function openSocket(options: KernelConnectOptions): { fd: number; result: number } {
  const { netns, destination, source, mss, ttl, tos } = options
  const family = familyOf(destination.address)
  const fd = netns === undefined ? tcpSocket(family) : netns.run(() => tcpSocket(family))
  const set = (level: number, name: number, value: number, what: string): void => {
    const rc = setOption(fd, level, name, value)
    if (rc < 0) {
      close(fd)
      throw new LibcError('setsockopt', -rc, `set ${what} to ${value}`)
    }
  }
  set(C.SOL_SOCKET, C.SO_REUSEADDR, 1, 'SO_REUSEADDR')
  set(C.IPPROTO_TCP, C.TCP_NODELAY, 1, 'TCP_NODELAY')
  if (mss !== undefined) set(C.IPPROTO_TCP, C.TCP_MAXSEG, mss, 'TCP_MAXSEG')
  if (ttl !== undefined) {
    if (family === 4) set(C.IPPROTO_IP, C.IP_TTL, ttl, 'IP_TTL')
    else set(C.IPPROTO_IPV6, C.IPV6_UNICAST_HOPS, ttl, 'IPV6_UNICAST_HOPS')
  }
  if (tos !== undefined) {
    if (family === 4) set(C.IPPROTO_IP, C.IP_TOS, tos, 'IP_TOS')
    else set(C.IPPROTO_IPV6, IPV6_TCLASS, tos, 'IPV6_TCLASS')
  }
  if (source !== undefined) {
    const rc = bind(fd, sockaddr(source))
    if (rc < 0) {
      close(fd)
      return { fd: -1, result: rc }
    }
  }
  const rc = connect(fd, sockaddr(destination))
  if (rc < 0 && rc !== -C.EINPROGRESS) {
    close(fd)
    return { fd: -1, result: rc }
  }
  return { fd, result: 0 }
}
const IPV6_TCLASS = 67

/** Connects and waits until the kernel says connected. @throws {LibcError} e.g. `ECONNREFUSED`, `EADDRNOTAVAIL` */
export async function connectKernel(options: KernelConnectOptions): Promise<KernelConnection> {
  const { fd, result } = openSocket(options)
  const to = `${options.destination.address} port ${options.destination.port}`
  if (result < 0) throw new LibcError('connect', -result, `connect to ${to}`)
  const epoll = createEpoll()
  try {
    epoll.set('add', fd, C.EPOLLOUT, 0)
    await until(`the connection to ${to}`, () => epoll.wait(0, () => {}) > 0, options.timeoutMs)
    const errno = getIntOption(fd, C.SOL_SOCKET, C.SO_ERROR)
    if (errno !== 0) throw new LibcError('connect', errno, `connect to ${to}`)
  } catch (error) {
    close(fd)
    throw error
  } finally {
    epoll.close()
  }
  const into = buffer(65_536)
  const reader = new ResponseReader()
  let open = true
  const shut = (): void => {
    if (open) close(fd)
    open = false
  }
  const connection: KernelConnection = {
    fd,
    local: endpointOf(socketName(fd, false) as Uint8Array),
    send(data) {
      const bytes = typeof data === 'string' ? new TextEncoder().encode(data) : data
      const n = send(fd, bytes)
      if (n !== bytes.length) throw new LibcError('send', n < 0 ? -n : C.EAGAIN, `send ${bytes.length} octets`)
    },
    read(timeoutMs = 10_000) {
      const look = (): Uint8Array | null | undefined => {
        const n = recv(fd, into)
        if (n === -C.EAGAIN) return undefined
        if (n < 0) throw new LibcError('recv', -n, `read from ${to}`)
        return n === 0 ? null : into.slice(0, n)
      }
      return until('data', look, timeoutMs)
    },
    async request(text, timeoutMs) {
      connection.send(text)
      return await connection.response(text.startsWith('HEAD '), timeoutMs)
    },
    async response(head = false, timeoutMs = 10_000) {
      for (;;) {
        const found = reader.next(head)
        if (found !== undefined) return found
        const bytes = await connection.read(timeoutMs)
        if (bytes !== null) {
          reader.push(bytes)
          continue
        }
        reader.end()
        const last = reader.next(head)
        if (last !== undefined) return last
        throw new Error(`Cannot read a response: ${to} closed the connection with ${reader.buffered} octets of one`)
      }
    },
    end() {
      shutdownWrite(fd)
    },
    close: shut,
    reset() {
      if (open) setResetOnClose(fd)
      shut()
    },
  }
  return connection
}

/** What the answers were. */
export interface Tally {
  /** The MSS was the connection's own. */
  ok: number
  /** The MSS was another one: must be 0. */
  wrong: number
  /** No SYN in the answer and no `ambiguous`: must be 0. */
  missing: number
  /** `reason` was `ambiguous`. */
  ambiguous: number
  /** `reason` of every answer without a SYN, counted. */
  readonly reasons: Record<string, number>
  /** The first ten wrong or missing answers. */
  readonly examples: WrongAnswer[]
}

/** One answer that should not have been. */
export interface WrongAnswer {
  readonly kind: 'wrong' | 'missing' | 'miscounted'
  readonly source: Endpoint
  readonly expected: number
  readonly seen: number | undefined
  /** MSS of the connection that had the same source port before, if any. */
  readonly previous: number | undefined
  readonly ending: string
  /** Which request of the connection it was, from 1. */
  readonly request: number
  readonly reason: string | undefined
  readonly cookie: string | undefined
}

/** The part of `/json` that the run looks at. */
interface Answer {
  readonly reason?: string
  readonly syn?: { readonly tcp?: { readonly mss?: number } }
  readonly connection?: { readonly cookie?: string; readonly request?: number }
}

function newTally(): Tally {
  return { ok: 0, wrong: 0, missing: 0, ambiguous: 0, reasons: {}, examples: [] }
}

function judge(
  tally: Tally,
  answer: Answer,
  expected: number,
  about: Omit<WrongAnswer, 'kind' | 'expected' | 'seen' | 'reason' | 'cookie'>,
): void {
  const seen = answer.syn?.tcp?.mss
  const { reason } = answer
  if (seen === expected) {
    tally.ok += 1
    return
  }
  if (seen === undefined) {
    const name = reason ?? 'no reason'
    tally.reasons[name] = (tally.reasons[name] ?? 0) + 1
    if (reason === 'ambiguous') {
      tally.ambiguous += 1
      return
    }
  }
  const kind = seen === undefined ? 'missing' : 'wrong'
  tally[kind] += 1
  if (tally.examples.length < 10) {
    tally.examples.push({ kind, expected, seen, reason, cookie: answer.connection?.cookie, ...about })
  }
}

/** How an attribution run goes. */
export interface AttributionOptions {
  readonly netns?: Netns
  readonly host: string
  readonly port: number
  /** Connections in all. Default 2,000. */
  readonly connections?: number
  /** Open at a time. Default 200. */
  readonly concurrency?: number
  /** Share of the connections whose source port is taken again at once, by a connection with another MSS. Default 0.5. */
  readonly reuseTuples?: number
  /** Most requests of one connection. Default 4. */
  readonly keepAliveRequests?: number
  readonly seed?: number
  /** Default `/json`. */
  readonly path?: string
  /** Where to connect from. Default: the kernel's choice. Several loopback addresses give several clients. */
  readonly sourceAddresses?: readonly string[]
  /** Default 10,000 to 60,999. */
  readonly sourcePorts?: readonly [first: number, last: number]
  /** Default 536 to 32,000 on loopback, 536 to 1,440 elsewhere. */
  readonly mss?: readonly [least: number, most: number]
  /** Longest time without any answer at all. Default 30,000. */
  readonly stallMs?: number
}

/** What came of it. */
export interface AttributionResult extends Tally {
  readonly seed: number
  /** Connections that were opened. */
  connections: number
  /** Responses judged: `ok + wrong + missing + ambiguous`. */
  responses: number
  /** Connections on a source port that another connection had just before. */
  reused: number
  /** Connections ended on purpose before any response. */
  aborted: number
  /** Connections that failed (reset, refused, bad response): must be 0 on a healthy server. */
  failed: number
  readonly failures: Record<string, number>
  /** Answers whose `connection.request` was not the number of requests sent on it. */
  miscounted: number
  /**
   * Of these, what a server makes that also reports requests of clients that have gone: no more of them are counted than were sent from
   * the connection's port just before.
   */
  countedGone: number
  /** Most connections open at a time. */
  mostOpen: number
  elapsedMs: number
}

/** How a connection ends. */
type Ending =
  /** FIN from us; the port rests. */
  | 'fin'
  /** RST after the last response; port taken again. */
  | 'reset'
  /** `Connection: close`: the server ends it; port taken again although the server is in TIME_WAIT. */
  | 'server-close'
  /** RST right behind a request whose response nobody reads; port taken again. */
  | 'abort-request'
  /** RST without a single request; port taken again. */
  | 'abort-silent'

interface Slot {
  fd: number
  generation: number
  stage: 'free' | 'connecting' | 'pausing' | 'reading' | 'half-sent' | 'ending'
  source: Endpoint
  mss: number
  previous: number | undefined
  ending: Ending
  /** Requests still to be sent. */
  left: number
  /** Responses still to come. */
  expected: number
  answered: number
  rest: Uint8Array | undefined
  wakeAt: number
  reader: ResponseReader
  /** Connections just before on this source port whose request was sent and whose answer was not awaited. */
  gone: number
  /** Set when the next connection of this slot must come from the same source. */
  again: boolean
}

const encoder = new TextEncoder()

/**
 * Opens many connections, each with an MSS of its own, and checks that every answer names that MSS.
 *
 * Connections live for one to `keepAliveRequests` requests, now and then pipelined, split in two or with a pause of up to
 * 20 ms between them, and end in one of five ways; all but a plain FIN free the source port for the next connection at once.
 * Everything random comes from `seed`. The server may be in this process or in another.
 * @throws {Error} when nothing happens for `stallMs`; every socket is closed then
 */
export async function runAttribution(options: AttributionOptions): Promise<AttributionResult> {
  const { netns, host, port, connections = 2000, concurrency = 200, reuseTuples = 0.5, keepAliveRequests = 4 } = options
  const { seed = 1, path = '/json', stallMs = 30_000, sourcePorts = [10_000, 60_999] } = options
  const loopback = host.startsWith('127.') || host === '::1'
  const [leastMss, mostMss] = options.mss ?? (loopback ? [536, 32_000] : [536, 1440])
  const any = familyOf(host) === 6 ? '::' : '0.0.0.0'
  const addresses = options.sourceAddresses ?? [any]
  const random = seeded(seed)
  const destination = { address: host, port }
  const result: AttributionResult = {
    ...newTally(),
    seed,
    connections: 0,
    responses: 0,
    reused: 0,
    aborted: 0,
    failed: 0,
    failures: {},
    miscounted: 0,
    countedGone: 0,
    mostOpen: 0,
    elapsedMs: 0,
  }
  const plain = encoder.encode(`GET ${path} HTTP/1.1\r\nHost: attribution\r\nAccept: application/json\r\n\r\n`)
  const last = encoder.encode(
    `GET ${path} HTTP/1.1\r\nHost: attribution\r\nAccept: application/json\r\nConnection: close\r\n\r\n`,
  )
  const epoll: Epoll = createEpoll()
  const slots: Slot[] = []
  const free: number[] = []
  let open = 0
  let nextPort = sourcePorts[0] + Math.floor(random() * (sourcePorts[1] - sourcePorts[0]))
  let nextMss = 0
  let lastProgress = performance.now()
  const into = buffer(262_144)
  const start = performance.now()

  // A step without a common factor visits every MSS once before any comes again.
  const span = mostMss - leastMss + 1
  let step = Math.max(1, Math.floor(span * 0.618)) | 1
  const divides = (a: number, b: number): number => (b === 0 ? a : divides(b, a % b))
  while (divides(step, span) !== 1) step += 2
  const takeMss = (): number => leastMss + (nextMss = (nextMss + step) % span)

  const takeSource = (): Endpoint => {
    nextPort = nextPort >= sourcePorts[1] ? sourcePorts[0] : nextPort + 1
    return { address: addresses[result.connections % addresses.length]!, port: nextPort }
  }

  const plan = (): Ending => {
    if (random() >= reuseTuples) return 'fin'
    const dice = random()
    return dice < 0.45 ? 'reset' : dice < 0.7 ? 'server-close' : dice < 0.9 ? 'abort-request' : 'abort-silent'
  }

  function launch(index: number): void {
    const slot = slots[index]!
    const reuse = slot.again
    const before = slot.mss
    const gone = slot.ending === 'abort-request' ? slot.gone + 1 : 0
    slot.again = false
    const mss = takeMss()
    for (let attempt = 0; ; attempt += 1) {
      const source = reuse && attempt === 0 ? slot.source : takeSource()
      const { fd, result: rc } = openSocket({ ...(netns === undefined ? {} : { netns }), destination, source, mss })
      if (rc === -C.EADDRINUSE || rc === -C.EADDRNOTAVAIL) {
        if (attempt > 1000) throw new Error(`Cannot find a free source port between ${sourcePorts.join(' and ')}`)
        continue
      }
      if (rc < 0) {
        result.connections += 1
        fail(index, `connect ${errnoName(-rc)}`)
        return
      }
      const again = reuse && attempt === 0
      slot.fd = fd
      slot.generation = (slot.generation + 1) & 0xffff
      slot.stage = 'connecting'
      slot.source = source
      slot.mss = mss
      slot.previous = again ? before : undefined
      slot.gone = again ? gone : 0
      slot.ending = plan()
      slot.left = slot.ending === 'abort-silent' ? 0 : 1 + Math.floor(random() * keepAliveRequests)
      if (slot.ending === 'abort-request') slot.left = 1
      slot.expected = 0
      slot.answered = 0
      slot.rest = undefined
      slot.reader = new ResponseReader()
      result.connections += 1
      if (again) result.reused += 1
      open += 1
      result.mostOpen = Math.max(result.mostOpen, open)
      epoll.set('add', fd, C.EPOLLOUT, index | (slot.generation << 16))
      return
    }
  }

  function drop(index: number, how: 'fin' | 'reset', again: boolean): void {
    const slot = slots[index]!
    if (slot.fd >= 0) {
      if (how === 'reset') setResetOnClose(slot.fd)
      close(slot.fd)
      open -= 1
    }
    slot.fd = -1
    slot.stage = 'free'
    slot.again = again
    lastProgress = performance.now()
    if (again && result.connections < connections) launch(index)
    else free.push(index)
  }

  function fail(index: number, why: string): void {
    result.failed += 1
    result.failures[why] = (result.failures[why] ?? 0) + 1
    drop(index, 'reset', false)
  }

  /** Sends what is due: one request, two at once, or half of one. */
  function advance(index: number): void {
    const slot = slots[index]!
    const tag = index | (slot.generation << 16)
    if (slot.ending === 'abort-silent') {
      result.aborted += 1
      drop(index, 'reset', true)
      return
    }
    const count = slot.left >= 2 && random() < 0.15 ? 2 : 1
    slot.left -= count
    slot.expected += count
    const final = slot.left === 0 && slot.ending === 'server-close' ? last : plain
    let bytes = final
    if (count === 2) {
      bytes = new Uint8Array(plain.length + final.length)
      bytes.set(plain)
      bytes.set(final, plain.length)
    }
    if (slot.ending !== 'abort-request' && random() < 0.05) {
      slot.rest = bytes.subarray(20)
      bytes = bytes.subarray(0, 20)
    }
    const sent = send(slot.fd, bytes)
    if (sent !== bytes.length) {
      fail(index, `send ${sent < 0 ? errnoName(-sent) : 'cut short'}`)
      return
    }
    if (slot.ending === 'abort-request') {
      result.aborted += 1
      // At once, or after the server has had time to begin.
      if (random() < 0.7) drop(index, 'reset', true)
      else {
        slot.stage = 'ending'
        slot.wakeAt = performance.now() + random() * 3
      }
      return
    }
    slot.stage = slot.rest === undefined ? 'reading' : 'half-sent'
    slot.wakeAt = performance.now() + 2
    epoll.set('change', slot.fd, C.EPOLLIN, tag)
  }

  function answered(index: number, response: HttpResponse): void {
    const slot = slots[index]!
    slot.expected -= 1
    slot.answered += 1
    let answer: Answer
    try {
      answer = response.json<Answer>()
    } catch {
      fail(index, `status ${response.status} without JSON`)
      return
    }
    result.responses += 1
    const about = { source: slot.source, previous: slot.previous, ending: slot.ending, request: slot.answered }
    judge(result, answer, slot.mss, about)
    const count = answer.connection?.request
    if (count !== undefined && count !== slot.answered) {
      result.miscounted += 1
      if (count > slot.answered && count <= slot.answered + slot.gone) result.countedGone += 1
      if (result.examples.length < 10) {
        const cookie = answer.connection?.cookie
        result.examples.push({
          kind: 'miscounted',
          expected: slot.answered,
          seen: count,
          reason: answer.reason,
          cookie,
          ...about,
        })
      }
    }
  }

  function readable(index: number): void {
    const slot = slots[index]!
    const generation = slot.generation
    const n = recv(slot.fd, into)
    if (n === -C.EAGAIN) return
    if (n < 0) {
      fail(index, `recv ${errnoName(-n)}`)
      return
    }
    if (n === 0) {
      if (slot.ending === 'server-close' && slot.left === 0 && slot.expected === 0) drop(index, 'fin', true)
      else fail(index, 'closed by the server')
      return
    }
    lastProgress = performance.now()
    slot.reader.push(into.slice(0, n))
    for (;;) {
      let response: HttpResponse | undefined
      try {
        response = slot.reader.next()
      } catch {
        fail(index, 'no HTTP')
        return
      }
      if (response === undefined) break
      answered(index, response)
      if (slot.generation !== generation || slot.fd < 0) return
    }
    if (slot.expected > 0) return
    if (slot.left > 0) {
      if (random() < 0.7) advance(index)
      else {
        slot.stage = 'pausing'
        slot.wakeAt = performance.now() + random() * 20
      }
    } else if (slot.ending === 'reset') drop(index, 'reset', true)
    else if (slot.ending === 'fin') drop(index, 'fin', false)
    // server-close: the end comes from there
  }

  function onEvent(tag: number, events: number): void {
    const index = tag & 0xffff
    const slot = slots[index]!
    if (slot.fd < 0 || slot.generation !== tag >>> 16) return
    if (slot.stage === 'connecting') {
      const errno = getIntOption(slot.fd, C.SOL_SOCKET, C.SO_ERROR)
      if (errno !== 0) {
        fail(index, `connect ${errnoName(errno)}`)
        return
      }
      slot.stage = 'pausing'
      epoll.set('change', slot.fd, C.EPOLLIN, tag)
      if (random() < 0.8) advance(index)
      else slot.wakeAt = performance.now() + random() * 10
    } else if ((events & (C.EPOLLIN | C.EPOLLERR | C.EPOLLHUP)) !== 0) readable(index)
  }

  try {
    for (let i = 0; i < Math.min(concurrency, 0xffff); i += 1) {
      slots.push({
        fd: -1,
        generation: 0,
        stage: 'free',
        source: { address: any, port: 0 },
        mss: 0,
        previous: undefined,
        ending: 'fin',
        left: 0,
        expected: 0,
        answered: 0,
        rest: undefined,
        wakeAt: 0,
        reader: new ResponseReader(),
        again: false,
        gone: 0,
      })
      free.push(i)
    }
    while (result.connections < connections || open > 0) {
      // A few at a time, so that the server's accept queue is never full.
      for (let n = 0; n < 64 && free.length > 0 && result.connections < connections; n += 1) launch(free.shift()!)
      const events = epoll.wait(0, onEvent)
      const now = performance.now()
      for (let i = 0; i < slots.length; i += 1) {
        const slot = slots[i]!
        if (slot.fd < 0 || slot.wakeAt > now) continue
        if (slot.stage === 'pausing') advance(i)
        else if (slot.stage === 'ending') drop(i, 'reset', true)
        else if (slot.stage === 'half-sent') {
          slot.stage = 'reading'
          const { rest } = slot
          slot.rest = undefined
          if (rest !== undefined && send(slot.fd, rest) !== rest.length) fail(i, 'send cut short')
        }
      }
      if (now - lastProgress > stallMs) {
        throw new Error(`Cannot finish the run: nothing happened for ${stallMs} ms with ${open} connections open`)
      }
      if (events === 0) await Bun.sleep(1)
      else await new Promise((resolve) => setImmediate(resolve))
    }
  } finally {
    for (const slot of slots) if (slot.fd >= 0) close(slot.fd)
    epoll.close()
  }
  result.elapsedMs = performance.now() - start
  return result
}

/** How the run with two local addresses goes. */
export interface TwoAddressOptions {
  readonly netns?: Netns
  /** Two addresses of one wildcard server. */
  readonly hosts: readonly [string, string]
  readonly port: number
  /** Where both connections of a pair come from; the port counts up. */
  readonly source: Endpoint
  /** Default 80. */
  readonly pairs?: number
  /** Requests that the first connection of a pair makes before the second is opened, one pair after the other. Default 0. */
  readonly warm?: number
  readonly seed?: number
  readonly path?: string
}

/**
 * Connects from one source address and port to two local addresses of one server at once, and asks on both, in random
 * order, twice: every answer must be the connection's own or `ambiguous`, never the other's.
 */
export async function runTwoAddresses(options: TwoAddressOptions): Promise<Tally & { pairs: number }> {
  const { netns, hosts, port, source, pairs = 80, warm = 0, seed = 1, path = '/json' } = options
  const random = seeded(seed)
  const tally = { ...newTally(), pairs: 0 }
  const request = `GET ${path} HTTP/1.1\r\nHost: two\r\nAccept: application/json\r\n\r\n`
  const one = async (n: number): Promise<void> => {
    const from = { address: source.address, port: source.port + n }
    const open: { client: KernelConnection; mss: number }[] = []
    const ask = async ({ client, mss }: (typeof open)[number], round: number): Promise<void> => {
      const answer = (await client.request(request)).json<Answer>()
      const about = { source: client.local, previous: undefined, ending: 'two addresses', request: round }
      judge(tally, answer, mss, about)
    }
    try {
      for (const [side, address] of hosts.entries()) {
        const mss = 600 + 2 * n + side
        open.push({
          mss,
          client: await connectKernel({
            ...(netns === undefined ? {} : { netns }),
            destination: { address, port },
            source: from,
            mss,
          }),
        })
        for (let round = 1; side === 0 && round <= warm; round += 1) await ask(open[0]!, round)
      }
      if (random() < 0.5) open.reverse()
      for (let round = 1; round <= 2; round += 1) {
        const together = random() < 0.5
        if (together) await Promise.all(open.map((each) => ask(each, round)))
        else for (const each of open) await ask(each, round)
      }
      tally.pairs += 1
    } finally {
      for (const { client } of open) client.reset()
    }
  }
  const atOnce = warm > 0 ? 1 : 8
  for (let n = 0; n < pairs; n += atOnce) {
    await Promise.all(Array.from({ length: Math.min(atOnce, pairs - n) }, (_, i) => one(n + i)))
  }
  return tally
}
