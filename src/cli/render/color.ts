/**
 * Terminal colours (ECMA-48 SGR), or none.
 * @module
 */

/** Wraps text so that a terminal shows it in a colour. */
export type Paint = (text: string) => string

/** The few styles that are used; each returns its text unchanged when colours are off. */
export interface Palette {
  readonly bold: Paint
  readonly dim: Paint
  readonly red: Paint
  readonly green: Paint
  readonly yellow: Paint
  readonly cyan: Paint
}

/** The palette for a terminal; without colour it leaves text as it is. */
export function palette(color: boolean): Palette {
  const style =
    (on: number, off: number): Paint =>
    (text) =>
      color && text !== '' ? `\x1b[${on}m${text}\x1b[${off}m` : text
  return {
    bold: style(1, 22),
    dim: style(2, 22),
    red: style(31, 39),
    green: style(32, 39),
    yellow: style(33, 39),
    cyan: style(36, 39),
  }
}
