/**
 * Files that are imported as text: `import style from './page.css' with { type: 'text' }`. Bun, Deno and the bundler know
 * them by the attribute, TypeScript by this. Not under `src`, because JSR refuses sources that declare modules.
 */
declare module '*.css' {
  const text: string
  export default text
}

declare module '*/page.js' {
  const text: string
  export default text
}

declare module '*/live-view.js' {
  const text: string
  export default text
}

declare module '*.fp' {
  const text: string
  export default text
}
