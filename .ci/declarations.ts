/**
 * Declarations for `.ci/build`: of what tsc wrote into the directory given, what the entries lead to, to `dist/types`.
 *
 * The package has a size to keep and the checkout has everything: statements that no entry leads to are left out, and of
 * comments the entries and options keep all, what is exported otherwise the first sentence, and the rest none.
 * @module
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'

const types: string = join(process.argv[2]!, 'types')
const ENTRIES = ['index', 'bun', 'deno', 'ja4t/index']
const entries = ENTRIES.map((entry) => join(types, 'src', `${entry}.d.ts`))
/** Modules that keep their comments whole: the entries, and options, whose defaults are there. */
const WHOLE =
  /\/(src\/(index|bun|deno)|ja4t\/index|fingerprinter\/options|cgi\/options|access-log\/logger|connection\/attributes|proxy\/to-headers)\.d\.ts$/

/** One statement at the top of a module. */
interface Statement {
  readonly comment: string
  readonly code: string
  /** What it declares, or the names that it brings in, each with the name it has in the module it comes from. */
  readonly names: ReadonlyMap<string, string>
  readonly from: string | undefined
  readonly kind: 'declares' | 'imports' | 'exports'
}

/** Statements begin in the first column, each with its comments. Between members of a union comments do so too. */
const BEGIN = String.raw`(?:/\*\*(?:(?!\*/)[\s\S])*\*/\n)*(?:export|import|declare|interface|type|class|const|function)\b`
const STATEMENTS = new RegExp(`^${BEGIN}[\\s\\S]*?(?=^${BEGIN}|(?![\\s\\S]))`, 'gm')

const modules = new Map<string, readonly Statement[]>()
/** What entries say of themselves. */
const heads = new Map<string, string>()
function read(file: string): readonly Statement[] {
  let found = modules.get(file)
  if (found === undefined) {
    const text = readFileSync(file, 'utf8')
    const head = /^\/\*\*(?:(?!\*\/)[\s\S])*@module\s*\*\/\n/.exec(text)?.[0] ?? ''
    if (entries.includes(file)) heads.set(file, head)
    const parts = text.slice(head.length).match(STATEMENTS) ?? []
    found = parts.map((part) => parse(part, file))
    modules.set(file, found)
  }
  return found
}

function parse(part: string, file: string): Statement {
  const [, comment, code] = /^((?:\/\*\*[\s\S]*?\*\/\n)*)([\s\S]*)$/.exec(part)!
  const specifier = /\bfrom\s*['"](\.[^'"]+)['"];\s*$/.exec(code!)?.[1]
  const from = specifier && join(dirname(file), specifier.replace(/\.tsx?$/, '.d.ts'))
  const list = /^(?:import|export)\s+(?:type\s+)?\{([^}]*)\}/.exec(code!)?.[1]
  const names = new Map<string, string>()
  for (const one of list?.split(',') ?? []) {
    const [, original, alias] = /^\s*(?:type\s+)?(\w+)(?:\s+as\s+(\w+))?\s*$/.exec(one) ?? []
    if (original !== undefined) names.set(alias ?? original, original)
  }
  const kind = code!.startsWith('import')
    ? 'imports'
    : /^export\s+(?:type\s+)?[{*]/.test(code!)
      ? 'exports'
      : 'declares'
  const own = /^(?:export )?(?:declare )?(?:abstract )?(?:interface|type|class|const|function)\s+(\w+)/.exec(code!)?.[1]
  if (kind === 'declares') {
    if (own === undefined) throw new Error(`Cannot tell what is declared in "${file}": ${code!.slice(0, 80)}`)
    names.set(own, own)
  }
  return { comment: comment!, code: code!, names, from, kind }
}

/** Statements to keep, and of lists of names those to keep. */
const kept = new Map<Statement, Set<string>>()
/** Modules of which an entry exports something: their readers see the comments. */
const shown = new Set(entries)

/** Keeps what a module calls `name`, and what that needs. */
function keepName(file: string, name: string, exported: boolean): void {
  if (exported) shown.add(file)
  for (const statement of read(file)) {
    if (statement.names.has(name)) keep(file, statement, name, exported)
    else if (/^export \*/.test(statement.code)) keepName(statement.from!, name, exported)
  }
}

function keep(file: string, statement: Statement, name: string, exported: boolean): void {
  let names = kept.get(statement)
  if (names === undefined) kept.set(statement, (names = new Set()))
  if (names.has(name)) return
  names.add(name)
  const { kind, from, code } = statement
  if (from !== undefined) keepName(from, statement.names.get(name)!, exported && kind === 'exports')
  if (kind !== 'declares') return
  for (const [, specifier, used] of code.matchAll(/\bimport\(['"](\.[^'"]+)['"]\)\.(\w+)/g)) {
    keepName(join(dirname(file), specifier!.replace(/\.tsx?$/, '.d.ts')), used!, false)
  }
  const words = new Set(code.match(/\w+/g))
  for (const other of read(file)) {
    for (const one of other.names.keys()) if (words.has(one)) keep(file, other, one, false)
  }
}

function keepAll(file: string): void {
  shown.add(file)
  for (const statement of read(file)) {
    if (statement.kind === 'imports') continue
    for (const name of statement.names.keys()) keep(file, statement, name, true)
    if (!/^export \*/.test(statement.code)) continue
    kept.set(statement, new Set())
    keepAll(statement.from!)
  }
}
entries.forEach(keepAll)

function shorten(comment: string): string {
  const indent = /^[ \t]*/.exec(comment)![0]
  const words = comment
    .replace(/^\s*\/\*\*|\*\/\s*$/g, '')
    .replace(/\n[ \t]*\*/g, '\n')
    .replace(/\s+/g, ' ')
    .trim()
  const sentence = /^.*?[.](?= [A-Z`'[(]|$)/.exec(words)?.[0] ?? words.replace(/ @.*$/, '')
  return `${indent}/** ${sentence} */\n`
}

for (const [file, statements] of modules) {
  const parts: string[] = []
  for (const statement of statements) {
    const names = kept.get(statement)
    if (names === undefined) continue
    const { comment, code, kind } = statement
    const left = [...names].map((one) =>
      statement.names.get(one) === one ? one : `${statement.names.get(one)} as ${one}`,
    )
    const list = kind === 'imports' ? code.replace(/\{[^}]*\}/, `{ ${left.join(', ')} }`) : code
    parts.push(comment + (kind === 'imports' ? list.replace(/^import (?:type )?/, 'import type ') : list))
  }
  if (parts.length === 0) continue
  const text = `${heads.get(file) ?? ''}${parts.join('')}`
    .replace(/^[ \t]*\/\*\*[\s\S]*?\*\/\n?/gm, (comment) =>
      WHOLE.test(file) ? comment : shown.has(file) ? shorten(comment) : '',
    )
    .replace(/(from\s*|import\()(['"])(\.[^'"]+)\.tsx?\2/g, '$1$2$3.js$2')
    .replace(/^( {4})+/gm, (indent) => '\t'.repeat(indent.length / 4))
  const to = join('dist/types', relative(types, file))
  mkdirSync(dirname(to), { recursive: true })
  writeFileSync(to, text)
}
