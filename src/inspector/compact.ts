/**
 * Style and script as a page sends them from a checkout. The build of the package makes the files smaller, so that this changes nothing
 * there.
 * @module
 */
/** A style sheet without comments and the white space of its layout. */
export function compactStyle(text: string): string {
  return text
    .replace(/\/\*[\s\S]*?\*\//g, '')
    .replace(/\s+/g, ' ')
    .replace(/ ?([{};,>]) ?/g, '$1')
    .replace(/(?<![\d.])0(?=\.\d)/g, '')
    .replace(/: (?=[^{}]*[;}])/g, ':')
    .replaceAll(';}', '}')
}

/** A script without its comments on lines of their own and its indentation. */
export function compactScript(text: string): string {
  return text.replace(/^\s*(?:\/\*\*.*|\*.*|\/\/.*)$/gm, '').replace(/\n\s*/g, '\n')
}
