/**
 * How an application gets what a page shows: the line that installs the library, an app for the runtime, the path of each value.
 * @module
 */

/** Install line and app for a runtime. */
export interface Usage {
  readonly runtime: string
  readonly install: string
  readonly code: string
}

const APP = (entry: string, serve: string): string => `import { Hono } from 'hono'
import { fingerprint } from 'tcpfingerprint/${entry}'
const app = new Hono().use(fingerprint())
app.get('/', (c) => c.text(c.var.fingerprint.label?.name ?? 'unknown'))
${serve}`

/** An app of five lines for each runtime that serves. */
export const USAGE: Readonly<Record<'bun' | 'deno' | 'node', Usage>> = {
  bun: { runtime: 'Bun', install: 'bun add tcpfingerprint hono', code: APP('bun', 'export default app') },
  deno: {
    runtime: 'Deno',
    install: 'deno add npm:tcpfingerprint npm:hono',
    code: APP('deno', 'Deno.serve(app.fetch) // deno run --allow-net --allow-ffi app.ts'),
  },
  node: {
    runtime: 'Node',
    install: 'npm install tcpfingerprint hono @hono/node-server koffi',
    code: APP('node', "import('@hono/node-server').then(({ serve }) => serve(app))"),
  },
}

/** What stands before each path in a Hono handler. */
export const PATH_START = 'c.var.fingerprint.'

/** A value with the path that leads to it in code. */
export interface PathValue {
  /** Without {@link PATH_START}: `syn.tcp.mss`. */
  readonly path: string
  readonly value: string
}

/** Levels that a value may lie deep; the objects of a fingerprint have four. */
const DEEPEST = 6

/**
 * Every value of an object with its path; lists of numbers or words count as one value.
 *
 * @param skip paths that are left out, with all below them
 */
export function pathValues(object: object, skip: readonly string[] = []): PathValue[] {
  const list: PathValue[] = []
  const walk = (value: unknown, path: string, depth: number): void => {
    if (value === undefined || skip.includes(path)) return
    if (typeof value !== 'object' || value === null || depth === DEEPEST) list.push({ path, value: String(value) })
    else if (Array.isArray(value)) list.push({ path, value: value.join(', ') })
    else {
      const plain = 'toJSON' in value && typeof value.toJSON === 'function' ? (value.toJSON() as object) : value
      for (const [name, inner] of Object.entries(plain)) walk(inner, path === '' ? name : `${path}.${name}`, depth + 1)
    }
  }
  walk(object, '', 0)
  return list
}
