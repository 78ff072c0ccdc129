/**
 * Help texts and the lines that say how a command is called.
 * @module
 */
import type { OptionSpec } from './args.ts'
import type { CommandHelp } from './command.ts'
import { COMMANDS } from './commands.ts'
import { VERSION } from './version.ts'
import { fill, WIDTH, wrap } from './wrap.ts'

/** Options of every command. */
export const HELP_OPTION: OptionSpec = { name: 'help', short: 'h', help: 'show this help' }
export const VERSION_OPTION: OptionSpec = { name: 'version', short: 'V', help: 'show the version' }

/** Exit codes and environment, the same for all commands. */
const COMMON_HELP: string = [
  'Exit status: 0 all good, 1 some input was bad (the rest was still processed), 2 wrong usage.',
  'Environment: NO_COLOR turns colours off, FORCE_COLOR turns them on; without either, only a terminal gets them.',
]
  .map((line) => wrap(line))
  .join('\n')

/** How a command is called. */
function callOf(name: string, { usage }: CommandHelp): string {
  return fill(['Usage: tcpfingerprint', name, ...usage], WIDTH, '       ')
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

${COMMON_HELP}
`
}

/** The help text of one command. */
export function commandHelp(name: string, help: CommandHelp): string {
  const options = [...help.options, HELP_OPTION].map(
    ({ name: long, short, value, help: what }) =>
      [
        `${short === undefined ? '    ' : `-${short}, `}--${long}${value === undefined ? '' : ` ${value}`}`,
        what,
      ] as const,
  )
  return `${callOf(name, help)}

${help.description.map((paragraph) => wrap(paragraph)).join('\n\n')}

Options:
${columns(options)}

${help.examples.length === 1 ? 'Example' : 'Examples'}:
${help.examples.map(([line, what]) => `  # ${what}\n  ${line}`).join('\n')}

${COMMON_HELP}
`
}

/** How a command is called, or the program where no command is known: for standard error. */
export function usageLine(command?: { readonly name: string; readonly help: CommandHelp }): string {
  return command === undefined
    ? `Usage: tcpfingerprint COMMAND [OPTION...] [ARGUMENT...]\nCommands: ${COMMANDS.map(({ name }) => name).join(', ')}; "tcpfingerprint --help" explains\n`
    : `${callOf(command.name, command.help)}\n"tcpfingerprint ${command.name} --help" explains\n`
}
