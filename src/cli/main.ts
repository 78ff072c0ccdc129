/**
 * From arguments to an exit code.
 * @module
 */
import { toError } from '../base/report-once.ts'
import { printable } from '../base/text.ts'
import { nearest, parseArguments, UsageError } from './args.ts'
import type { CommandHelp } from './command.ts'
import { COMMANDS, type Command } from './commands.ts'
import type { Io } from './io.ts'
import { OutputClosed } from './output.ts'
import { commandHelp, generalHelp, HELP_OPTION, usageLine, VERSION_OPTION } from './usage.ts'
import { VERSION } from './version.ts'

/** The command that was called, for the usage line of an error. */
interface Called {
  readonly name: string
  readonly help: CommandHelp
}

function findCommand(name: string): Command {
  const command = COMMANDS.find((one) => one.name === name)
  if (command !== undefined) return command
  const near = nearest(
    name,
    COMMANDS.map((one) => one.name),
  )
  throw new UsageError(`Unknown command "${printable(name)}"${near === undefined ? '' : `: did you mean "${near}"?`}`)
}

async function helpText(name: string | undefined): Promise<string> {
  if (name === undefined || name.startsWith('-')) return generalHelp()
  return commandHelp(name, (await findCommand(name).load()).help)
}

async function dispatch(argv: readonly string[], io: Io, called: (command: Called) => void): Promise<number> {
  const [first, ...rest] = argv
  const say = (text: string): number => {
    io.out.text(text)
    return 0
  }
  if (first === undefined) throw new UsageError('No command given')
  if (first === '--help' || first === '-h' || first === 'help') return say(await helpText(rest[0]))
  if (first === '--version' || first === '-V') return say(`tcpfingerprint ${VERSION}\n`)
  if (first.startsWith('-')) throw new UsageError(`Unknown option "${printable(first)}" before a command`)
  const { name, load } = findCommand(first)
  const { help, run } = await load()
  called({ name, help })
  const args = parseArguments(rest, [...help.options, HELP_OPTION, VERSION_OPTION])
  if (args.has('help')) return say(commandHelp(name, help))
  if (args.has('version')) return say(`tcpfingerprint ${VERSION}\n`)
  return await run(args, io)
}

/** Runs a command line and returns its exit code: 0 all good, 1 some input was bad, 2 wrong usage. Never throws. */
export async function main(argv: readonly string[], io: Io): Promise<number> {
  let command: Called | undefined
  try {
    const code = await dispatch(argv, io, (found) => {
      command = found
    })
    io.out.flush()
    return code
  } catch (error) {
    // The reader of a pipe (head, less) has seen enough: an error neither of this program nor of the input.
    if (error instanceof OutputClosed) return 0
    const usage = error instanceof UsageError
    try {
      io.warn(toError(error).message)
    } catch {
      // What is still in the buffer cannot be written; the exit code tells.
    }
    if (usage) io.notice(usageLine(command))
    return usage ? 2 : 1
  }
}
