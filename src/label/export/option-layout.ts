/**
 * The options of a signature, as octets count them.
 * @module
 */

/** A signature's options whose lengths are known: p0f's words, End of Option List as one word for each of its octets. */
export interface Options {
  readonly words: readonly string[]
  /** Octets. */
  readonly length: number
}

const LENGTH: Readonly<Record<string, number>> = { nop: 1, mss: 4, ws: 3, sok: 2, ts: 10, eol: 1 }

/** Reads p0f's order of options; `undefined` with an option whose length the signature does not tell (`sack`, `?30`). */
export function readOptions(layout: string): Options | undefined {
  const words = (layout === '' ? [] : layout.split(',')).flatMap((word) =>
    word.startsWith('eol+') ? new Array<string>(Number(word.slice(4)) + 1).fill('eol') : [word],
  )
  let length = 0
  for (const word of words) {
    const octets = LENGTH[word]
    if (octets === undefined) return undefined
    length += octets
  }
  return { words, length }
}
