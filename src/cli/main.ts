/**
 * From arguments to an exit code.
 * @module
 */
import { printable } from '../base/text.ts'
import { editDistance, parseArguments, UsageError } from './args.ts'
import { COMMANDS, COMMON_HELP, type Command } from './commands.ts'
import type { Io } from './io.ts'
import { OutputClosed } from './output.ts'
import { VERSION } from './version.ts'

const HELP_OPTION = { name: 'help', short: 'h', help: 'show this help' } as const
const VERSION_OPTION = { name: 'version', short: 'V', help: 'show the version' } as const
const WIDTH = 80

/** Joins words to lines of at most `WIDTH` characters, all but the first indented. */
function fill(words: readonly string[], indent = ''): string {
  const lines: string[] = []
  let line = ''
  for (const word of words) {
    if (line !== '' && line.length + 1 + word.length > WIDTH) {
      lines.push(line)
      line = indent + word
    } else {
      line = line === '' ? word : `${line} ${word}`
    }
  }
  return [...lines, line].join('\n')
}

/** Breaks a paragraph into lines. */
function wrap(text: string): string {
  return fill(text.split(' '))
}

/** How a command is called. */
function callOf({ name, usage }: Command): string {
  return fill(['Usage: tcpfingerprint', name, ...usage], '       ')
}

/** Two aligned columns. The right one may have several lines. */
function columns(rows: readonly (readonly [string, string])[]): string {
  const width = Math.max(...rows.map(([left]) => left.length)) + 2
  return rows
    .map(([left, right]) => `  ${left.padEnd(width)}${right.replaceAll('\n', `\n${' '.repeat(width + 2)}`)}`)
    .join('\n')
}

/** The help text of the whole program. */
export function generalHelp(): string {
  return `tcpfingerprint ${VERSION}: what a TCP SYN and TCP_INFO tell about a client

Usage: tcpfingerprint COMMAND [OPTION...] [ARGUMENT...]

Commands:
${columns(COMMANDS.map((command) => [command.name, command.summary]))}

"tcpfingerprint COMMAND --help" explains one command.

Options:
${columns([
  ['-h, --help', HELP_OPTION.help],
  ['-V, --version', VERSION_OPTION.help],
])}

${COMMON_HELP.map((line) => wrap(line)).join('\n')}
`
}

/** The help text of one command. */
export function commandHelp(command: Command): string {
  const options = [...command.options, HELP_OPTION].map(
    (option) =>
      [
        `${'short' in option && option.short !== undefined ? `-${option.short}, ` : '    '}--${option.name}${
          'value' in option && option.value !== undefined ? ` ${option.value}` : ''
        }`,
        option.help,
      ] as const,
  )
  return `${callOf(command)}

${command.description.map((paragraph) => wrap(paragraph)).join('\n\n')}

Options:
${columns(options)}

${command.examples.length === 1 ? 'Example' : 'Examples'}:
${command.examples.map(([line, what]) => `  # ${what}\n  ${line}`).join('\n')}

${COMMON_HELP.map((line) => wrap(line)).join('\n')}
`
}

/** How a command is called, for standard error. */
function usageLine(command: Command | undefined): string {
  return command === undefined
    ? `Usage: tcpfingerprint COMMAND [OPTION...] [ARGUMENT...]\nCommands: ${COMMANDS.map(({ name }) => name).join(', ')}; "tcpfingerprint --help" explains\n`
    : `${callOf(command)}\n"tcpfingerprint ${command.name} --help" explains\n`
}

function findCommand(name: string): Command {
  const command = COMMANDS.find((one) => one.name === name)
  if (command !== undefined) return command
  const near = COMMANDS.find((one) => editDistance(name.slice(0, 32), one.name) < 3)
  throw new UsageError(
    `Unknown command "${printable(name)}"${near === undefined ? '' : `: did you mean "${near.name}"?`}`,
  )
}

async function dispatch(argv: readonly string[], io: Io, seen: (command: Command) => void): Promise<number> {
  const [first, ...rest] = argv
  if (first === undefined) throw new UsageError('No command given')
  if (first === '--help' || first === '-h' || first === 'help') {
    io.out.text(rest[0] === undefined || rest[0].startsWith('-') ? generalHelp() : commandHelp(findCommand(rest[0])))
    return 0
  }
  if (first === '--version' || first === '-V') {
    io.out.text(`tcpfingerprint ${VERSION}\n`)
    return 0
  }
  if (first.startsWith('-')) throw new UsageError(`Unknown option "${printable(first)}" before a command`)
  const command = findCommand(first)
  seen(command)
  const args = parseArguments(rest, [...command.options, HELP_OPTION, VERSION_OPTION])
  if (args.has('help')) {
    io.out.text(commandHelp(command))
    return 0
  }
  if (args.has('version')) {
    io.out.text(`tcpfingerprint ${VERSION}\n`)
    return 0
  }
  const { run } = await command.load()
  return await run(args, io)
}

/** Runs a command line and returns its exit code: 0 all good, 1 some input was bad, 2 wrong usage. Never throws. */
export async function main(argv: readonly string[], io: Io): Promise<number> {
  let command: Command | undefined
  try {
    const code = await dispatch(argv, io, (found) => {
      command = found
    })
    io.out.flush()
    return code
  } catch (error) {
    // The reader of a pipe (head, less) has seen enough: not an error of ours, nor of the input.
    if (error instanceof OutputClosed) return 0
    const usage = error instanceof UsageError
    try {
      io.warn(`${error instanceof Error ? error.message : String(error)}`)
    } catch {
      // What was printed before cannot be written any more; the exit code still tells.
    }
    if (usage) io.notice(usageLine(command))
    return usage ? 2 : 1
  }
}
