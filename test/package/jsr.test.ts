import { expect, test } from 'bun:test'
import { ROOT } from '../lab/server.ts'
import { run } from './packed.ts'

/** Nobody listens there: what is checked must be in the checkout. */
const NOWHERE = 'http://127.0.0.1:9'

test('JSR takes the sources: types that Deno finds right and explicit, nothing missing', async () => {
  const { code, stdout, stderr } = await run([process.execPath, '.ci/jsr.ts', '--dry-run'], ROOT, {
    JSR_URL: NOWHERE,
    NPM_CONFIG_REGISTRY: NOWHERE,
  })
  const said = stdout + stderr
  expect(code, said).toBe(0)
  expect(said).toContain('Dry run complete')
  for (const file of ['src/index.ts', 'src/deno.ts', 'ffi/libc.deno.ts', 'src/ja4t/LICENSE']) {
    expect(said).toContain(`/${file} (`)
  }
  expect(said).not.toMatch(/\/(test|src\/cli\/commands|src\/demo)\b/)
}, 120_000)

test('no file changes global types: JSR refuses that, its dry run does not', async () => {
  for await (const file of new Bun.Glob('{src,ffi}/**/*.{ts,tsx}').scan(ROOT)) {
    // .ci/jsr.ts leaves these out
    if (file.endsWith('.d.ts')) continue
    expect(await Bun.file(`${ROOT}/${file}`).text(), file).not.toMatch(/^declare (global|module)\b/m)
  }
})
