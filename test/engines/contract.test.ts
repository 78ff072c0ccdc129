/**
 * The contract of `test/store/contract.ts` on every real engine and runtime beside SQLite on Bun, which `test/store` has.
 */
import { openClickhouse } from '../../src/store/clickhouse.ts'
import { connectPostgres, openPostgres } from '../../src/store/postgres.ts'
import { needs } from '../lab/privilege.ts'
import { describeEngine } from '../store/contract.ts'
import { CHDB_PACKAGE, startClickhouse } from './clickhouse.ts'
import { NODE_WITH_SQLITE, openElsewhere } from './elsewhere.ts'
import { POSTGRES, startPostgres } from './postgres.ts'

/** Ends the server with the engine. */
function withServer<T extends { close(): Promise<void> }>(engine: T, stop: () => Promise<void>): T {
  const close = engine.close.bind(engine)
  engine.close = async () => {
    await close()
    await stop()
  }
  return engine
}

needs('linux', POSTGRES).describe('Postgres', () => {
  describeEngine('by URL, with the package postgres', async () => {
    const server = await startPostgres()
    return withServer(await connectPostgres(server.url), server.stop)
  })
  describeEngine('with Bun.SQL as the client', async () => {
    const server = await startPostgres()
    const client = new Bun.SQL(server.url)
    return withServer(await openPostgres(client), async () => {
      await client.close()
      await server.stop()
    })
  })
})

needs('linux', CHDB_PACKAGE).describe('ClickHouse', () => {
  describeEngine('over HTTP', async () => {
    const server = await startClickhouse()
    return withServer(await openClickhouse(server.url), server.stop)
  })
})

describeEngine('SQLite on Deno', () => openElsewhere('deno'))
needs(NODE_WITH_SQLITE).describe('SQLite', () => {
  describeEngine('on Node', () => openElsewhere('node'))
})
