import { describe, expect, test } from 'bun:test'
import { Jiffies } from '../../src/capture/jiffies.ts'

/** What the kernel counts between two times, milliseconds, both on CLOCK_MONOTONIC. */
const counted = (rate: number, from: number, to: number): number => {
  const jiffies = Math.floor((to * rate) / 1000) - Math.floor((from * rate) / 1000)
  return Math.floor((jiffies * 1000) / rate)
}

describe('the length of a jiffy', () => {
  test.each([
    ['not known yet', [], 10],
    ['HZ=100', [210_000, 1_000_000], 10],
    ['HZ=250', [204_000], 4],
    ['HZ=250, 20 ms away', [220_000, 224_000], 4],
    ['HZ=300', [203_333, 206_666, 210_000], 1000 / 300],
    ['HZ=1000', [204_000, 201_000], 1],
    ['no such kernel', [1], 1],
  ])('%s', (_name, times, expected) => {
    const jiffies = new Jiffies(() => 0)
    for (const time of times) jiffies.learn(time)
    expect(jiffies.length).toBe(expected)
  })
})

describe('the time that has passed', () => {
  let now = 0
  const jiffies = new Jiffies(() => now)
  jiffies.learn(204_000)

  test('what happened at once is told so', () => {
    for (now = 1000; now < 1004; now += 0.1) {
      expect(jiffies.passed(counted(250, now - 0.05, now))).toBeLessThan(0.2)
    }
  })

  test('whatever it was, it is told to a jiffy, and to half of one where that long has surely passed', () => {
    for (now = 1000; now < 1004; now += 0.13) {
      for (let passed = 0; passed < 30; passed += 0.17) {
        const count = counted(250, now - passed, now)
        const off = Math.abs(jiffies.passed(count) - passed)
        expect(off).toBeLessThan(4)
        if (count > 4) expect(off).toBeLessThanOrEqual(2 + 1e-9)
      }
    }
  })
})
