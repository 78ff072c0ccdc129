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

/** As the capture searches: by guesses, then by a census. */
function locate(table: DescriptorTable, port: number, accept: (fd: number) => boolean = any): number {
  const fd = table.find(port, loopback, accept)
  return fd < 0 && table.takeCensus(false) ? table.findKnown(port, loopback, accept) : fd
}

/** `getpeername` calls that `run` makes. */
function probes(libc: FakeLibc, run: () => void): number {
  const before = libc.calls.getpeername ?? 0
  run()
  return (libc.calls.getpeername ?? 0) - before
}

test('a number that the runtime named goes with the others, however high it is', () => {
  const { libc, table, gone } = setUp()
  for (let i = 0; i < 300; i++) libc.open({ peer: 30_000 + i })
  const fd = libc.open({ peer: 40_000 })
  expect(table.check(fd, 40_000, loopback)).toBe(true)
  table.close()
  expect(gone).toContain(fd)
})

describe('DescriptorTable.find', () => {
  test('finds a socket by its peer, and -1 for a peer that nobody has', () => {
    const { libc, table } = setUp()
    const fd = libc.open({ peer: 40_000 })
    expect(locate(table, 40_000)).toBe(fd)
    expect(locate(table, 40_001)).toBe(-1)
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
    expect(locate(table, 40_000, (fd) => fd !== first)).toBe(second)
    expect(table.all(40_000)).toHaveLength(2)
    expect(table.onlyWithPort(40_000)).toBe(-1)
    expect(locate(table, 40_000, (fd) => fd === first)).toBe(first)
  })

  test('a number closed and taken again by another peer belongs to the new one, and the old one is told', () => {
    const { libc, table, gone } = setUp()
    const fd = libc.open({ peer: 40_000 })
    locate(table, 40_000)
    libc.shut(fd)
    expect(libc.open({ peer: 40_001 })).toBe(fd)
    expect(locate(table, 40_001)).toBe(fd)
    expect(gone).toEqual([fd])
    expect(locate(table, 40_000)).toBe(-1)
  })

  test('steps over files and gaps, also at the end', () => {
    const { libc, table } = setUp()
    locate(table, 1)
    for (let i = 0; i < 5; i++) libc.open({ file: true })
    const fd = libc.open({ peer: 40_000 })
    expect(locate(table, 40_000)).toBe(fd)
  })

  test('finds the later connections of a batch whose first ones have closed again, also right after a search in vain', () => {
    const { libc, table } = setUp()
    for (let i = 0; i < 5000; i++) libc.open({ peer: 1000 + i })
    expect(locate(table, 60_000)).toBe(-1)
    const { fullScans } = table.counts()
    const first = Array.from({ length: 5 }, (_, i) => libc.open({ peer: 50_000 + i }))
    const later = libc.open({ peer: 60_001 })
    for (const fd of first) libc.shut(fd)
    expect(locate(table, 60_001)).toBe(later)
    expect(table.counts().fullScans).toBe(fullScans)
    const again = libc.open({ peer: 60_002 })
    expect(again).toBe(first[0]!)
    expect(locate(table, 60_002)).toBe(again)
  })

  test('where the kernel refuses poll, numbers are probed one by one', () => {
    const { libc, table } = setUp(({ refuse }) => refuse.set('poll', ERRNO.EINVAL))
    const fd = libc.open({ peer: 40_000 })
    expect(locate(table, 40_000)).toBe(fd)
    const gap = Array.from({ length: 30 }, () => libc.open({ peer: 1 }))
    const last = libc.open({ peer: 40_001 })
    for (const one of gap) libc.shut(one)
    expect(locate(table, 40_001)).toBe(last)
  })

  test('after a peak the numbers at the top count as never used', () => {
    const { libc, table } = setUp()
    const crowd = Array.from({ length: 1200 }, (_, i) => libc.open({ peer: 41_000 + i }))
    locate(table, 1)
    const dear = table.censusCost
    for (const fd of crowd.slice(3)) libc.shut(fd)
    for (let i = 0; i < 40; i++) table.sweep(64)
    expect(table.censusCost).toBeLessThan(dear / 10)
    const again = libc.open({ peer: 60_000 })
    expect(locate(table, 60_000)).toBe(again)
  })

  test('the end of a watched one is not taken for that of its successor with the same peer', () => {
    const { libc, table, gone } = setUp()
    const fd = libc.open({ peer: 40_000 })
    locate(table, 40_000)
    table.watch(fd)
    libc.shut(fd)
    expect(libc.open({ peer: 40_000 })).toBe(fd)
    expect(locate(table, 40_000)).toBe(fd)
    table.renew(fd)
    expect(gone).toEqual([fd])
    table.watcher.drain()
    expect(gone).toEqual([fd])
    expect(table.onlyWithPort(40_000)).toBe(fd)
    table.watch(fd)
    libc.shut(fd)
    table.watcher.drain()
    expect(gone).toEqual([fd, fd])
  })

  test('sockets met on the way are found without a search', () => {
    const { libc, table } = setUp()
    for (let port = 40_000; port < 40_100; port++) libc.open({ peer: port })
    locate(table, 40_099)
    expect(probes(libc, () => expect(locate(table, 40_050)).toBeGreaterThan(0))).toBe(1)
  })

  test('short-lived traffic costs the same beside 10 and beside 10,000 open sockets', () => {
    const cost = (open: number): number => {
      const { libc, table } = setUp()
      for (let i = 0; i < open; i++) libc.open({ peer: 1000 + i })
      locate(table, 1)
      for (let i = 0; i < 400; i++) table.sweep(64)
      expect(table.counts().watches).toBe(open)
      return probes(libc, () => {
        for (let port = 50_000; port < 50_200; port++) {
          const fd = libc.open({ peer: port })
          expect(locate(table, port)).toBe(fd)
          libc.shut(fd)
        }
      })
    }
    expect(cost(10_000)).toBe(cost(10))
  })

  test('a new connection on the number of a watched one that closed is found by the notice', () => {
    const { libc, table } = setUp()
    const numbers = Array.from({ length: 1000 }, (_, i) => libc.open({ peer: 1000 + i }))
    locate(table, 1)
    for (let i = 0; i < 40; i++) table.sweep(64)
    const freed = numbers[500]!
    libc.shut(freed)
    expect(libc.open({ peer: 60_000 })).toBe(freed)
    expect(probes(libc, () => expect(locate(table, 60_000)).toBe(freed))).toBeLessThan(10)
  })

  for (const call of ['inotify_init1', 'inotify_add_watch', 'epoll_create1', 'epoll_ctl']) {
    test(`works, slower, where the kernel refuses ${call}`, () => {
      const { libc, table } = setUp(({ refuse }) => refuse.set(call, ERRNO.EMFILE))
      const numbers = Array.from({ length: 300 }, (_, i) => libc.open({ peer: 1000 + i }))
      expect(locate(table, 1250)).toBe(numbers[250]!)
      for (let i = 0; i < 20; i++) table.sweep(64)
      expect(table.counts().watches).toBe(0)
      expect(numbers.some((fd) => table.isWatched(fd))).toBe(false)
      libc.shut(numbers[7]!)
      expect(libc.open({ peer: 60_000 })).toBe(numbers[7]!)
      expect(locate(table, 60_000)).toBe(numbers[7]!)
      const files = [...libc.sockets.values()].filter(({ file }) => file).length
      // Standard streams, the watcher's two, the roster's.
      expect(files).toBeLessThanOrEqual(6)
    })
  }
})

