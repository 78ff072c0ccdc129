/**
 * Files, through `node:fs`, which Bun, Deno and Node have. Loaded on first use.
 * @module
 */
import { processGlobal } from './globals.ts'

/** `node:fs`. */
export type FileSystem = typeof import('node:fs')

/** What stands at a path, links followed. */
export interface FileFacts {
  /** The last part of the path is a symbolic link. */
  readonly link: boolean
  readonly kind: 'file' | 'directory' | 'other'
  /** True if it is a file that this process may execute. */
  readonly executable: boolean
}

function builtin<Module>(name: string): Module {
  const found = processGlobal()?.getBuiltinModule?.(name)
  if (found === undefined) throw new TypeError(`Cannot load ${name}: this runtime has no such module`)
  return found as Module
}

/** `node:fs` of this runtime. @throws {TypeError} where there is none */
export const fileSystem = (): FileSystem => builtin('node:fs')

/** Directory for temporary files. */
export const temporaryDirectory = (): string => builtin<typeof import('node:os')>('node:os').tmpdir()

/** Absolute form of a path, relative to the working directory. */
export const absolutePath = (path: string): string => builtin<typeof import('node:path')>('node:path').resolve(path)

/** Absolute path without links; `undefined` where there is nothing. */
export function realPath(path: string): string | undefined {
  try {
    return fileSystem().realpathSync.native(path)
  } catch {
    return undefined
  }
}

/** Facts of a path; `undefined` where there is nothing. */
export function fileFacts(path: string): FileFacts | undefined {
  const fs = fileSystem()
  try {
    let stat = fs.lstatSync(path)
    const link = stat.isSymbolicLink()
    if (link) stat = fs.statSync(path)
    const kind = stat.isFile() ? 'file' : stat.isDirectory() ? 'directory' : 'other'
    return { link, kind, executable: kind === 'file' && isExecutable(fs, path, stat.mode) }
  } catch {
    return undefined
  }
}

function isExecutable(fs: FileSystem, path: string, mode: number): boolean {
  try {
    fs.accessSync(path, fs.constants.X_OK)
    return true
  } catch (error) {
    // Without --allow-sys Deno does not say which user this process has; then any executable bit is enough to try.
    return !('code' in (error as Error)) && (mode & 0o111) !== 0
  }
}
