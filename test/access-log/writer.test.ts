import { describe, expect, test } from 'bun:test'
import { type LogTarget, LogWriter, type LogWriterLimits } from '../../src/access-log/writer.ts'

/** A file that takes what it is told to take. */
class FakeFile implements LogTarget {
  text = ''
  pieces: string[] = []
  closed = false
  /** Answers of coming writes: how many octets to take, or the error code to fail with. */
  script: (number | string)[] = []
  atomic: number = Number.POSITIVE_INFINITY
  write(octets: Uint8Array): number {
    if (this.closed) throw Object.assign(new Error('closed'), { code: 'EBADF' })
    const next = this.script.shift()
    if (typeof next === 'string') throw Object.assign(new Error(`write: ${next}`), { code: next })
    const taken = Math.min(next ?? octets.length, octets.length)
    const piece = new TextDecoder().decode(octets.subarray(0, taken))
    this.text += piece
    this.pieces.push(piece)
    return taken
  }
  close(): void {
    this.closed = true
  }
}

function setUp(limits: Partial<LogWriterLimits> = {}) {
  const file = new FakeFile()
  const opened: FakeFile[] = []
  const timers: { run: () => void; milliseconds: number }[] = []
  const errors: string[] = []
  const state = { file, openFails: undefined as string | undefined, pauses: 0 }
  const writer = new LogWriter(
    {
      open: () => {
        if (state.openFails !== undefined) throw Object.assign(new Error(state.openFails), { code: state.openFails })
        opened.push(state.file)
        return state.file
      },
      schedule(run, milliseconds) {
        const timer = { run, milliseconds }
        timers.push(timer)
        return () => timers.splice(timers.indexOf(timer), 1)
      },
      pause: () => {
        state.pauses += 1
      },
      onError: (error) => errors.push(error.message),
    },
    { delay: 10, maxLength: 1_000_000, ...limits },
  )
  const tick = (): void => timers.shift()?.run()
  return { file, opened, timers, errors, state, writer, tick }
}