describe('DescriptorTable.takeCensus', () => {
  test('lists a duplicate peer wherever it may have come: past gaps, at a closed number, at a file or a watched one that ended', () => {
    const { libc, table } = setUp()
    const known = libc.open({ peer: 40_000 })
    const closes = libc.open({ peer: 40_001 })
    const file = libc.open({ file: true })
    const watched = libc.open({ peer: 40_002 })
    for (let i = 0; i < 400; i++) libc.open({ peer: 41_000 + i })
    for (const port of [40_000, 40_001, 40_002, 50_000]) locate(table, port)
    table.watch(watched)
    const duplicates = (): readonly number[] => {
      expect(table.takeCensus(false)).toBe(true)
      return table.all(40_000).filter((fd) => fd !== known)
    }
    expect(duplicates()).toEqual([])
    for (const fd of [closes, file, watched]) {
      libc.shut(fd)
      expect(libc.open({ peer: 40_000 })).toBe(fd)
      expect(duplicates()).toEqual([fd])
      libc.shut(fd)
      expect(duplicates()).toEqual([])
      libc.open({ peer: 60_000 + fd })
    }
    const gap = [libc.open({ peer: 1 }), libc.open({ peer: 2 })]
    const last = libc.open({ peer: 40_000 })
    for (const fd of gap) libc.shut(fd)
    expect(duplicates()).toEqual([last])
  })

  test('after a peak of which the last stays, numbers free at the last census cost nothing, and a duplicate is listed', () => {
    const { libc, table } = setUp()
    const crowd = Array.from({ length: 3000 }, (_, i) => libc.open({ peer: 1000 + i }))
    locate(table, 1)
    for (let i = 0; i < 400; i++) table.sweep(64)
    expect(table.counts().watches).toBe(3000)
    for (const fd of crowd.slice(0, -1)) libc.shut(fd)
    expect(table.takeCensus(false)).toBe(true)
    const polls = libc.calls.poll!
    const made = probes(libc, () => {
      for (let i = 0; i < 50; i++) {
        const fd = libc.open({ peer: 40_000 + i })
        expect(table.takeCensus(false)).toBe(true)
        expect(table.onlyWithPort(40_000 + i)).toBe(fd)
        libc.shut(fd)
      }
    })
    expect(made).toBeLessThanOrEqual(50 * 8)
    // Far fewer than the 6 calls that testing 3,000 numbers takes, and the one for the others.
    expect(libc.calls.poll! - polls).toBeLessThanOrEqual(50 * 2)
  })

  test('lists the last of a burst, whatever of it has closed again', () => {
    for (const size of [1, 10, 50, 200, 1000]) {
      const { libc, table } = setUp()
      table.takeCensus(false)
      const burst = Array.from({ length: size }, (_, i) => libc.open({ peer: 1000 + i }))
      const last = libc.open({ peer: 40_000 })
      // Fewer than a process opens and closes again in no time.
      for (const fd of burst.filter((_, i) => i % Math.ceil(size / 7) === 0)) libc.shut(fd)
      expect(table.takeCensus(false)).toBe(true)
      expect(table.onlyWithPort(40_000)).toBe(last)
      expect(table.onlyWithPort(1000 + size - 1)).toBe(size === 1 ? -1 : burst.at(-1)!)
    }
  })

  test('a connection costs a few probes and a watch in its life, however many censuses there are', () => {
    const { libc, table } = setUp()
    for (let i = 0; i < 1500; i++) libc.open({ peer: 1000 + i })
    const made = probes(libc, () => {
      for (let i = 0; i < 100; i++) expect(table.takeCensus(false)).toBe(true)
    })
    expect(made).toBeLessThanOrEqual(1500 * 16)
    expect(table.counts().watches).toBe(1500)
    expect(probes(libc, () => table.takeCensus(false))).toBeLessThan(10)
  })

  test('where the kernel refuses getpeername nothing is known, and no call is repeated for long', () => {
    for (const errno of [ERRNO.EPERM, ERRNO.EINTR]) {
      const { libc, table } = setUp()
      for (let i = 0; i < 3000; i++) libc.open({ peer: 1000 + i })
      libc.refuse.set('getpeername', errno)
      const before = libc.calls.poll ?? 0
      const made = probes(libc, () => {
        expect(table.find(1000, loopback, any)).toBe(-1)
        table.sweep(64)
        expect(table.takeCensus(false)).toBe(false)
      })
      expect(table.refusal).toBe(errno)
      expect(made).toBeLessThan(100)
      expect((libc.calls.poll ?? 0) - before).toBeLessThan(20)
    }
  })
})

