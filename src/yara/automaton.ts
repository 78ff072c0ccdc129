/**
 * Regular expressions over a text, all at once and without libyara: a bit for each place of an expression (Glushkov's automaton), and what
 * follows from one set of places is remembered.
 * @module
 */

/** Of a part of an expression: the places that may be its first and its last, and if it may be left out. */
interface Ends {
  readonly first: number
  readonly last: number
  readonly isEmpty: boolean
}

/** Puts a part of an expression into a word. */
export type Make = (word: Word) => Ends

/** What is between two `|` outside of parentheses: if it begins with `^`, and ends with `$`. */
export interface Alternative {
  readonly make: Make
  readonly isBegun: boolean
  readonly isEnded: boolean
}

/** The bits of an integer. */
const MOST_PLACES = 32
const MOST_WORDS = 1024
/** Sets of places that are remembered. */
const MOST_STATES = 1024
const ANY_OCTET = String.fromCharCode(...Array(256).keys())
const NOTHING: Ends = { first: 0, last: 0, isEmpty: true }

const encoder = new TextEncoder()

/** Expressions of at most 32 places together. */
class Word {
  count = 0
  /** By octet the places where it may be. */
  readonly #places = new Int32Array(256)
  /** By place those behind it. */
  readonly #next = new Int32Array(MOST_PLACES)
  /** Places that begin where the text does, and anywhere else. */
  #first = 0
  #again = 0
  /** Places behind which anything may follow. */
  #ends = 0

  place(octets: string): Ends {
    const bit = 1 << this.count++
    for (let i = 0; i < octets.length; i++) this.#places[octets.charCodeAt(i)]! |= bit
    return { first: bit, last: bit, isEmpty: false }
  }

  link(from: number, to: number): void {
    for (let at = 0; at < MOST_PLACES; at++) if ((from >> at) & 1) this.#next[at]! |= to
  }

  /** One part and the next. */
  join(one: Ends, next: Ends): Ends {
    this.link(one.last, next.first)
    return {
      first: one.first | (one.isEmpty ? next.first : 0),
      last: next.last | (next.isEmpty ? one.last : 0),
      isEmpty: one.isEmpty && next.isEmpty,
    }
  }

  /** The places of which one is left at the end of a text that fits. */
  add(alternatives: readonly Alternative[]): number {
    let all = 0
    for (const { make, isBegun, isEnded } of alternatives) {
      const made = make(this)
      // To libyara an expression begins before an octet, not at the end.
      const { first, last } = made.isEmpty && !isEnded ? this.place(ANY_OCTET) : made
      this.#first |= first
      if (!isBegun) this.#again |= first
      if (!isEnded) this.#ends |= last
      all |= last
    }
    return all
  }

  /** The places behind an octet. @param live those before it; `undefined` at the beginning */
  step(live: number | undefined, octet: number): number {
    let next = live === undefined ? this.#first : this.#again
    for (let bits = live ?? 0; bits !== 0; bits &= bits - 1) next |= this.#next[31 - Math.clz32(bits & -bits)]!
    return (next & this.#places[octet]!) | (live! & this.#ends)
  }
}

interface State {
  readonly live: Int32Array
  /** The same, 16 places a character. */
  readonly key: string
  /** By octet. */
  readonly next: State[]
}

export class Automaton {
  readonly #words: Word[] = []
  readonly #states = new Map<string, State>()
  readonly #start: State = { live: new Int32Array(0), key: '', next: [] }
  #text = ''
  #found = ''

  /** Before the first `run`: tells if an expression fits a text by what that says of it; `undefined` where it has too many places. */
  add(alternatives: readonly Alternative[]): ((found: string) => boolean) | undefined {
    let word = new Word()
    let ends = word.add(alternatives)
    if (word.count > MOST_PLACES || this.#words.length >= MOST_WORDS) return undefined
    const last = this.#words.at(-1)
    if (last !== undefined && last.count + word.count <= MOST_PLACES) {
      word = last
      ends = word.add(alternatives)
    } else this.#words.push(word)
    const at = 2 * this.#words.length - 2
    return (found) => ((found.charCodeAt(at) | (found.charCodeAt(at + 1) << 16)) & ends) !== 0
  }

  /** The places that are left at the end of a text without NUL. */
  run(text: string): string {
    if (text !== this.#text) {
      let state = this.#start
      for (const octet of encoder.encode(text)) state = state.next[octet] ?? this.#step(state, octet)
      this.#text = text
      this.#found = state.key
    }
    return this.#found
  }

  #step(from: State, octet: number): State {
    const words = this.#words
    const live = new Int32Array(words.length)
    for (let i = 0; i < live.length; i++) live[i] = words[i]!.step(from.live[i], octet)
    // Spread takes six times as long.
    const key = String.fromCharCode.apply(null, new Uint16Array(live.buffer) as ArrayLike<number> as number[])
    let state = this.#states.get(key)
    if (state === undefined) {
      if (this.#states.size >= MOST_STATES) {
        this.#states.clear()
        this.#start.next.length = 0
      }
      state = { live, key, next: [] }
      this.#states.set(key, state)
    }
    from.next[octet] = state
    return state
  }
}

/** Parts that follow each other. */
export const inTurn =
  (makes: readonly Make[]): Make =>
  (word) =>
    makes.reduce((all, make) => word.join(all, make(word)), NOTHING)

/** One of these. */
export const oneOf =
  (makes: readonly Make[]): Make =>
  (word) =>
    makes
      .map((make) => make(word))
      .reduce((all, one) => ({
        first: all.first | one.first,
        last: all.last | one.last,
        isEmpty: all.isEmpty || one.isEmpty,
      }))

/** A part some times, without end where `most` is infinite. */
export const repeated =
  (make: Make, least: number, most: number): Make =>
  (word) => {
    const isEndless = most === Infinity
    const copies = isEndless ? Math.max(least, 1) : most
    let all = NOTHING
    for (let i = 0; i < copies && word.count <= MOST_PLACES; i++) {
      const one = make(word)
      if (isEndless && i === copies - 1) word.link(one.last, one.first)
      all = word.join(all, { ...one, isEmpty: one.isEmpty || i >= least })
    }
    return all
  }
