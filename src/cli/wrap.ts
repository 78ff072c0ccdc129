/**
 * Text in lines as wide as a terminal.
 * @module
 */

/** Characters of a line. */
export const WIDTH = 80

/** Joins words to lines of at most `width` characters, all but the first indented. */
export function fill(words: readonly string[], width: number, indent = ''): string {
  const lines: string[] = []
  let line = ''
  for (const word of words) {
    if (line !== '' && line.length + 1 + word.length > width) {
      lines.push(line)
      line = indent + word
    } else {
      line = line === '' ? word : `${line} ${word}`
    }
  }
  return [...lines, line].join('\n')
}

/** Breaks a paragraph into lines of at most `width` characters. */
export function wrap(text: string, width: number = WIDTH): string {
  return fill(text.split(' '), width)
}
