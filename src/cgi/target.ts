/**
 * What a request's path leads to: a script below the root, the fixed command, or nothing.
 * @module
 */
import type { ResolvedCgiOptions } from './options.ts'
import { findScript, joinSegments, pathSegments } from './script-path.ts'

type Command = readonly [string, ...string[]]

/** A program to run, and the path variables that it gets. */
export interface Target {
  /** Names it in messages: SCRIPT_FILENAME, or the program of `command`. */
  readonly label: string
  readonly command: Command
  readonly cwd: string
  /** Decoded URL path that leads to the script. */
  readonly scriptName: string
  /** Decoded rest of the path; empty if there is none. */
  readonly pathInfo: string
  readonly scriptFilename: string
  /**
   * True if `command` is an interpreter or the application's own. It gets REDIRECT_STATUS, without which php-cgi refuses to run, and no
   * search words: `?-s` made php-cgi print the source of its scripts (CVE-2012-1823).
   */
  readonly interpreted: boolean
  /** True if the script prints a whole HTTP answer: its file name begins with `nph-` (RFC 3875 section 5). */
  readonly nonParsedHeader: boolean
}

/** Nothing to run: the status of the answer. */
export interface NoTarget {
  readonly status: 403 | 404
}

/**
 * Finds what answers `path`.
 *
 * @param root - absolute path of the directory of scripts; unused with `command`
 * @param path - URL path, percent-encoded
 * @param prefix - URL path before the script, percent-encoded
 */
export function findTarget(
  options: Pick<ResolvedCgiOptions<never>, 'command' | 'interpreters' | 'cwd'>,
  root: string | undefined,
  path: string,
  prefix: string,
): Target | NoTarget {
  const { command, interpreters, cwd } = options
  // Runs of slashes count as one, as for Apache: "//cgi-bin//env" is "/cgi-bin/env".
  const merged = path.replace(/\/{2,}/g, '/')
  if (merged !== prefix && !merged.startsWith(`${prefix}/`)) return { status: 404 }
  const rest = merged.slice(prefix.length)
  const scriptPrefix = decodePath(prefix)
  if (scriptPrefix === undefined) return { status: 404 }
  if (command !== undefined) {
    const parsed = pathSegments(rest)
    if (parsed === undefined) return { status: 404 }
    return {
      label: command[0],
      command,
      cwd: cwd ?? '/',
      scriptName: scriptPrefix,
      pathInfo: joinSegments(parsed.segments, parsed.trailing),
      scriptFilename: command[0],
      interpreted: true,
      nonParsedHeader: isNonParsedHeader(command[0]),
    }
  }
  const interpreterOf = (filename: string): Command | undefined => {
    const extension = /\.[^./]+$/.exec(filename)?.[0]
    return extension !== undefined && Object.hasOwn(interpreters, extension) ? interpreters[extension] : undefined
  }
  const script = findScript(root!, rest, (filename) => interpreterOf(filename) !== undefined)
  if ('status' in script) return script
  const { filename, realPath } = script
  const interpreter = interpreterOf(filename)
  return {
    label: filename,
    command: interpreter ?? [realPath],
    cwd: cwd ?? (realPath.slice(0, realPath.lastIndexOf('/')) || '/'),
    scriptName: scriptPrefix + script.name,
    pathInfo: script.pathInfo,
    scriptFilename: filename,
    interpreted: interpreter !== undefined,
    nonParsedHeader: isNonParsedHeader(filename),
  }
}

function isNonParsedHeader(filename: string): boolean {
  return filename.slice(filename.lastIndexOf('/') + 1).startsWith('nph-')
}

function decodePath(text: string): string | undefined {
  const parsed = pathSegments(text)
  return parsed === undefined ? undefined : joinSegments(parsed.segments, false)
}
