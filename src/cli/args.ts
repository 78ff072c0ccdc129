/**
 * Command-line arguments: options in any order between operands, `--name value` and `--name=value`, `--` ends options. Over `parseArgs` of `node:util`.
 * @module
 */

import { type ParseArgsConfig, parseArgs } from 'node:util'
import { editDistance } from '../base/edit-distance.ts'
import { printable } from '../base/text.ts'

/** One option of a command. */
export interface OptionSpec {
  /** Long name without the dashes. */
  readonly name: string
  /** One-letter form without the dash. */
  readonly short?: string
  /** What the value stands for in the help text, upper case. Absent: a switch. */
  readonly value?: string
  /** What the option does, in lines without a full stop. */
  readonly help: string
}

/** What the user typed, sorted out. */
export interface Arguments {
  /** Everything that is not an option, in order; `-` (standard input) is an operand. */
  readonly operands: readonly string[]
  /** True if the switch was given. */
  has(name: string): boolean
  /** The value of an option, `undefined` when absent. Given several times, the last counts. */
  get(name: string): string | undefined
  /** All values of an option in the order given. */
  all(name: string): readonly string[]
}

/** The command was called in a way it does not understand: exit code 2. */
export class UsageError extends Error {
  override readonly name = 'UsageError'
}

/** For a command that takes options alone. @throws {UsageError} if there is an operand */
export function refuseOperand(command: string, operand: string | undefined): void {
  if (operand !== undefined) throw new UsageError(`"${command}" takes no argument: "${printable(operand)}"`)
}

/** Typing errors in which a hint may differ from what was typed. */
const MOST_ERRORS = 2

/** The name nearest to a misspelt word; `undefined` where no name is within two typing errors. */
export function nearest(typed: string, names: readonly string[]): string | undefined {
  let best: string | undefined
  let least = MOST_ERRORS + 1
  for (const name of names) {
    const distance = editDistance(typed.slice(0, 32), name)
    if (distance < least) {
      least = distance
      best = name
    }
  }
  return best
}

/** Options as `parseArgs` wants them. */
function optionsOf(specs: readonly OptionSpec[]): NonNullable<ParseArgsConfig['options']> {
  return Object.fromEntries(
    specs.map(({ name, short, value }) => [
      name,
      { type: value === undefined ? 'boolean' : 'string', ...(short === undefined ? undefined : { short }) },
    ]),
  )
}

/**
 * Sorts arguments into options and operands.
 *
 * @throws {UsageError} on an unknown option, a missing value, or a value for a switch.
 */
export function parseArguments(argv: readonly string[], specs: readonly OptionSpec[]): Arguments {
  // Not strict: the messages here name the nearest option, which those of `parseArgs` do not.
  const { tokens } = parseArgs({
    args: [...argv],
    options: optionsOf(specs),
    strict: false,
    allowPositionals: true,
    tokens: true,
  })
  const operands: string[] = []
  const values = new Map<string, string[]>()
  for (const token of tokens) {
    if (token.kind === 'positional') operands.push(token.value)
    if (token.kind !== 'option') continue
    const { name, rawName, value, inlineValue } = token
    const spec = specs.find((one) => one.name === name)
    if (spec === undefined || rawName === `-${name}`) throw unknownOption(argv[token.index] ?? rawName, name, specs)
    if (spec.value === undefined && inlineValue === true) throw new UsageError(`Option "--${name}" takes no value`)
    if (spec.value !== undefined && value === undefined) {
      throw new UsageError(`Option "--${name}" needs a value: ${spec.value}`)
    }
    const list = values.get(name)
    if (list === undefined) values.set(name, [value ?? ''])
    else list.push(value ?? '')
  }
  return {
    operands,
    has: (name) => values.has(name),
    get: (name) => values.get(name)?.at(-1),
    all: (name) => values.get(name) ?? [],
  }
}

function unknownOption(word: string, name: string, specs: readonly OptionSpec[]): UsageError {
  const hint = word.startsWith('--')
    ? nearest(
        name,
        specs.map((one) => one.name),
      )
    : undefined
  return new UsageError(`Unknown option "${printable(word)}"${hint === undefined ? '' : `: did you mean "--${hint}"?`}`)
}
