/**
 * Where access log lines go: files, pipes and terminals. Owns the signals: reopens at SIGHUP, writes what waits before the
 * process ends.
 * @module
 */

import { blockFor } from '../base/block-for.ts'
import { type FileSystem, fileSystem } from '../runtime/files.ts'
import { openOfEvaluation } from '../runtime/globals.ts'
import { ENDING_SIGNALS, onProcessEnd, onSignal } from '../runtime/process-end.ts'
import { unrefTimer } from '../runtime/timers.ts'
import type { AppendLine } from './format.ts'
import type { LogFile } from './options.ts'
import type { AccessRecord } from './record.ts'
import { type LogTarget, LogWriter, type LogWriterLimits } from './writer.ts'

/** A place for lines, with what a graceful stop and a rotation need. */
export interface LineSink {
  /** Takes one line, without its line end. */
  write(text: string): void
  /** Takes the line that `append` makes of `record`, in pieces. Throws what `append` throws. */
  append(append: AppendLine, record: AccessRecord): void
  /** Writes what waits. */
  flushSync(): void
  /** Opens the file again. */
  reopen(): void
  /** Writes what waits, closes the file and removes the signal listeners. */
  close(): void
}

/** Where a sink writes and how. */
export interface LineSinkOptions extends LogWriterLimits {
  /** A file, standard output (1) or standard error (2). */
  readonly to: LogFile | 1 | 2
  readonly onError: (error: Error) => void
}

/** `PIPE_BUF`, pipe(7): a write of up to so many octets into a pipe is never mixed with another process's. */
const PIPE_BUF = 4096

/** Opens `path` for appending, made where it is missing. A named pipe without a reader is refused, not waited for. */
function openLogFile(path: string, mode: number): LogTarget {
  const fs = fileSystem()
  const { O_WRONLY, O_APPEND, O_CREAT, O_NONBLOCK } = fs.constants
  return target(fs, fs.openSync(path, O_WRONLY | O_APPEND | O_CREAT | (O_NONBLOCK ?? 0), mode), true)
}

/**
 * Standard output (1) or standard error (2).
 *
 * A pipe or terminal is opened anew without blocking, so that a reader that has stopped cannot stop the server. A regular
 * file is written through the descriptor itself: it shares its position with everything else that the process prints.
 */
function openStandard(descriptor: 1 | 2): LogTarget {
  const fs = fileSystem()
  const { O_WRONLY, O_NONBLOCK } = fs.constants
  const stat = fs.fstatSync(descriptor)
  if (!stat.isFIFO() && !stat.isCharacterDevice()) return target(fs, descriptor, false)
  try {
    return target(fs, fs.openSync(`/proc/self/fd/${descriptor}`, O_WRONLY | O_NONBLOCK), true)
  } catch {
    return target(fs, descriptor, false)
  }
}

function target(fs: FileSystem, descriptor: number, own: boolean): LogTarget {
  const regular = fs.fstatSync(descriptor).isFile()
  return {
    write: (octets) => fs.writeSync(descriptor, octets),
    atomic: regular ? Number.POSITIVE_INFINITY : PIPE_BUF,
    close: () => {
      if (own) fs.closeSync(descriptor)
    },
  }
}

/** Opens a sink. It writes what it holds before the process ends, unless that is by SIGKILL. */
export function openLogSink(options: LineSinkOptions): LineSink {
  const { to } = options
  // Lines of requests that are still under way in a replaced evaluation are written all the same, each by opening the file again.
  const sinks = openOfEvaluation<LineSink>('log-sinks')
  const writer = new LogWriter(
    {
      open: () => (typeof to === 'number' ? openStandard(to) : openLogFile(to.file, to.mode)),
      schedule(run, milliseconds) {
        const timer = setTimeout(run, milliseconds)
        unrefTimer(timer)
        return () => clearTimeout(timer)
      },
      pause: blockFor,
      onError: options.onError,
    },
    options,
  )
  const reopen = typeof to === 'number' ? false : to.reopen
  const release = [
    onProcessEnd(() => writer.drain(), { signals: ENDING_SIGNALS.filter((signal) => signal !== reopen) }),
    reopen === false ? () => {} : onSignal(reopen, () => writer.reopen()),
  ]
  const sink: LineSink = {
    write: (text) => writer.write(text),
    append: (append, record) => writer.append(append, record),
    flushSync: () => {
      writer.flushSync()
    },
    reopen: () => writer.reopen(),
    close() {
      sinks.delete(sink)
      for (const undo of release) undo()
      writer.close()
    },
  }
  sinks.add(sink)
  return sink
}
