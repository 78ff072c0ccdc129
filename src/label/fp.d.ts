/** Signature files, imported as text. */
declare module '*.fp' {
  const text: string
  export default text
}
