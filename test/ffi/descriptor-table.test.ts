import { describe, expect, test } from 'bun:test'
import { ERRNO } from '../../ffi/constants.ts'
import { DescriptorTable } from '../../ffi/descriptors/table.ts'
import { Sockets } from '../../ffi/socket.ts'
import { createAddressWords, parseAddress } from '../../src/wire/sockaddr.ts'
import { createFakeLibc, type FakeLibc } from '../support/fake-libc.ts'

const loopback = createAddressWords()
parseAddress('127.0.0.1', loopback)
const any = (): boolean => true

function setUp(prepare: (libc: FakeLibc) => void = () => {}): {
  libc: FakeLibc
  table: DescriptorTable
  gone: number[]
} {
  const libc = createFakeLibc()
  prepare(libc)
  const gone: number[] = []
  const table = new DescriptorTable(new Sockets(libc), { gone: (fd) => gone.push(fd) })
  return { libc, table, gone }
}

/** `getpeername` calls that `run` makes. */
function probes(libc: FakeLibc, run: () => void): number {
  const before = libc.calls.getpeername ?? 0
  run()
  return (libc.calls.getpeername ?? 0) - before
}

describe('DescriptorTable.find', () => {
  test('finds a socket by its peer, and -1 for a peer that nobody has', () => {
    const { libc, table } = setUp()
    const fd = libc.open({ peer: 40_000 })
    expect(table.find(40_000, loopback, any)).toBe(fd)
    expect(table.find(40_001, loopback, any)).toBe(-1)
  })

  test('another address with the same port is another peer', () => {
    const { libc, table } = setUp()
    libc.open({ peer: 40_000 })
    const other = createAddressWords()
    parseAddress('127.0.0.2', other)
    expect(table.find(40_000, other, any)).toBe(-1)
  })

  test('goes on where accept refuses', () => {
    const { libc, table } = setUp()
    const first = libc.open({ peer: 40_000 })
    const second = libc.open({ peer: 40_000 })
    expect(table.find(40_000, loopback, (fd) => fd !== first)).toBe(second)
    expect(table.isShared(40_000)).toBe(true)
    expect(table.sole(40_000)).toBe(-1)
    expect(table.find(40_000, loopback, (fd) => fd === first)).toBe(first)
  })

  test('a number closed and taken again by another peer belongs to the new one, and the old one is told', () => {
    const { libc, table, gone } = setUp()
    const fd = libc.open({ peer: 40_000 })
    table.find(40_000, loopback, any)
    libc.shut(fd)
    expect(libc.open({ peer: 40_001 })).toBe(fd)
    expect(table.find(40_001, loopback, any)).toBe(fd)
    expect(gone).toEqual([fd])
    expect(table.find(40_000, loopback, any)).toBe(-1)
  })

  test('steps over files and gaps, also at the end', () => {
    const { libc, table } = setUp()
    table.find(1, loopback, any)
    for (let i = 0; i < 5; i++) libc.open({ file: true })
    const fd = libc.open({ peer: 40_000 })
    expect(table.find(40_000, loopback, any)).toBe(fd)
  })

  test('finds the later connections of a batch whose first ones have closed again, also right after a search in vain', () => {
    const { libc, table } = setUp()
    for (let i = 0; i < 5000; i++) libc.open({ peer: 1000 + i })
    expect(table.find(60_000, loopback, any)).toBe(-1)
    const { fullScans } = table.counts()
    const first = Array.from({ length: 5 }, (_, i) => libc.open({ peer: 50_000 + i }))
    const later = libc.open({ peer: 60_001 })
    for (const fd of first) libc.shut(fd)
    expect(table.find(60_001, loopback, any)).toBe(later)
    expect(table.counts().fullScans).toBe(fullScans)
    const again = libc.open({ peer: 60_002 })
    expect(again).toBe(first[0]!)
    expect(table.find(60_002, loopback, any)).toBe(again)
  })

  test('findUnwatched finds a namesake wherever it may have come: past gaps, on a closed number, on a file or a watched one that ended', () => {
    const { libc, table } = setUp()
    const known = libc.open({ peer: 40_000 })
    const closes = libc.open({ peer: 40_001 })
    const file = libc.open({ file: true })
    const watched = libc.open({ peer: 40_002 })
    for (let i = 0; i < 400; i++) libc.open({ peer: 41_000 + i })
    for (const port of [40_000, 40_001, 40_002, 50_000]) table.find(port, loopback, any)
    table.watch(watched)
    const other = (fd: number): boolean => fd !== known
    const find = (): number => table.findUnwatched(40_000, loopback, other)
    expect(find()).toBe(-1)
    for (const fd of [closes, file, watched]) {
      libc.shut(fd)
      expect(libc.open({ peer: 40_000 })).toBe(fd)
      expect(find()).toBe(fd)
      libc.shut(fd)
      expect(find()).toBe(-1)
      libc.open({ peer: 60_000 + fd })
    }
    const gap = [libc.open({ peer: 1 }), libc.open({ peer: 2 })]
    const last = libc.open({ peer: 40_000 })
    for (const fd of gap) libc.shut(fd)
    expect(find()).toBe(last)
  })

  test('findUnwatched looks hundreds of numbers past those in use, and sweep further', () => {
    const { libc, table } = setUp()
    const known = libc.open({ peer: 40_000 })
    for (let i = 0; i < 400; i++) libc.open({ peer: 41_000 + i })
    table.find(40_000, loopback, any)
    const other = (fd: number): boolean => fd !== known
    const find = (): number => table.findUnwatched(40_000, loopback, other)
    const behindGapOf = (numbers: number): number => {
      const gap = Array.from({ length: numbers }, () => libc.open({ peer: 1 }))
      const last = libc.open({ peer: 40_000 })
      for (const fd of gap) libc.shut(fd)
      return last
    }
    const near = behindGapOf(500)
    expect(find()).toBe(near)
    libc.shut(near)
    const far = behindGapOf(1500)
    expect(find()).toBe(-1)
    table.sweep(64)
    expect(find()).toBe(far)
    libc.shut(far)
  })

  test('where the kernel refuses poll, numbers are looked at one by one, and the last one seen in use stays so', () => {
    const { libc, table } = setUp(({ refuse }) => refuse.set('poll', ERRNO.EINVAL))
    const fd = libc.open({ peer: 40_000 })
    expect(table.find(40_000, loopback, any)).toBe(fd)
    const gap = Array.from({ length: 300 }, () => libc.open({ peer: 1 }))
    const last = libc.open({ peer: 40_001 })
    for (const one of gap) libc.shut(one)
    expect(table.findUnwatched(40_001, loopback, any)).toBe(last)
    libc.shut(last)
    for (let i = 0; i < 5; i++) table.sweep(64)
    expect(probes(libc, () => expect(table.findUnwatched(1, loopback, any)).toBe(-1))).toBeLessThan(1000)
  })

  test('after a peak the numbers at the top are as if never used, and looks may be made again', () => {
    const { libc, table } = setUp()
    const crowd = Array.from({ length: 1200 }, (_, i) => libc.open({ peer: 41_000 + i }))
    table.find(1, loopback, any)
    expect(table.unwatched).toBeGreaterThan(1200)
    for (const fd of crowd.slice(3)) libc.shut(fd)
    for (let i = 0; i < 40; i++) table.sweep(64)
    expect(table.unwatched).toBeLessThan(100)
    const again = libc.open({ peer: 60_000 })
    expect(table.find(60_000, loopback, any)).toBe(again)
  })

  test('the end of a watched one is not taken for that of its successor with the same peer', () => {
    const { libc, table, gone } = setUp()
    const fd = libc.open({ peer: 40_000 })
    table.find(40_000, loopback, any)
    table.watch(fd)
    libc.shut(fd)
    expect(libc.open({ peer: 40_000 })).toBe(fd)
    expect(table.find(40_000, loopback, any)).toBe(fd)
    table.renew(fd)
    table.watcher.drain()
    expect(gone).toEqual([])
    expect(table.sole(40_000)).toBe(fd)
    table.watch(fd)
    libc.shut(fd)
    table.watcher.drain()
    expect(gone).toEqual([fd])
  })

  test('sockets met on the way are found without a search', () => {
    const { libc, table } = setUp()
    for (let port = 40_000; port < 40_100; port++) libc.open({ peer: port })
    table.find(40_099, loopback, any)
    expect(probes(libc, () => expect(table.find(40_050, loopback, any)).toBeGreaterThan(0))).toBe(1)
  })

  test('short-lived traffic costs the same beside 10 and beside 10,000 open sockets', () => {
    const cost = (open: number): number => {
      const { libc, table } = setUp()
      for (let i = 0; i < open; i++) libc.open({ peer: 1000 + i })
      table.find(1, loopback, any)
      for (let i = 0; i < 400; i++) table.sweep(64)
      expect(table.counts().watches).toBe(open)
      return probes(libc, () => {
        for (let port = 50_000; port < 50_200; port++) {
          const fd = libc.open({ peer: port })
          expect(table.find(port, loopback, any)).toBe(fd)
          libc.shut(fd)
        }
      })
    }
    expect(cost(10_000)).toBe(cost(10))
  })

  test('a new connection on the number of a watched one that closed is found by the notice', () => {
    const { libc, table } = setUp()
    const numbers = Array.from({ length: 1000 }, (_, i) => libc.open({ peer: 1000 + i }))
    table.find(1, loopback, any)
    for (let i = 0; i < 40; i++) table.sweep(64)
    const freed = numbers[500]!
    libc.shut(freed)
    expect(libc.open({ peer: 60_000 })).toBe(freed)
    expect(probes(libc, () => expect(table.find(60_000, loopback, any)).toBe(freed))).toBeLessThan(10)
  })

  for (const call of ['inotify_init1', 'inotify_add_watch', 'epoll_create1', 'epoll_ctl']) {
    test(`works, slower, where the kernel refuses ${call}`, () => {
      const { libc, table } = setUp(({ refuse }) => refuse.set(call, ERRNO.EMFILE))
      const numbers = Array.from({ length: 300 }, (_, i) => libc.open({ peer: 1000 + i }))
      expect(table.find(1250, loopback, any)).toBe(numbers[250]!)
      for (let i = 0; i < 20; i++) table.sweep(64)
      expect(table.counts().watches).toBe(0)
      expect(numbers.some((fd) => table.isWatched(fd))).toBe(false)
      libc.shut(numbers[7]!)
      expect(libc.open({ peer: 60_000 })).toBe(numbers[7]!)
      expect(table.find(60_000, loopback, any)).toBe(numbers[7]!)
      const files = [...libc.sockets.values()].filter(({ file }) => file).length
      expect(files).toBeLessThanOrEqual(5)
    })
  }

  test('findLikely finds one on a closed number and on a young one, and looks at some hundred numbers at most', () => {
    const { libc, table } = setUp()
    const numbers = Array.from({ length: 1000 }, (_, i) => libc.open({ peer: 1000 + i }))
    table.find(1000, loopback, any)
    expect(probes(libc, () => expect(table.findLikely(5, loopback, any)).toBe(-1))).toBeLessThan(300)
    libc.shut(numbers[100]!)
    libc.open({ peer: 5 })
    expect(table.findLikely(5, loopback, any)).toBe(numbers[100]!)
    libc.shut(numbers[100]!)
    expect(table.findLikely(5, loopback, any)).toBe(-1)
    libc.open({ peer: 5 })
    expect(table.findLikely(5, loopback, any)).toBe(numbers[100]!)
    expect(table.findLikely(5, loopback, (fd) => fd !== numbers[100])).toBe(-1)
  })
})