describe('LogWriter', () => {
  test('batches lines for the delay and writes them once, in order', () => {
    const { writer, file, timers, tick } = setUp()
    writer.write('one')
    writer.write('two é')
    expect(file.text).toBe('')
    expect(timers.map(({ milliseconds }) => milliseconds)).toEqual([10])
    tick()
    expect(file.pieces).toEqual(['one\ntwo é\n'])
    expect(timers).toEqual([])
    writer.write('three')
    expect(timers).toHaveLength(1)
  })
  test('takes lines in pieces, and none that broke off', () => {
    const { writer, file } = setUp()
    const append = (text: string, into: string[]): number => {
      for (const piece of text) into.push(piece)
      if (text.endsWith('!')) throw new Error('planned')
      return text.length
    }
    writer.append(append, 'one')
    expect(() => writer.append(append, 'two!')).toThrow('planned')
    writer.append(append, 'three')
    writer.write('four')
    writer.flushSync()
    expect(file.pieces).toEqual(['one\nthree\nfour\n'])
  })
  test('does not wait when much has come', () => {
    const { writer, file } = setUp()
    const line = 'x'.repeat(999)
    for (let i = 0; i < 70; i += 1) writer.write(line)
    expect(file.text.length).toBeGreaterThanOrEqual(65_536)
    writer.flushSync()
    expect(file.text).toBe(`${line}\n`.repeat(70))
  })
  test('gives a pipe whole lines of at most PIPE_BUF, a longer one alone', () => {
    const { writer, file } = setUp()
    file.atomic = 20
    for (const line of ['aaaaaaaa', 'bbbbbbbb', 'c', 'd'.repeat(30), 'e']) writer.write(line)
    writer.flushSync()
    expect(file.pieces).toEqual(['aaaaaaaa\nbbbbbbbb\nc\n', `${'d'.repeat(30)}\n`, 'e\n'])
  })
  test('goes on after a short write where it stopped', () => {
    const { writer, file } = setUp()
    file.script = [7, 1]
    writer.write('first')
    writer.write('second')
    expect(writer.flushSync()).toBe(true)
    expect(file.text).toBe('first\nsecond\n')
  })
  test('goes on with the rest of a line after an error, also where another process has written meanwhile', () => {
    const { writer, file, tick } = setUp()
    file.script = [8, 'ENOSPC']
    writer.write('first')
    writer.write('second')
    expect(writer.flushSync()).toBe(false)
    expect(file.text).toBe('first\nse')
    file.text += '(other)'
    tick()
    expect(file.text).toBe('first\nse(other)cond\n')
  })
  test('reports a full disk once, keeps the lines, and writes them when there is room', () => {
    const { writer, file, errors, timers, tick } = setUp()
    file.script = ['ENOSPC', 'ENOSPC', 'ENOSPC']
    writer.write('a')
    tick()
    writer.write('b')
    expect(timers.map(({ milliseconds }) => milliseconds)).toEqual([1000])
    tick()
    tick()
    expect(errors).toEqual(['write: ENOSPC'])
    tick()
    expect(file.text).toBe('a\nb\n')
    file.script = ['ENOSPC']
    writer.write('c')
    tick()
    expect(errors).toEqual(['write: ENOSPC', 'write: ENOSPC'])
  })
  test('drops and counts lines beyond the bound', () => {
    const { writer, file, errors, tick } = setUp({ maxLength: 1024 })
    file.script = ['EIO']
    const line = 'x'.repeat(99)
    for (let i = 0; i < 20; i += 1) writer.write(line)
    tick()
    tick()
    expect(file.text).toBe(`${line}\n`.repeat(11))
    expect(errors).toEqual(['write: EIO', 'Access log writes again: 9 lines were dropped meanwhile'])
  })
  test('opens again until it can, and reports that once', () => {
    const file = new FakeFile()
    const errors: string[] = []
    const timers: (() => void)[] = []
    let fails = true
    const writer = new LogWriter(
      {
        open: () => {
          if (fails) throw Object.assign(new Error('no directory'), { code: 'ENOENT' })
          return file
        },
        schedule: (run) => {
          timers.push(run)
          return () => {}
        },
        pause() {},
        onError: (error) => errors.push(error.message),
      },
      { delay: 0, maxLength: 10_000 },
    )
    writer.write('a')
    timers.shift()?.()
    timers.shift()?.()
    expect(errors).toEqual(['no directory'])
    fails = false
    timers.shift()?.()
    expect(file.text).toBe('a\n')
  })
  test('a full pipe is waited for without a word', () => {
    const { writer, file, errors, tick, timers } = setUp()
    file.script = ['EAGAIN', 'EAGAIN']
    writer.write('a')
    tick()
    expect(timers).toHaveLength(1)
    tick()
    tick()
    expect(file.text).toBe('a\n')
    expect(errors).toEqual([])
  })
  test('what a full pipe did not take is offered again as it is, and later lines after it', () => {
    const { writer, file, tick } = setUp({ maxLength: 10_000_000 })
    const offered = new Set<ArrayBufferLike>()
    const write = file.write.bind(file)
    file.write = (octets) => {
      offered.add(octets.buffer)
      return write(octets)
    }
    file.script = Array.from({ length: 50 }, () => 'EAGAIN')
    for (let i = 0; i < 50; i++) {
      // As much as is written at once, so that a copy would be an allocation.
      writer.write(`${i}`.padEnd(70_000, 'x'))
      tick()
    }
    expect(offered.size).toBe(1)
    writer.flushSync()
    expect(file.text.split('\n').map((line) => Number.parseInt(line, 10))).toEqual([...Array(50).keys(), Number.NaN])
  })
  test('an interrupted write is repeated', () => {
    const { writer, file, errors } = setUp()
    file.script = ['EINTR']
    writer.write('a')
    expect(writer.flushSync()).toBe(true)
    expect(file.text).toBe('a\n')
    expect(errors).toEqual([])
  })
  test('gives up on a write that signals interrupt again and again, and tries it later', () => {
    const { writer, file, errors, timers, tick } = setUp()
    file.script = new Array<string>(1000).fill('EINTR')
    writer.write('one')
    tick()
    expect(errors).toEqual(['write: EINTR'])
    expect(timers.map(({ milliseconds }) => milliseconds)).toEqual([1000])
    file.script = []
    tick()
    expect(file.text).toBe('one\n')
  })
  test('reopen writes what waits to the old file and the rest to the new one', () => {
    const { writer, file, state, opened } = setUp()
    writer.write('old')
    state.file = new FakeFile()
    writer.reopen()
    writer.write('new')
    writer.flushSync()
    expect(file.text).toBe('old\n')
    expect(file.closed).toBe(true)
    expect(state.file.text).toBe('new\n')
    expect(opened).toHaveLength(2)
  })
  test('reopen keeps the old file where the new one cannot be opened', () => {
    const { writer, file, state, errors } = setUp()
    state.openFails = 'EACCES'
    writer.reopen()
    writer.write('a')
    writer.flushSync()
    expect(file.text).toBe('a\n')
    expect(errors).toEqual(['EACCES'])
  })
  test('reopen takes a torn line to the new file as a whole', () => {
    const { writer, file, state } = setUp()
    file.script = [2, 'ENOSPC', 'ENOSPC']
    writer.write('first')
    writer.flushSync()
    state.file = new FakeFile()
    writer.reopen()
    expect(file.text).toBe('fi')
    expect(state.file.text).toBe('first\n')
  })
  test('close writes what waits, gives a full pipe time, and does not lose later lines', () => {
    const { writer, file, state, opened } = setUp()
    file.script = ['EAGAIN', 'EAGAIN']
    writer.write('a')
    writer.close()
    writer.close()
    expect(file.text).toBe('a\n')
    expect(file.closed).toBe(true)
    expect(state.pauses).toBe(2)
    state.file = new FakeFile()
    writer.write('late')
    expect(state.file.text).toBe('late\n')
    expect(state.file.closed).toBe(true)
    expect(opened).toHaveLength(2)
  })
  test('close gives up on a pipe that nobody reads', () => {
    const { writer, file, state } = setUp()
    file.script = Array.from({ length: 1000 }, () => 'EAGAIN')
    writer.write('a')
    writer.close()
    expect(state.pauses).toBe(100)
    expect(file.closed).toBe(true)
  })
  test('a listener that throws does not matter', () => {
    const writer = new LogWriter(
      {
        open: () => {
          throw new Error('never')
        },
        schedule: () => () => {},
        pause() {},
        onError: () => {
          throw new Error('worse')
        },
      },
      { delay: 0, maxLength: 10_000 },
    )
    writer.write('a')
    expect(writer.flushSync()).toBe(false)
  })
})
