import { openSqlite } from '../../src/store/sqlite.ts'
import { describeEngine } from './contract.ts'

describeEngine('SQLite', async () => openSqlite(':memory:'))
