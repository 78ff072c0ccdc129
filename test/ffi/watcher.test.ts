import { afterEach, describe, expect, test } from 'bun:test'
import { closeSync, openSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { EPOLL_CTL_ADD, EPOLLIN, ERRNO, IN_NONBLOCK } from '../../ffi/constants.ts'
import { openLibc } from '../../ffi/libc.bun.ts'
import { cString, isLibc, type Libc } from '../../ffi/libc.ts'
import { Sockets } from '../../ffi/socket.ts'
import { AioPoll } from '../../ffi/watch/aio-poll.ts'
import { Watcher } from '../../ffi/watch/watcher.ts'
import { connectKernel } from '../lab/raw-client.ts'
import { createFakeLibc } from '../support/fake-libc.ts'
import { temporaryDirectory } from '../support/temporary.ts'

const found = openLibc()
const libc: Libc = isLibc(found) ? found : createFakeLibc()
const cleanUp: (() => void)[] = []
afterEach(() => {
  for (const one of cleanUp.splice(0).reverse()) one()
})

/** An echo server of this process with the descriptor that listens. */
function listen(): { port: number; fd: number; stop: () => void } {
  const before = listeners()
  const server = Bun.listen({
    hostname: '127.0.0.1',
    port: 0,
    socket: { data: (socket, data) => void socket.write(data) },
  })
  const fd = listeners().find((one) => !before.includes(one))!
  const stop = (): void => server.stop(true)
  cleanUp.push(stop)
  return { port: server.port, fd, stop }
}

function listeners(): number[] {
  const sockets = new Sockets(libc)
  return Array.from({ length: 256 }, (_, fd) => fd).filter((fd) => sockets.isListening(fd))
}

/** A connection of this process to a port of it. Resolves once an octet has come back: the server has accepted it. */
async function connect(port: number): Promise<{ echo: () => Promise<void>; end: () => void }> {
  let heard = Promise.withResolvers<void>()
  const socket = await Bun.connect({
    hostname: '127.0.0.1',
    port,
    socket: { data: () => heard.resolve(), error: () => {}, close: () => {} },
  })
  const echo = async (): Promise<void> => {
    heard = Promise.withResolvers()
    socket.write('x')
    await heard.promise
  }
  await echo()
  const end = (): void => void socket.terminate()
  cleanUp.push(end)
  return { echo, end }
}

/** A descriptor of this process whose local port this is, and that has a peer. */
function acceptedOn(port: number): number {
  const sockets = new Sockets(libc)
  for (let fd = 0; fd < 256; fd++) {
    if (sockets.peerName(fd) > 0 && sockets.localName(fd) > 0 && sockets.port() === port) return fd
  }
  throw new Error(`nothing accepted on port ${port}`)
}

function watcherOf(own: Libc = libc): Watcher {
  const watcher = new Watcher(own, { closed: () => {}, lost: () => {} })
  cleanUp.push(() => watcher.close())
  return watcher
}

/** Looks until the watcher has an epoch, as requests do. */
function settle(watcher: Watcher): number {
  for (let i = 0; i < 40 && watcher.acceptEpoch === 0; i++) watcher.poll()
  return watcher.acceptEpoch
}

describe('AioPoll', () => {
  /** An epoll set that is ready once a file of its own was opened, until `clear`. */
  function setUp(own: Libc = libc): { bell: AioPoll; epoll: number; open: () => void; clear: () => void } {
    const bell = new AioPoll(own)
    const epoll = libc.epoll_create1(0)
    const inotify = libc.inotify_init1(IN_NONBLOCK)
    const { path: directory, remove } = temporaryDirectory()
    const file = join(directory, 'file')
    writeFileSync(file, '')
    cleanUp.push(() => {
      bell.close()
      libc.close(epoll)
      libc.close(inotify)
      remove()
    })
    expect(libc.inotify_add_watch(inotify, cString(file), 0x20)).toBe(1)
    const event = new Uint8Array(new ArrayBuffer(16))
    event[0] = EPOLLIN
    expect(libc.epoll_ctl(epoll, EPOLL_CTL_ADD, inotify, event)).toBe(0)
    const notices = new Uint8Array(new ArrayBuffer(4096))
    return {
      bell,
      epoll,
      open: () => closeSync(openSync(file, 'r')),
      clear: () => expect(libc.read(inotify, notices, 4096)).toBeGreaterThan(0),
    }
  }

  for (const [how, own] of [
    ['seen in memory', libc],
    ['where memory is read by a call', { ...libc, view: () => undefined }],
  ] as const) {
    test(`rings for each event, however many there are, ${how}`, () => {
      const { bell, epoll, open, clear } = setUp(own)
      for (let i = 0; i < 1000; i++) {
        expect(bell.arm(epoll)).toBe(true)
        expect(bell.hasCompleted).toBe(false)
        open()
        expect(bell.isArmed).toBe(true)
        expect(bell.hasCompleted).toBe(true)
        expect(bell.isArmed).toBe(false)
        clear()
      }
    })
  }

  test('rings at once where the set is ready already', () => {
    const { bell, epoll, open } = setUp()
    open()
    expect(bell.arm(epoll)).toBe(true)
    expect(bell.hasCompleted).toBe(true)
  })
})

describe('Watcher', () => {
  test('an epoch lasts while connections are used, and ends when one comes, one is reset or one is closed', async () => {
    const { port, fd } = listen()
    const watcher = watcherOf()
    watcher.setListeners([fd])
    const first = await connect(port)
    expect(watcher.watch(acceptedOn(port))).toBe(true)
    expect(watcher.follow(acceptedOn(port))).toBe(true)
    expect(watcher.acceptEpoch).toBe(0)
    const epoch = settle(watcher)
    const { changes } = watcher
    for (let i = 0; i < 20; i++) await first.echo()
    watcher.poll()
    expect(watcher.acceptEpoch).toBe(epoch)

    const second = await connect(port)
    expect(watcher.acceptEpoch).toBe(0)
    const next = settle(watcher)
    expect(next).toBeGreaterThan(epoch)
    expect(watcher.changes).toBe(changes)

    second.end()
    await Bun.sleep(5)
    watcher.poll()
    // Nobody watched that one, and nobody needs to know: sockets only became fewer.
    expect(watcher.acceptEpoch).toBe(next)

    first.end()
    await Bun.sleep(5)
    expect(watcher.acceptEpoch).toBe(0)
    watcher.poll()
    expect(watcher.changes).toBeGreaterThan(changes)
    expect(watcher.size).toBe(0)
  })

  test('a reset is told of a followed socket before that is closed, and one that is only watched costs the epoll set nothing', async () => {
    const { port } = listen()
    const watcher = watcherOf()
    const followed = await connectKernel({ destination: { address: '127.0.0.1', port } })
    await Bun.sleep(5)
    const socket = acceptedOn(port)
    expect(watcher.follow(socket)).toBe(false)
    expect(watcher.watch(socket)).toBe(true)
    expect(watcher.follow(socket)).toBe(true)
    expect(watcher.follow(socket)).toBe(true)
    watcher.poll()
    watcher.poll()
    const { changes } = watcher
    watcher.poll()
    expect(watcher.changes).toBe(changes)
    // The kernel resets it at once; JavaScript, which would close it, has not run since.
    followed.reset()
    watcher.poll()
    expect(watcher.changes).toBeGreaterThan(changes)
    expect(watcher.has(socket)).toBe(true)
  })

  test('there is no epoch while a connection waits to be accepted', async () => {
    const { port, fd } = listen()
    const watcher = watcherOf()
    watcher.setListeners([fd])
    const { echo } = await connect(port)
    watcher.watch(acceptedOn(port))
    // The kernel completes handshakes while JavaScript runs and accepts nothing.
    Bun.spawnSync(['bash', '-c', `exec 3<>/dev/tcp/127.0.0.1/${port}`])
    expect(settle(watcher)).toBe(0)
    await echo()
    await Bun.sleep(5)
    expect(settle(watcher)).toBeGreaterThan(0)
  })

  test('a listener that comes later is heard', async () => {
    const first = listen()
    const watcher = watcherOf()
    watcher.setListeners([first.fd])
    await connect(first.port)
    watcher.watch(acceptedOn(first.port))
    const before = settle(watcher)
    const second = listen()
    watcher.setListeners([first.fd, second.fd])
    expect(watcher.acceptEpoch).toBe(0)
    expect(settle(watcher)).toBeGreaterThan(before)
    watcher.setListeners([first.fd, second.fd])
    expect(watcher.acceptEpoch).toBeGreaterThan(before)
    await connect(second.port)
    expect(watcher.acceptEpoch).toBe(0)
  })

  test('a listener in the set closes as ever, and its port is free', async () => {
    const { port, fd, stop } = listen()
    const watcher = watcherOf()
    watcher.setListeners([fd])
    await connect(port)
    watcher.watch(acceptedOn(port))
    expect(settle(watcher)).toBeGreaterThan(0)
    stop()
    await Bun.sleep(5)
    const again = Bun.listen({ hostname: '127.0.0.1', port, socket: { data: () => {} } })
    expect(again.port).toBe(port)
    again.stop(true)
  })

  for (const [name, architecture] of [
    ['io_setup', libc.architecture],
    ['a machine whose system calls it does not know', 'riscv64'],
  ] as const) {
    test(`without ${name} there is no epoch, and deaths are still told`, async () => {
      const refusing: Libc = { ...libc, architecture, syscall: () => -1 }
      const { port, fd } = listen()
      const watcher = watcherOf(refusing)
      watcher.setListeners([fd])
      const one = await connect(port)
      expect(watcher.watch(acceptedOn(port))).toBe(true)
      expect(watcher.follow(acceptedOn(port))).toBe(true)
      expect(settle(watcher)).toBe(0)
      const { changes } = watcher
      watcher.poll()
      expect(watcher.changes).toBe(changes)
      one.end()
      await Bun.sleep(5)
      watcher.poll()
      expect(watcher.changes).toBeGreaterThan(changes)
    })
  }

  test('where a listener cannot be heard there is no epoch', async () => {
    const deaf: Libc = {
      ...libc,
      epoll_ctl: (epoll, operation, of, event) => (of === fd ? -1 : libc.epoll_ctl(epoll, operation, of, event)),
      errno: () => ERRNO.ENOSPC,
    }
    const { port, fd } = listen()
    const watcher = watcherOf(deaf)
    watcher.setListeners([fd])
    await connect(port)
    expect(watcher.watch(acceptedOn(port))).toBe(true)
    expect(settle(watcher)).toBe(0)
  })

  test('the end of a watch on a number that is a listener by now leaves the listener in the set', () => {
    const fake = createFakeLibc()
    const watcher = new Watcher(fake, { closed() {}, lost() {} })
    const fd = fake.open({ peer: 40_000 })
    expect(watcher.watch(fd)).toBe(true)
    watcher.setListeners([fd])
    const before = fake.calls.epoll_ctl
    watcher.unwatch(fd)
    expect(fake.calls.epoll_ctl).toBe(before)
    expect(watcher.has(fd)).toBe(false)
  })

  test('a watch that was ended can be made again', async () => {
    const { port } = listen()
    const watcher = watcherOf()
    await connect(port)
    const socket = acceptedOn(port)
    for (let i = 0; i < 3; i++) {
      expect(watcher.watch(socket)).toBe(true)
      expect(watcher.has(socket)).toBe(true)
      watcher.unwatch(socket)
      expect(watcher.has(socket)).toBe(false)
    }
    expect(watcher.size).toBe(0)
  })
})