describe('DescriptorTable.sweep', () => {
  test('lets go of what was closed and watches what stays; nothing is left after everything closed', () => {
    const { libc, table, gone } = setUp()
    const numbers = Array.from({ length: 100 }, (_, i) => libc.open({ peer: 1000 + i }))
    table.find(1, loopback, any)
    for (const fd of numbers.slice(0, 50)) libc.shut(fd)
    for (let i = 0; i < 10; i++) table.sweep(64)
    expect(table.counts()).toMatchObject({ sockets: 50, watches: 50 })
    for (const fd of numbers.slice(50)) libc.shut(fd)
    table.sweep(64)
    expect(table.counts()).toMatchObject({ sockets: 0, watches: 0 })
    expect(gone.toSorted((a, b) => a - b)).toEqual(numbers)
  })

  test('says whether more is left, and never makes more calls than it may', () => {
    const { libc, table } = setUp()
    for (let i = 0; i < 200; i++) libc.open({ peer: 1000 + i })
    table.find(1, loopback, any)
    table.sweep(64)
    expect(probes(libc, () => expect(table.sweep(64)).toBe(true))).toBeLessThanOrEqual(128)
  })
})

describe('DescriptorTable.watch', () => {
  test('the generation stays while nothing happens to watched sockets, and counts on when one closes', () => {
    const { libc, table } = setUp()
    const fd = libc.open({ peer: 40_000 })
    table.find(40_000, loopback, any)
    table.watch(fd)
    expect(table.isWatched(fd)).toBe(true)
    const { watcher } = table
    const { generation } = watcher
    watcher.look()
    expect(watcher.generation).toBe(generation)
    libc.shut(fd)
    watcher.look()
    expect(watcher.generation).toBeGreaterThan(generation)
    expect(table.isWatched(fd)).toBe(false)
    const after = watcher.generation
    watcher.look()
    expect(watcher.generation).toBe(after)
  })

  test('close() leaves no descriptor behind', () => {
    const { libc, table } = setUp()
    const fd = libc.open({ peer: 40_000 })
    const before = libc.sockets.size
    table.find(40_000, loopback, any)
    table.watch(fd)
    expect(libc.sockets.size).toBe(before + 2)
    table.close()
    expect(libc.sockets.size).toBe(before)
  })
})
