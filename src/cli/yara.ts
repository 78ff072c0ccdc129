/**
 * The labeller of `--yara`.
 * @module
 */
import type { Labeller } from '../label/labeller.ts'
import { type Arguments, UsageError } from './args.ts'

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
    if (error instanceof YaraError) throw new UsageError(error.message)
    throw error
  }
}
