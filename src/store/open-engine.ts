/**
 * From the options of a store to its engine. No driver is loaded that is not asked for.
 * @module
 */
import { type ResolvedStoreOptions, sqlitePath } from './options.ts'
import { sinkEngine } from './sink.ts'
import type { Engine } from './types.ts'

/** Opens the engine and brings its tables up to date. Rejects with the reason. */
export async function openEngine(target: ResolvedStoreOptions['target']): Promise<Engine> {
  if ('sink' in target) return sinkEngine(target.sink)
  if ('client' in target) return (await import('./postgres.ts')).openPostgres(target.client)
  const { url } = target
  if (url.startsWith('sqlite:')) return (await import('./sqlite.ts')).openSqlite(sqlitePath(url))
  if (url.startsWith('clickhouse')) return (await import('./clickhouse.ts')).openClickhouse(url)
  return (await import('./postgres.ts')).connectPostgres(url)
}
