/**
 * Where access log lines go on Bun, Deno and Node: files, pipes and terminals, through `node:fs`, loaded on first use.
 * @module
 */

import { blockFor } from '../base/block-for.ts'
import { type FileSystem, fileSystem } from '../runtime/files.ts'
import { threadShared } from '../runtime/globals.ts'
import { ENDING_SIGNALS, onProcessEnd, onSignal } from '../runtime/process-end.ts'
import { unrefTimer } from '../runtime/timers.ts'
import type { LineSink, LineSinkOptions } from './logger.ts'
import { type LogTarget, LogWriter } from './writer.ts'

/** `PIPE_BUF` of Linux: a write of up to so many octets into a pipe is never mixed with another process's. */
const PIPE_WHOLE = 4096

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
    size: () => (regular ? fs.fstatSync(descriptor).size : undefined),
    whole: regular ? Number.POSITIVE_INFINITY : PIPE_WHOLE,
    close: () => {
      if (own) fs.closeSync(descriptor)
    },
  }
}

/** Stands for this evaluation of the module: `bun --hot` evaluates it anew and keeps `globalThis`, signals and descriptors. */
const EVALUATION = {}
const OPEN: symbol = Symbol.for(`tcpfingerprint.log-sinks ${import.meta.url}`)

/** Sinks that are open. Those of an evaluation that was replaced are closed first: nobody else would. */
function openSinks(): Set<LineSink> {
  const place = threadShared<{ readonly evaluation: object; readonly sinks: Set<LineSink> }>(OPEN)
  const open = place.get()
  if (open?.evaluation === EVALUATION) return open.sinks
  // Lines of requests that are still under way there are written all the same, each by opening the file again.
  for (const sink of open?.sinks ?? []) sink.close()
  const sinks = new Set<LineSink>()
  place.set({ evaluation: EVALUATION, sinks })
  return sinks
}

/** Opens a sink. It writes what it holds before the process ends, unless that is by SIGKILL. */
export function openLogSink(options: LineSinkOptions): LineSink {
  const { to } = options
  const sinks = openSinks()
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
    onProcessEnd(() => writer.flush(), { signals: ENDING_SIGNALS.filter((signal) => signal !== reopen) }),
    reopen === false ? () => {} : onSignal(reopen, () => writer.reopen()),
  ]
  const sink: LineSink = {
    line: (text) => writer.line(text),
    append: (append, record) => writer.append(append, record),
    flush: () => {
      writer.flush()
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
