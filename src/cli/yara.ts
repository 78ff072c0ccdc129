/**
 * The labeller of `--yara`.
 * @module
 */
import { printable } from '../base/text.ts'
import type { Labeller } from '../label/labeller.ts'
import { type Arguments, UsageError } from './args.ts'
import { systemReason } from './system.ts'

/**
 * A labeller of the rule files that the options name; `undefined` without the option.
 *
 * @throws {UsageError} libyara is missing, or rules cannot be read or compiled
 */
export async function loadYara(args: Arguments): Promise<Labeller | undefined> {
  const rules = args.all('yara')
  if (rules.length === 0) return undefined
  const { YaraError, yara } = await import('../yara/index.ts')
  try {
    return yara({ rules })
  } catch (error) {
    if (!(error instanceof YaraError)) throw error
    const code = /^Cannot read the rules ".*": (E[A-Z]+):/s.exec(error.message)?.[1]
    throw new UsageError(
      code === undefined
        ? error.message
        : `Cannot read the rules "${printable(error.file ?? '')}": ${systemReason({ code })}`,
    )
  }
}
