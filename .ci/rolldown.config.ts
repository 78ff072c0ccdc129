/**
 * Makes `dist/`: JavaScript and declarations of every entry, in pieces that entries share.
 * @module
 */
import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { defineConfig, type OutputChunk, type Plugin, type RolldownOptions } from 'rolldown'
import { dts } from 'rolldown-plugin-dts'
import { minify } from 'terser'
import { compactStyle } from '../src/inspector/compact.ts'
import { ENTRIES } from './entries.ts'

/** `import text from './name.fp' with { type: 'text' }`. All sources are TypeScript: a file that is not is text. */
const text: Plugin = {
  name: 'text',
  resolveId: (source, importer) =>
    importer !== undefined && /^\..*\.(fp|css|js)$/.test(source) ? `${resolve(dirname(importer), source)}?text` : null,
  load: async (id) =>
    id.endsWith('?text') ? `export default ${JSON.stringify(await shipped(id.slice(0, -5)))}` : null,
}

/** Comments of a file are for its editor. A signature file keeps the numbers of its lines. */
async function shipped(file: string): Promise<string> {
  const content = readFileSync(file, 'utf8')
  if (file.endsWith('.css')) return compactStyle(content)
  if (file.endsWith('.js')) return (await minify(content)).code!
  return content.replace(/^;.*$/gm, '').replace(/^(\w+) *= */gm, '$1=')
}

/** What an entry says of itself, which belongs to no declaration and would be lost; but for the example, which is README's. */
const head = (source: string): string =>
  (/^\/\*\*[\s\S]*?@module\s*\*\/\n/.exec(readFileSync(source, 'utf8'))?.[0] ?? '').replace(
    / \*\n \* ```[\s\S]*?```\n/,
    '',
  )

