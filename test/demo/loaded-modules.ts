/**
 * Preloaded by a test: says on standard error which modules of the store a process loads.
 * @module
 */
import { plugin } from 'bun'

void plugin({
  name: 'loaded-modules',
  setup(build) {
    build.onLoad({ filter: /\/src\/store\// }, async ({ path }) => {
      console.error(`loaded ${path}`)
      return { contents: await Bun.file(path).text(), loader: 'ts' }
    })
  },
})
