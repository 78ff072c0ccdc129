/**
 * The command line of a script: the words of an indexed query (RFC 3875 section 4.4).
 * @module
 */

/** Most words that are passed. Apache: `_POSIX_ARG_MAX`. */
const MAX_WORDS = 4_096
/** What Apache's `ap_escape_shell_cmd` precedes with a backslash, for scripts that hand their arguments to a shell. */
const SHELL = /[&;`'"|*?~<>^()[\]{}$\\\n]/g

/**
 * The arguments that a GET or HEAD request without an unencoded `=` in its query gives a script: words separated by `+`,
 * percent-decoded, with a backslash before what a shell would interpret, as Apache passes them.
 *
 * None at all if one word cannot be decoded, holds a NUL or is not UTF-8, as section 4.4 wants it.
 *
 * @param query - QUERY_STRING
 */
export function searchWords(method: string, query: string): readonly string[] {
  if (query === '' || query.includes('=') || (method !== 'GET' && method !== 'HEAD')) return []
  const words = query.split('+')
  if (words.length > MAX_WORDS) return []
  try {
    const decoded = words.map(decodeURIComponent)
    return decoded.some((word) => word.includes('\0')) ? [] : decoded.map((word) => word.replace(SHELL, '\\$&'))
  } catch {
    return []
  }
}