/** What is imported at once, and what types are needed besides. */
const IMPORTS = /^(?:import|export)\s(?!type\b)[^;'"]*?from '(\.[^']+\.tsx?)'/gm
const IMPORTS_AND_TYPES = /^(?:import|export)\s[^;'"]*?from '(\.[^']+\.tsx?)'/gm

/** The sources that importing these loads at once, themselves included. */
function loadedBy(...sources: readonly string[]): Set<string> {
  return reached(IMPORTS, sources)
}

function reached(imports: RegExp, sources: readonly string[]): Set<string> {
  const found = new Set<string>()
  const visit = (file: string): void => {
    if (found.has(file)) return
    found.add(file)
    for (const [, name] of readFileSync(file, 'utf8').matchAll(imports)) visit(resolve(dirname(file), name!))
  }
  for (const source of sources) visit(resolve(source))
  return found
}

/** The sources of a folder. */
const sources = (folder: string): string[] =>
  readdirSync(folder)
    .filter((name) => /\.tsx?$/.test(name))
    .map((name) => join(folder, name))

const index = loadedBy('src/index.ts')
/** Declarations that the pure core needs: none of a framework's. */
const types = new Set([...reached(IMPORTS_AND_TYPES, ['src/index.ts'])].map((file) => file.replace(/ts$/, 'd.ts')))
const server = loadedBy('src/bun.ts', 'src/deno.ts', 'src/node.ts')
const command = loadedBy(...sources('src/cli/commands'), ...sources('src/cli/render'))
const page = loadedBy(...sources('src/inspector'))
const entries = new Set(ENTRIES.map(({ source }) => resolve(source)))

/**
 * Files of sources that are no entries: what is loaded together is one, because each file takes Node about half a millisecond and the
 * package some 150 octets. A source is in the first that has it.
 */
const shared: readonly (readonly [name: string, sources: ReadonlySet<string>])[] = [
  ['core', index.intersection(server)],
  ['server', loadedBy('src/node.ts')],
  // Node names the socket of a request.
  ['search', server],
  ['pure', index],
  // Loaded with the first handler of their kind.
  ['cgi', loadedBy('src/cgi/exchange.ts')],
  ['inspector', loadedBy('src/inspector/pages.ts')],
  ['explain', command.intersection(page)],
  ['command', command],
  ['page', page],
  ['demo', loadedBy('src/demo/server.ts')],
  ['store', loadedBy(...sources('src/store'))],
]

/** The package is packed in the order of names: files that have words in common follow each other, half a hundredth less. */
const ORDER = ['page', 'demo', 'inspector', 'explain', 'pure', 'core', 'search', 'server', 'cgi', 'store']
const fileName = (name: string): string =>
  `chunks/${ORDER.includes(name) ? ORDER.indexOf(name) : name === 'command' ? 'z' : ''}${name}.js`

/** A file that only passes on what another exports: made for each `import()` of a source that shares its file. */
const FACADE = /^export\{([^}]*)\}from"\.\/([^"]+)";\s*$/

/** Takes such files out: the `import()` gets the shared file itself, with the names that it expects. */
const withoutFacades: Plugin = {
  name: 'without-facades',
  generateBundle(_, bundle) {
    const chunks = Object.values(bundle).filter((file) => file.type === 'chunk')
    for (const facade of chunks) {
      const [, names, target] = (facade.isDynamicEntry && !facade.isEntry && FACADE.exec(facade.code)) || []
      if (names === undefined) continue
      const fields = names
        .split(',')
        .map((pair) => pair.split(' as '))
        .map(([from, to]) => `${to ?? from}:e.${from}`)
      const name = facade.fileName.replace(/^chunks\//, '')
      for (const chunk of chunks)
        chunk.code = chunk.code.replaceAll(
          new RegExp(`import\\(\`(\\./(?:chunks/)?)${name.replaceAll('.', '\\.')}\`\\)`, 'g'),
          (_, folder) => `import(\`${folder}${target}\`).then(e=>({${fields}}))`,
        )
      delete bundle[facade.fileName]
    }
  },
}

/** Names of a declaration file that are imported for nothing but to be exported, once in place of twice. */
function passedOn(code: string): string {
  const exported = /^export \{ ([^}]*) \};\n?/m.exec(code)
  if (exported === null) return code
  const imports = /^import \{ ([^}]*) \} from ("\.[^"]*");\n/gm
  const used = new Set(
    code
      .replace(exported[0], '')
      .replace(imports, '')
      .replace(/\/\*[\s\S]*?\*\//g, '')
      .match(/[\w$]+/g),
  )
  let left = exported[1]!.split(', ')
  const isPassed = (item: string, from: readonly string[]): boolean => {
    const name = item.replace(/^type /, '')
    return from.includes(name) && !used.has(name)
  }
  const passing = code.replace(exported[0], '').replace(imports, (_, list: string, from: string) => {
    const names = list.split(', ')
    const passed = left.filter((item) => isPassed(item, names))
    left = left.filter((item) => !passed.includes(item))
    const kept = names.filter((name) => !passed.some((item) => item.replace(/^type /, '') === name))
    const own = kept.length === 0 ? '' : `import { ${kept.join(', ')} } from ${from};\n`
    return passed.length === 0 ? own : `${own}export { ${passed.join(', ')} } from ${from};\n`
  })
  return left.length === 0 ? passing : `${passing}export { ${left.join(', ')} };\n`
}

/** Declarations that say `export` themselves, in place of a list of their names; and the pure core's, all in one file, without a list. */
function exportedInPlace(code: string): string {
  const [list, names = ''] = /^export \{ ([\w$, ]*) \};\n?/m.exec(code) ?? []
  const declaration = new RegExp(
    `^(?=(?:declare (?:const|function|class)|interface|type) (?:${names.replaceAll(', ', '|').replaceAll('$', '\\$')})\\b)`,
    'gm',
  )
  const inPlace =
    list === undefined || / (?:as|type) /.test(` ${names}`)
      ? code
      : code.replace(list, '').replace(declaration, 'export ')
  return inPlace.replace(/(?<=\*\/\n+)export \{[^}]*\} from (".\/chunks\/types.js");\n$/, 'export * from $1;\n')
}

/** What bundlers of applications make smaller: of other files they drop nothing for its calls being pure. */
const PURE = ['core', 'pure', 'index']

/** What a declaration that no entry exports says of itself: no application can name it. Its members keep their comments. */
const OF_NO_EXPORT = /\/\*\*(?:(?!\*\/)[\s\S])*\*\/\n(?=(?:interface|type|class|declare) )/g

/** Passes over what is inlined and joined only then: a hundredth less than rolldown's own alone. */
const smaller: Plugin = {
  name: 'smaller',
  async renderChunk(source, { name, fileName }) {
    if (!fileName.endsWith('.js')) return null
    // Hono has one function under both names.
    const oneJsx = source.replace(/\bjsx, jsxs\b/, 'jsx').replace(/\bjsxs\(/g, 'jsx(')
    const { code } = await minify(oneJsx, {
      module: true,
      // Unsafe for a function that is called with `new`, of which there is none, and for String() of a symbol, which throws then: only
      // `toError` may get one, and expects that.
      compress: {
        ecma: 2020,
        passes: 3,
        hoist_funs: true,
        hoist_props: false,
        inline: 0,
        lhs_constants: false,
        sequences: false,
        unsafe: true,
        unsafe_arrows: true,
      },
      // Rolldown gives shorter names.
      mangle: false,
      format: { ecma: 2020, comments: false, preserve_annotations: PURE.includes(name) },
    })
    return code!
  },
  generateBundle(_, bundle) {
    for (const file of Object.values(bundle)) {
      if (file.type !== 'chunk') continue
      if (!file.fileName.endsWith('.js')) {
        // The names of sources, which the package does not have, and what they say of themselves; no line for the ends of a comment,
        // or in its sentences; no semicolon at the end of a line; no indentation.
        const entry = /^\/\*\*[\s\S]*?\*\/\n/.exec(file.code)?.[0] ?? ''
        const rest = file.code
          .slice(entry.length)
          .replace(/\/\*\*(?:(?!\*\/)[\s\S])*@module\s*\*\/\n/g, '')
          .replace(/\/\*\*\n\s*\* /g, '/** ')
          .replace(/\n\s*\*\/$/gm, ' */')
          .replace(/\/\*\*(?:(?!\*\/|@example)[\s\S])*/g, (sentences) =>
            sentences.replace(/(?<![*\s])\n\s*\* (?![\s@|#-]|```)/g, ' '),
          )
        file.code = (entry + rest).replace(/^\/\/ src\/.*\n/gm, '').replace(/^ +/gm, '')
        file.code = exportedInPlace(passedOn(file.code))
          .replace(/;$/gm, '')
          .replace(/^export declare (?=function|const|class)/gm, 'export ')
          // An application without Hono has its declarations checked as well: what is of Hono is `any` there.
          .replace(/^(?=import .* from "hono)/gm, '// @ts-ignore\n')
        if (!file.isEntry && !/^export \{/m.test(file.code)) file.code = file.code.replace(OF_NO_EXPORT, '')
      }
    }
    const files = Object.values(bundle).filter((file) => file.type === 'chunk' && file.fileName.endsWith('.js'))
    for (const file of files as OutputChunk[])
      file.code = file.code.replaceAll('/* @__PURE__ */', PURE.includes(file.name) ? '/*@__PURE__*/' : '')
    withOwnNames(files as OutputChunk[])
  },
}

/** `a as b`, or `a` for both. */
const pairsOf = (list: string): [string, string][] =>
  list.split(',').map((pair) => {
    const [from, to] = pair.split(' as ') as [string, string?]
    return [from, to ?? from]
  })
const listOf = (pairs: readonly (readonly [string, string])[]): string =>
  pairs.map(([from, to]) => (from === to ? from : `${from} as ${to}`)).join(',')

/**
 * Files of the package import from each other under the names that things have where they are declared, and entries pass on what is not
 * theirs.
 */
function withOwnNames(chunks: readonly OutputChunk[]): void {
  const exported = /export\{([^}]*)\};?$/
  const own = new Map<string, ReadonlyMap<string, string>>()
  for (const chunk of chunks) {
    if (chunk.isEntry) continue
    const pairs = pairsOf(exported.exec(chunk.code)![1]!)
    own.set(chunk.fileName.replace(/.*\//, ''), new Map(pairs.map(([local, name]) => [name, local])))
    chunk.code = chunk.code.replace(exported, `export{${[...new Set(pairs.map(([local]) => local))]}};`)
  }
  for (const chunk of chunks) {
    chunk.code = chunk.code
      .replace(/(import|export)\{([^}]*)\}from"([^"]*?)(\w+\.js)"/g, (_, word, list, folder, file) => {
        const pairs = pairsOf(list).map(([name, local]) => [own.get(file)?.get(name) ?? name, local] as const)
        return `${word}{${listOf(pairs)}}from"${folder}${file}"`
      })
      .replace(/import\(`[^`]*?(\w+\.js)`\)(\.then\(\w+=>\(\{[^}]*\}\)\))?/g, (whole, file, names) => {
        const known = own.get(file)
        if (known !== undefined && names === undefined) throw new Error(`${chunk.fileName} looks names up in ${file}`)
        return known === undefined ? whole : whole.replace(/(?<=:\w+\.)[\w$]+/g, (name: string) => known.get(name)!)
      })
    if (chunk.isEntry && exported.test(chunk.code)) chunk.code = passedOnByName(chunk.code)
  }
}

/** What an entry imports for nothing but to export it, in one list in place of two. */
function passedOnByName(code: string): string {
  const exported = /export\{([^}]*)\};?$/
  const imports = /import\{([^}]*)\}from("[^"]+");/g
  const own = new Set(
    code
      .replace(exported, '')
      .replace(imports, '')
      .match(/[\w$]+/g),
  )
  let left = pairsOf(exported.exec(code)![1]!)
  const passing = code.replace(exported, '').replace(imports, (_, list: string, from: string) => {
    const pairs = pairsOf(list)
    const names = new Map(pairs.map(([name, local]) => [local, name]))
    const isPassed = ([local]: readonly [string, string]): boolean => names.has(local) && !own.has(local)
    const passed = left.filter(isPassed).map(([local, name]) => [names.get(local)!, name] as const)
    const kept = pairs.filter(([, local]) => !left.some((pair) => pair[0] === local && isPassed(pair)))
    left = left.filter((pair) => !isPassed(pair))
    return [
      kept.length === 0 ? '' : `import{${listOf(kept)}}from${from};`,
      passed.length === 0 ? '' : `export{${listOf(passed)}}from${from};`,
    ].join('')
  })
  return left.length === 0 ? passing : `${passing}export{${listOf(left)}};`
}

/** Files of the package, and how sources that are no entries are grouped in them. */
const common = {
  input: Object.fromEntries(ENTRIES.map(({ name, source }) => [name, source])),
  external: /^(node|bun):|^hono\b/,
  platform: 'neutral',
  tsconfig: 'tsconfig.json',
  checks: { invalidAnnotation: false },
} as const

const output = (groups: typeof shared) =>
  ({
    dir: 'dist',
    format: 'esm',
    codeSplitting: {
      groups: groups.map(([name, of], i) => ({
        name,
        priority: groups.length - i,
        test: (id: string) => of.has(id) && !entries.has(id),
      })),
    },
    chunkFileNames: ({ name }: { readonly name: string }) => fileName(name),
  }) as const

const options: RolldownOptions[] = defineConfig([
  {
    ...common,
    plugins: [text, withoutFacades, smaller],
    output: { ...output(shared), minify: true, topLevelVar: true },
  },
  {
    ...common,
    plugins: [text, dts({ tsconfig: 'tsconfig.json', emitDtsOnly: true }), smaller],
    output: {
      ...output([['types.d', types]]),
      chunkFileNames: ({ name }) => `chunks/${name.startsWith('types') ? 'types' : 'api'}.js`,
      // Names are compressed better than what they would be called in their place.
      minifyInternalExports: false,
      banner: ({ isEntry, fileName }) =>
        isEntry && fileName.endsWith('.d.ts') ? head(`src/${fileName.replace('.d.ts', '.ts')}`) : '',
    },
  },
])
export default options
