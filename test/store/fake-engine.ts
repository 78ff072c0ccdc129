/**
 * An engine that keeps rows in memory and gets into trouble when a test says so.
 * @module
 */
import type { Batch, Engine } from '../../src/store/types.ts'

/** What `write` does: keep, reject, refuse rows whose cookie is `bad`, or never answer. */
export type Mood = 'well' | 'away' | 'picky' | 'hanging'

/** An engine with what it was given. */
export interface FakeEngine extends Engine {
  mood: Mood
  readonly written: Batch[]
  /** Cookies of the observations kept, in order. */
  cookies(): string[]
}

export function fakeEngine(batch: Engine['batch'] = { rows: 10, milliseconds: 5 }): FakeEngine {
  const written: Batch[] = []
  const never = new Promise<never>(() => {})
  const engine: FakeEngine = {
    mood: 'well',
    written,
    batch,
    cookies: () => written.flatMap(({ observations }) => observations.map(({ cookie }) => cookie)),
    async write(rows) {
      if (engine.mood === 'away') throw new Error('connection refused')
      if (engine.mood === 'hanging') return never
      if (engine.mood === 'picky' && rows.observations.some(({ cookie }) => cookie === 'bad'))
        throw new RangeError('bad row')
      written.push(rows)
    },
    isRefusal: (error) => error instanceof RangeError,
    hosts: async () => [],
    stacks: async () => [],
    labels: async () => [],
    labelsByDay: async () => [],
    forget: async () => 0,
    expire: async () => false,
    close: async () => {},
  }
  return engine
}
