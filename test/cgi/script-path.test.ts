import { afterAll, describe, expect, test } from 'bun:test'
import { chmodSync, mkdirSync, realpathSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { findScript } from '../../src/cgi/script-path.ts'
import { temporaryDirectory } from '../support/temporary.ts'

const { path, remove } = temporaryDirectory()
const base = realpathSync(path)
afterAll(remove)
const root = join(base, 'root')
for (const name of ['root/sub', 'root/.hidden', 'outside', 'root-other'])
  mkdirSync(join(base, name), { recursive: true })
for (const name of [
  'root/env',
  'root/a b',
  'root/sub/deep',
  'root/.dot',
  'root/.hidden/x',
  'outside/evil',
  'root-other/evil',
  'root/é',
]) {
  writeFileSync(join(base, name), '#!/bin/sh\n')
  chmodSync(join(base, name), 0o755)
}
writeFileSync(join(root, 'page.php'), '')
writeFileSync(join(root, 'data'), '')
symlinkSync(join(base, 'outside/evil'), join(root, 'out'))
symlinkSync(join(base, 'outside'), join(root, 'outdir'))
symlinkSync(join(base, 'root-other/evil'), join(root, 'sibling'))
symlinkSync(join(root, '.dot'), join(root, 'todot'))
symlinkSync('env', join(root, 'alias'))
symlinkSync('nowhere', join(root, 'dangling'))
symlinkSync('sub', join(root, 'inner'))
symlinkSync(root, join(base, 'link-root'))

const find = (path: string, from: string = root) => findScript(from, path, (name) => name.endsWith('.php'))

describe('findScript', () => {
  const found: readonly (readonly [string, string, string, string])[] = [
    ['/env', 'env', '/env', ''],
    ['/env/', 'env', '/env', '/'],
    ['/env/x/y', 'env', '/env', '/x/y'],
    ['/env/x//y/', 'env', '/env', '/x/y/'],
    ['//env', 'env', '/env', ''],
    ['/a%20b/c%20d', 'a b', '/a b', '/c d'],
    ['/sub/deep/rest', 'sub/deep', '/sub/deep', '/rest'],
    ['/%C3%A9', 'é', '/é', ''],
    ['/page.php/x', 'page.php', '/page.php', '/x'],
    ['/env/.hidden', 'env', '/env', '/.hidden'],
    ['/env/..', 'env', '/env', '/..'],
  ]
  for (const [path, file, name, pathInfo] of found) {
    test(`${path} is ${file} with ${JSON.stringify(pathInfo)}`, () => {
      expect(find(path)).toEqual({ filename: join(root, file), realPath: join(root, file), name, pathInfo })
    })
  }
  test('a link inside the root is followed, and its name kept', () => {
    expect(find('/alias')).toEqual({
      filename: join(root, 'alias'),
      realPath: join(root, 'env'),
      name: '/alias',
      pathInfo: '',
    })
  })
  test('a link to a directory inside the root is followed too', () => {
    expect(find('/inner/deep/x')).toMatchObject({
      filename: join(root, 'inner/deep'),
      realPath: join(root, 'sub/deep'),
    })
  })
  test('the root may be a link itself', () => {
    expect(find('/env', join(base, 'link-root'))).toMatchObject({
      filename: join(base, 'link-root/env'),
      realPath: join(base, 'link-root/env'),
    })
    expect(find('/alias', join(base, 'link-root'))).toMatchObject({ realPath: join(root, 'env') })
    expect(find('/out', join(base, 'link-root'))).toMatchObject({ status: 404 })
  })
  const refused: readonly (readonly [string, number])[] = [
    ['', 403],
    ['/', 403],
    ['/sub', 403],
    ['/sub/', 403],
    ['/none', 404],
    ['/none/env', 404],
    ['/data', 403],
    ['/out', 404],
    ['/outdir/evil', 404],
    ['/sibling', 404],
    ['/todot', 404],
    ['/dangling', 404],
    ['/.dot', 404],
    ['/.hidden/x', 404],
    ['/..', 404],
    ['/../outside/evil', 404],
    ['/sub/../../outside/evil', 404],
    ['/%2e%2e/outside/evil', 404],
    ['/%2e%2e%2foutside%2fevil', 404],
    ['/sub%2fdeep', 404],
    ['/env%00', 404],
    ['/env/x%00', 404],
    ['/env/x%0aFINGERPRINT_LABEL=evil', 404],
    ['/env/%7f', 404],
    ['/%ff', 404],
    ['/%', 404],
    ['/%zz', 404],
    [`/${'x'.repeat(5000)}`, 404],
  ]
  for (const [path, status] of refused) {
    test(`${JSON.stringify(path.slice(0, 40))} is ${status}`, () => expect(find(path)).toMatchObject({ status }))
  }
  test('a root that is not there', () => {
    for (const path of ['/env', '/', '']) expect(find(path, join(base, 'none'))).toMatchObject({ status: 404 })
  })
})
