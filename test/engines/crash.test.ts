import { expect, test } from 'bun:test'
import { openStore } from '../../src/store/index.ts'
import { seeded } from '../support/seeded.ts'
import { temporaryDirectory } from '../support/temporary.ts'
import { crash, writeTogether } from './crash.ts'

test('kill -9 at any moment: the file opens, nothing older than a second is missing, nothing is there twice', async () => {
  using directory = temporaryDirectory()
  const file = directory.file('seen.sqlite')
  const random = seeded(Date.now() % 1_000_000)
  let kept = 0
  // Fifty: npm run bench -- store-live
  for (let run = 0; run < 3; run++) {
    const left = await crash(file, 1 + run * 1_000_000, 200 + random() * 2000)
    expect(left).toMatchObject({ missing: 0, isSound: true })
    kept += left.kept
  }
  expect(kept).toBeGreaterThan(0)
}, 60_000)

test('four processes write one file: nothing is dropped, nothing fails, every row is there', async () => {
  using directory = temporaryDirectory()
  const file = directory.file('seen.sqlite')
  const all = await writeTogether(file, 4, 1500)
  for (const status of all) expect(status).toMatchObject({ written: 1500, dropped: 0, failed: 0, queued: 0 })
  const store = openStore({ url: `sqlite:${file}` })
  expect(await store.hosts('192.0.2.10')).toMatchObject([{ connections: 6000 }])
  await store.close()
}, 60_000)
