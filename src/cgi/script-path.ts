/**
 * From a URL path to a script and its PATH_INFO, without ever leaving the root.
 * @module
 */
import { fileFacts, realPath } from '../runtime/files.ts'

/** A script to run. */
export interface Script {
  /** Path as configured and asked for, links not followed: SCRIPT_FILENAME. */
  readonly filename: string
  /** Path to execute: links below the root followed. */
  readonly realPath: string
  /** Decoded URL path up to the script, without the prefix. */
  readonly name: string
  /** Decoded rest, with its slash; empty if the URL ends with the script. */
  readonly pathInfo: string
}

/** Why no script was found: there is no file, or a file that must not be run. */
export interface NoScript {
  readonly status: 403 | 404
  readonly why: string
}

/** What must not be in a decoded path: a NUL ends it for the kernel, a line break could pass for another variable. */
const CONTROL = /[\u0000-\u001f\u007f]/

/** Segments of a URL path, decoded, runs of slashes taken for one as Apache does; `undefined` if it cannot be a path. */
export function pathSegments(path: string): { segments: string[]; trailing: boolean } | undefined {
  const segments: string[] = []
  for (const raw of path.split('/')) {
    if (raw === '') continue
    let segment: string
    try {
      segment = decodeURIComponent(raw)
    } catch {
      return undefined
    }
    if (segment.includes('/') || CONTROL.test(segment)) return undefined
    segments.push(segment)
  }
  return { segments, trailing: path.endsWith('/') }
}

/** Decoded path of segments. */
export function joinSegments(segments: readonly string[], trailing: boolean): string {
  if (segments.length === 0) return trailing ? '/' : ''
  return `/${segments.join('/')}${trailing ? '/' : ''}`
}

/**
 * The first regular file on the way down from `root` is the script, and what follows is PATH_INFO.
 *
 * Refused: names that begin with a dot, `%2F`, control characters, links out of the root, directories, and files that this
 * process may not execute unless `interpreted` says that another program reads them.
 */
export function findScript(
  root: string,
  urlPath: string,
  interpreted: (filename: string) => boolean,
): Script | NoScript {
  const parsed = pathSegments(urlPath)
  if (parsed === undefined) return { status: 404, why: 'the path cannot be decoded' }
  const { segments, trailing } = parsed
  let filename = root.endsWith('/') ? root.slice(0, -1) : root
  let linked = false
  for (const [index, segment] of segments.entries()) {
    if (segment.startsWith('.')) return { status: 404, why: 'the name begins with a dot' }
    filename += `/${segment}`
    const facts = fileFacts(filename)
    if (facts === undefined) return { status: 404, why: `there is no ${filename}` }
    linked ||= facts.link
    if (facts.kind === 'directory') continue
    if (facts.kind !== 'file') return { status: 403, why: `${filename} is not a regular file` }
    // Without a link on the way down the file cannot be elsewhere, and `realpath` need not be asked.
    const path = linked ? insidePath(root, filename) : filename
    if (path === undefined) return { status: 404, why: `${filename} leads out of ${root}` }
    if (!facts.executable && !interpreted(filename)) return { status: 403, why: `${filename} is not executable` }
    const rest = segments.slice(index + 1)
    return {
      filename,
      realPath: path,
      name: joinSegments(segments.slice(0, index + 1), false),
      pathInfo: joinSegments(rest, trailing),
    }
  }
  if (segments.length === 0 && fileFacts(root) === undefined) return { status: 404, why: `there is no ${root}` }
  return { status: 403, why: `${filename} is a directory` }
}

/** The real path, if it is below that of the root and no part of it begins with a dot. */
function insidePath(root: string, filename: string): string | undefined {
  const realRoot = realPath(root)
  const path = realPath(filename)
  if (realRoot === undefined || path === undefined) return undefined
  const prefix = realRoot === '/' ? '/' : `${realRoot}/`
  return path.startsWith(prefix) && !path.slice(prefix.length - 1).includes('/.') ? path : undefined
}
