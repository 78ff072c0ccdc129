/**
 * What a command may touch: output, messages, colours.
 * @module
 */
import process from 'node:process'
import { isatty } from 'node:tty'
import { Output, writeAll } from './output.ts'

/** Handed to every command. */
export interface Io {
  readonly out: Output
  /** True if standard output is a terminal. */
  readonly outputIsTerminal: boolean
  /** Lines of that terminal. */
  rows(): number
  /** True if text for people is coloured. */
  readonly color: boolean
  /** One message for people on standard error, after the output that came before it. */
  warn(message: string): void
  /** Text on standard error as it is, for progress. */
  notice(text: string): void
  /** True if standard error is a terminal. */
  readonly noticeIsTerminal: boolean
}

/** An environment variable; `undefined` also where the runtime denies access. */
function variable(name: string): string | undefined {
  try {
    return process.env[name]
  } catch {
    return undefined
  }
}

/**
 * True if text is coloured: NO_COLOR (https://no-color.org: any value but the empty one) wins over FORCE_COLOR, which wins
 * over what the output is.
 */
function wantsColor(terminal: boolean): boolean {
  const deno = (globalThis as { Deno?: { noColor?: boolean } }).Deno
  // Deno asks the user for permission to read the environment, but not for this.
  if (deno !== undefined) return terminal && deno.noColor !== true
  if ((variable('NO_COLOR') ?? '') !== '') return false
  const force = variable('FORCE_COLOR')
  if (force !== undefined) return force !== '0' && force !== 'false'
  return terminal && variable('TERM') !== 'dumb'
}

/** Standard output and standard error of this process. */
export function processIo(): Io {
  const out = new Output(1)
  const encoder = new TextEncoder()
  const outputIsTerminal = isatty(1)
  const notice = (text: string): void => {
    try {
      writeAll(2, encoder.encode(text))
    } catch {
      // Standard error is closed. The exit code still says that something failed.
    }
  }
  return {
    out,
    outputIsTerminal,
    rows: () => process.stdout.rows ?? 24,
    color: wantsColor(outputIsTerminal),
    noticeIsTerminal: isatty(2),
    notice,
    warn: (message) => {
      out.flush()
      notice(`tcpfingerprint: ${message}\n`)
    },
  }
}
