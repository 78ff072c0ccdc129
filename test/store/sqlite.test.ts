import { openSqlite } from '../../src/store/sqlite.ts'
import { temporaryDirectory } from '../support/temporary.ts'
import { openApart } from './apart.ts'
import { describeEngine } from './contract.ts'

describeEngine('SQLite', async () => openSqlite(':memory:'))

describeEngine('SQLite in a thread', async () => {
  const directory = temporaryDirectory()
  const engine = await openApart(directory.file('seen.sqlite'))
  const close = engine.close.bind(engine)
  engine.close = async () => {
    await close()
    directory.remove()
  }
  return engine
})