describe('DescriptorTable.guess', () => {
  /** A connection that two censuses have met, so that it is in the roster. */
  function met(): { libc: FakeLibc; table: DescriptorTable; fd: number } {
    const { libc, table } = setUp()
    const fd = libc.open({ peer: 40_000 })
    for (let i = 0; i < 3; i++) table.takeCensus(false)
    return { libc, table, fd }
  }
  const listed = (table: DescriptorTable, address = loopback): number => {
    const guessed = table.guess(40_000, address)
    expect(table.takeCensus(false, guessed)).toBe(true)
    return table.findListed(40_000, address, guessed, any)
  }

  test('one in the roster costs no probe', () => {
    const { libc, table, fd } = met()
    // Numbers 0 to 2 are files that were not open for long.
    expect(probes(libc, () => expect(listed(table)).toBe(fd))).toBe(3)
  })

  test('numbers that have had files for long are probed once in 5 ms', async () => {
    const { libc, table, fd } = met()
    for (let i = 0; i < 64; i++) {
      await Bun.sleep(6)
      table.takeCensus(false)
    }
    // It is watched by now, and the guess asks it alone, but where 5 ms have passed.
    const calls = Array.from({ length: 5 }, () => probes(libc, () => expect(listed(table)).toBe(fd)))
    expect(Math.min(...calls)).toBe(1)
  })

  test('another address with the same port is another peer', () => {
    const { table } = met()
    const other = createAddressWords()
    parseAddress('127.0.0.2', other)
    expect(listed(table, other)).toBe(-1)
  })

  test('one whose number is taken by a duplicate peer is probed, also after that has closed', () => {
    const { libc, table, fd } = met()
    for (let i = 0; i < 3; i++) {
      libc.shut(fd)
      expect(libc.open({ peer: 40_000 })).toBe(fd)
      expect(probes(libc, () => expect(listed(table)).toBe(fd))).toBeGreaterThan(0)
    }
    libc.shut(fd)
    expect(listed(table)).toBe(-1)
    libc.open({ peer: 40_001 })
    expect(listed(table)).toBe(-1)
  })
})

