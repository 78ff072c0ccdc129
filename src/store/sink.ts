/**
 * A function of the application's in place of a database.
 * @module
 */
import type { Sink } from './options.ts'
import type { Engine } from './types.ts'

/** Hands every batch to a function. Its questions reject: only a database answers them. */
export function sinkEngine(sink: Sink): Engine {
  const refuse = async (): Promise<never> => {
    throw new Error('Cannot ask a sink: questions need a database')
  }
  return {
    batch: { rows: 1000, milliseconds: 1000 },
    write: async (batch) => sink(batch),
    hosts: refuse,
    stacks: refuse,
    labels: refuse,
    labelsByDay: refuse,
    forget: refuse,
    expire: async () => false,
    close: async () => {},
  }
}
