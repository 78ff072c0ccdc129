/**
 * `tcpfingerprint/store`: observations that outlive the connection, in SQLite, ClickHouse, Postgres or a function of your own.
 * @module
 */
export type { RecordMiddleware, RecordOptions } from './hono.ts'
export type { Sink, StoreOptions } from './options.ts'
export type { QueueStatus } from './queue.ts'
export type { Forgotten, Period, Store } from './store.ts'
export { openStore } from './store.ts'
export type { Batch, HostRow, LabelDayRow, LabelRow, Observation, Stack, StackRow, Update } from './types.ts'
