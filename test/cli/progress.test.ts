import { expect, setSystemTime, test } from 'bun:test'
import type { Io } from '../../src/cli/io.ts'
import { Output } from '../../src/cli/output.ts'
import { createProgress } from '../../src/cli/progress.ts'

function terminal(noticeIsTerminal: boolean, outputIsTerminal: boolean): { io: Io; said: string[] } {
  const said: string[] = []
  const io: Io = {
    out: new Output(-1),
    outputIsTerminal,
    rows: () => 24,
    color: false,
    noticeIsTerminal,
    warn: () => {},
    notice: (text) => said.push(text),
  }
  return { io, said }
}

/** Updates at these milliseconds after the start. */
function updates(io: Io, size: number | undefined, times: readonly number[]): void {
  const start = new Date('2026-11-22T12:00:00Z').getTime()
  try {
    setSystemTime(start)
    const progress = createProgress(io, 'a.pcap', size)
    for (const time of times) {
      setSystemTime(start + time)
      progress.update(time * 1048, time, time * 1000)
    }
    progress.clear()
    progress.clear()
  } finally {
    setSystemTime()
  }
}

test('createProgress speaks up after a while, then now and then, and cleans up', () => {
  const { io, said } = terminal(true, false)
  updates(io, 2_096_000, [10, 600, 800, 810, 900, 1100, 2000])
  expect(said).toEqual([
    '\r\u001b[Ka.pcap: 40 %, 800 packets, 800,000 SYNs',
    '\r\u001b[Ka.pcap: 55 %, 1,100 packets, 1,100,000 SYNs',
    '\r\u001b[Ka.pcap: 100 %, 2,000 packets, 2,000,000 SYNs',
    '\r\u001b[K',
  ])
})

test('createProgress counts what it cannot compare', () => {
  const { io, said } = terminal(true, false)
  updates(io, undefined, [3000])
  expect(said[0]).toBe('\r\u001b[Ka.pcap: 3 MiB, 3,000 packets, 3,000,000 SYNs')
})

test('createProgress is silent for short files, in pipes, and where the records show themselves', () => {
  for (const [notice, output, times] of [
    [true, false, [100, 500]],
    [false, false, [5000]],
    [true, true, [5000]],
  ] as const) {
    const { io, said } = terminal(notice, output)
    updates(io, 1000, times)
    expect(said).toEqual([])
  }
})
