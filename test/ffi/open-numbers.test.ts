import { expect, test } from 'bun:test'
import { ERRNO } from '../../ffi/constants.ts'
import { OpenNumbers } from '../../ffi/descriptors/open-numbers.ts'
import { openLibc } from '../../ffi/libc.bun.ts'
import { isLibc, type Libc } from '../../ffi/libc.ts'
import { needs } from '../lab/privilege.ts'
import { createFakeLibc } from '../support/fake-libc.ts'

/** Numbers of a list that are open, in the order in which they are told. */
function openAmong(libc: Libc, fds: readonly number[]): number[] {
  const numbers = new OpenNumbers(libc)
  const open: number[] = []
  for (const fd of fds) expect(numbers.add(fd)).toBe(true)
  expect(
    numbers.ask((fd) => {
      open.push(fd)
      return false
    }),
  ).toBe(-1)
  return open
}

needs('linux').test('the kernel says which numbers are open', () => {
  const libc = openLibc()
  if (!isLibc(libc)) throw new Error(libc.message)
  const open = [0, 1, 2].filter(
    (fd) => libc.ioctl(fd, 0, new Uint8Array(new ArrayBuffer(4))) === 0 || libc.errno() !== ERRNO.EBADF,
  )
  expect(openAmong(libc, [0, 1, 2, 60_000, 60_001])).toEqual(open)
  const fd = libc.inotify_init1(0)
  expect(openAmong(libc, [60_000, fd])).toEqual([fd])
  libc.close(fd)
  expect(openAmong(libc, [60_000, fd])).toEqual([])
})

test('the first for which `visit` is true ends it, and the list is empty afterwards', () => {
  const libc = createFakeLibc()
  const numbers = new OpenNumbers(libc)
  for (const fd of [5, 2, 1, 0]) numbers.add(fd)
  const open: number[] = []
  const closed: number[] = []
  const visit = (fd: number): boolean => {
    open.push(fd)
    return fd === 1
  }
  expect(numbers.ask(visit, (fd) => closed.push(fd))).toBe(1)
  expect(open).toEqual([2, 1])
  expect(closed).toEqual([5])
  expect(numbers.ask(visit)).toBe(-1)
  expect(libc.calls.poll).toBe(1)
})

test('takes as many numbers as one call may have under the usual RLIMIT_NOFILE, and no more', () => {
  const numbers = new OpenNumbers(createFakeLibc())
  let count = 0
  while (numbers.add(count)) count++
  expect(count).toBe(512)
  let open = 0
  numbers.ask(() => {
    open++
    return false
  })
  expect(open).toBe(3)
  expect(numbers.add(0)).toBe(true)
})

test('where the kernel refuses to say, every number may be open', () => {
  const libc = createFakeLibc()
  libc.refuse.set('poll', ERRNO.EINVAL)
  expect(openAmong(libc, [1, 77, 60_000])).toEqual([1, 77, 60_000])
})

test('where RLIMIT_NOFILE is low, fewer numbers are asked about at once, until the kernel takes them', () => {
  const libc = createFakeLibc(100)
  const numbers = new OpenNumbers(libc)
  const sizes: number[] = []
  for (let round = 0; round < 5; round++) {
    let count = 0
    while (numbers.add(count)) count++
    let open = 0
    numbers.ask(() => {
      open++
      return false
    })
    sizes.push(count)
    expect(open).toBe(count > 100 ? count : 3)
  }
  expect(sizes).toEqual([512, 256, 128, 64, 64])
})
