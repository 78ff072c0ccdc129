/**
 * What a file of `commands/` exports: `help` and `run`.
 * @module
 */
import type { Arguments, OptionSpec } from './args.ts'
import type { Io } from './io.ts'

/** A command's code. Returns the exit code: 0 all good, 1 some input was bad. */
export type Run = (args: Arguments, io: Io) => number | Promise<number>

/** What `--help` says of a command, and the options it takes. */
export interface CommandHelp {
  /** What stands behind the command's name, in parts that are not broken between lines. */
  readonly usage: readonly string[]
  /** Paragraphs. */
  readonly description: readonly string[]
  readonly options: readonly OptionSpec[]
  /** Lines to type, each with what it does. */
  readonly examples: readonly (readonly [command: string, what: string])[]
}
