/**
 * Command-line arguments: options in any order between operands, `--name value` and `--name=value`, `--` ends options.
 * @module
 */

import { printable } from '../base/text.ts'

/** One option of a command. */
export interface OptionSpec {
  /** Long name without the dashes. */
  readonly name: string
  /** One-letter form without the dash. */
  readonly short?: string
  /** What the value stands for in the help text, upper case. Absent: a switch. */
  readonly value?: string
  /** What the option does, one or more lines without a full stop. */
  readonly help: string
}

/** What the user typed, sorted out. */
export interface Arguments {
  /** Everything that is not an option, in order; `-` (standard input) is an operand. */
  readonly operands: readonly string[]
  /** Whether the switch was given. */
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

/** The option whose name is nearest to a misspelt one, or `undefined` when none is near. */
function nearest(typed: string, specs: readonly OptionSpec[]): string | undefined {
  let best: string | undefined
  let least = 3
  for (const { name } of specs) {
    const distance = editDistance(typed.slice(0, 32), name)
    if (distance < least) {
      least = distance
      best = name
    }
  }
  return best
}

/** Levenshtein distance of two short words. */
export function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i)
  for (let i = 1; i <= a.length; i++) {
    const next = [i]
    for (let j = 1; j <= b.length; j++) {
      next.push(Math.min(next[j - 1]! + 1, row[j]! + 1, row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1)))
    }
    row = next
  }
  return row[b.length]!
}

/**
 * Sorts arguments into options and operands.
 *
 * @throws {UsageError} on an unknown option, a missing value, or a value for a switch.
 */
export function parseArguments(argv: readonly string[], specs: readonly OptionSpec[]): Arguments {
  const operands: string[] = []
  const values = new Map<string, string[]>()
  for (let i = 0; i < argv.length; i++) {
    const word = argv[i]!
    if (word === '--') {
      operands.push(...argv.slice(i + 1))
      break
    }
    if (word === '-' || !word.startsWith('-')) {
      operands.push(word)
      continue
    }
    const long = word.startsWith('--')
    const equals = long ? word.indexOf('=') : -1
    const typed = long ? word.slice(2, equals < 0 ? undefined : equals) : word.slice(1)
    const spec = specs.find((one) => (long ? one.name === typed : one.short === typed))
    if (spec === undefined) {
      const hint = long ? nearest(typed, specs) : undefined
      throw new UsageError(
        `Unknown option "${printable(word)}"${hint === undefined ? '' : `: did you mean "--${hint}"?`}`,
      )
    }
    let value = ''
    if (spec.value === undefined) {
      if (equals >= 0) throw new UsageError(`Option "--${spec.name}" takes no value`)
    } else if (equals >= 0) {
      value = word.slice(equals + 1)
    } else {
      const next = argv[++i]
      if (next === undefined) throw new UsageError(`Option "--${spec.name}" needs a value: ${spec.value}`)
      value = next
    }
    const list = values.get(spec.name)
    if (list === undefined) values.set(spec.name, [value])
    else list.push(value)
  }
  return {
    operands,
    has: (name) => values.has(name),
    get: (name) => values.get(name)?.at(-1),
    all: (name) => values.get(name) ?? [],
  }
}