describe('DescriptorTable.sweep', () => {
  test('lets go of what was closed and watches what stays; nothing is left after everything closed', () => {
    const { libc, table, gone } = setUp()
    const numbers = Array.from({ length: 100 }, (_, i) => libc.open({ peer: 1000 + i }))
    locate(table, 1)
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
    locate(table, 1)
    table.sweep(64)
    expect(probes(libc, () => expect(table.sweep(64)).toBe(true))).toBeLessThanOrEqual(128)
  })
})

describe('DescriptorTable.watch', () => {
  test('`changes` stays while nothing happens to watched sockets, and counts on when one closes', () => {
    const { libc, table } = setUp()
    const fd = libc.open({ peer: 40_000 })
    locate(table, 40_000)
    table.watch(fd)
    expect(table.isWatched(fd)).toBe(true)
    const { watcher } = table
    const { changes } = watcher
    watcher.poll()
    expect(watcher.changes).toBe(changes)
    libc.shut(fd)
    watcher.poll()
    expect(watcher.changes).toBeGreaterThan(changes)
    expect(table.isWatched(fd)).toBe(false)
    const after = watcher.changes
    watcher.poll()
    expect(watcher.changes).toBe(after)
  })

  test('close() leaves no descriptor behind', () => {
    const { libc, table } = setUp()
    const fd = libc.open({ peer: 40_000 })
    const before = libc.sockets.size
    locate(table, 40_000)
    table.watch(fd)
    expect(libc.sockets.size).toBe(before + 2)
    table.close()
    expect(libc.sockets.size).toBe(before)
  })
})
