/**
 * Databases of p0f v3 signatures: what a signature holds, and the index by which a SYN finds those that can match.
 * @module
 */

/** What a group of signatures stands for: the `label` line, with the `sys` line of a tool. */
export interface SignatureLabel {
  /** Line of the file, from 1. */
  readonly line: number
  /** `g`: a last resort where no specific signature matches. */
  readonly generic: boolean
  /** Registered family such as `unix`; `undefined` for a tool (`!`). */
  readonly family: string | undefined
  /** `Linux`. */
  readonly system: string
  /** `3.11 and newer`; may be empty. */
  readonly flavor: string
  /** System and flavor as p0f prints them: `Linux 3.11 and newer`. */
  readonly name: string
  /** What `Label.family` says: one of our families, or the class of a database that has others. */
  readonly kin: string
  /** Of a tool: systems it runs on, a family with `@` before it. */
  readonly runsOn: readonly string[]
}

/**
 * How a signature states the window: any, a value, a multiple of a number, of the MSS or of the MTU, or the largest multiple of
 * an MSS up to 65535 (`full`).
 */
export type WindowRule = 'any' | 'value' | 'modulo' | 'mss' | 'mtu' | 'full'

/** One signature of `[tcp:request]`. A `sig` line that states several windows or scales holds one for each. */
export interface Signature {
  /** As in the file, with one window and one scale. */
  readonly text: string
  /** Line of the file, from 1. */
  readonly line: number
  readonly label: SignatureLabel
  /** 4, 6, or 0 for both. */
  readonly version: 0 | 4 | 6
  /** Initial TTL or hop limit, 1 to 255. */
  readonly timeToLive: number
  /** `64-`: the tool picks TTLs at random, none above this. */
  readonly randomTtl: boolean
  /** `64!`: never a fuzzy match. */
  readonly exactOnly: boolean
  /** Octets of IP options. */
  readonly optionsLength: number
  /** -1 for any. */
  readonly mss: number
  readonly windowRule: WindowRule
  /** The value, the number or the factor; 0 for the other rules. */
  readonly window: number
  /** -1 for any. */
  readonly scale: number
  /** Options in p0f's words. */
  readonly layout: string
  /** Bits of `QUIRK`. */
  readonly quirks: number
  /** Bits of `QUIRK` that may be there or not. */
  readonly optionalQuirks: number
  /** `id=54321` among the quirks: the IPv4 identification of zmap. */
  readonly zmapIdentification: boolean
  /** True if there must be data, false if there must be none; `undefined` for either. */
  readonly payload: boolean | undefined
  /** See {@link DatabaseOptions}. */
  readonly tolerant: boolean
  /** See {@link DatabaseOptions}. */
  readonly versioned: boolean
  /** Place in the order of the database, from 0. */
  readonly order: number
}

/** A system to look for in `User-Agent` headers: the `ua_os` line. */
export interface UserAgentSystem {
  /** Name in the database. */
  readonly system: string
  /** Text in the header. */
  readonly text: string
}

/** How signatures are matched where p0f's rules are too narrow. */
export interface DatabaseOptions {
  /**
   * Lets a signature match exactly although it lacks `flow` or, where the SYN asks for Accurate ECN (AE set), `ecn`: databases of
   * p0f's time know neither. A signature that names the quirk is preferred. `false` is p0f 3.09b to the letter. Default `true`.
   */
  readonly tolerant?: boolean
  /**
   * Holds a signature of version `4` or `6` to that version, as p0f's documentation has it, p0f 3.09b not. Default `false`.
   */
  readonly versioned?: boolean
}

/** A line of an `.fp` file that cannot be read: nothing is loaded. */
export class DatabaseError extends Error {
  override readonly name = 'DatabaseError'
  /** Line of the file, from 1. */
  readonly line: number
  /** What is wrong with the line. */
  readonly problem: string
  constructor(line: number, problem: string) {
    super(`Cannot load signatures: line ${line}: ${problem}`)
    this.line = line
    this.problem = problem
  }
}

/** A line of a section that is not used, and that cannot be read. */
export interface DatabaseWarning {
  /** Line of the file, from 1. */
  readonly line: number
  readonly problem: string
}

/**
 * Signatures that have the order of options, and how they state MSS, scale and window, in common. What is stated as a value
 * is the key of `signatures`, so one look finds those that can match.
 */
export interface Shape {
  readonly anyMss: boolean
  readonly anyScale: boolean
  readonly windowRule: WindowRule
  /** The number of a `modulo` rule. */
  readonly modulus: number
  /** By {@link shapeKey}, in the order of the file. */
  readonly signatures: ReadonlyMap<number, readonly Signature[]>
}

/** Key of a shape's map: window (or its factor), scale and MSS, each 0 where the shape does not state it. */
export function shapeKey(window: number, scale: number, mss: number): number {
  // The sum is below 2^40; without an MSS it stays a small integer, which is the common case.
  return window + scale * 0x1_0000 + mss * 0x100_0000
}

/** Shapes by the order of options in p0f's words. */
export interface ShapeIndex {
  get(layout: string): readonly Shape[] | undefined
}

let indexOf: (database: Database) => ShapeIndex

/** Has a database look for shapes in `index`, and take labels and signatures from `whole` when they are asked for. Not for others. */
export let makeLazy: (database: Database, index: ShapeIndex, whole: () => Database) => Database

/** A set of signatures, ready to match. Made by `loadP0f` and {@link joinDatabases}; not changed afterwards. */
export class Database {
  readonly signatures: readonly Signature[]
  /** Every `label` of `[tcp:request]`, also those without signatures. */
  readonly labels: readonly SignatureLabel[]
  /** Registered families. */
  readonly families: readonly string[]
  /** Link type by MTU. */
  readonly links: ReadonlyMap<number, string>
  readonly userAgentSystems: readonly UserAgentSystem[]
  /** What was left out of sections that are not used, at most 100. */
  readonly warnings: readonly DatabaseWarning[]
  /** Made by the first look. */
  #shapes: ShapeIndex | undefined

  /** Use `loadP0f`. */
  constructor(parts: {
    signatures: readonly Signature[]
    labels: readonly SignatureLabel[]
    families: readonly string[]
    links: ReadonlyMap<number, string>
    userAgentSystems: readonly UserAgentSystem[]
    warnings?: readonly DatabaseWarning[]
  }) {
    this.signatures = parts.signatures
    this.labels = parts.labels
    this.families = parts.families
    this.links = parts.links
    this.userAgentSystems = parts.userAgentSystems
    this.warnings = parts.warnings ?? []
  }

  static {
    indexOf = (database) => (database.#shapes ??= indexSignatures(database.signatures))
    makeLazy = (database, index, whole) => {
      database.#shapes = index
      return Object.defineProperties(database, {
        labels: { enumerable: true, get: () => whole().labels },
        signatures: { enumerable: true, get: () => whole().signatures },
      })
    }
  }
}

const NO_SHAPES: readonly Shape[] = /* @__PURE__ */ Object.freeze([])

/** What a database has for an order of options in p0f's words. */
export function shapesOf(database: Database, layout: string): readonly Shape[] {
  return indexOf(database).get(layout) ?? NO_SHAPES
}

/** The shapes of signatures. */
export function indexSignatures(signatures: readonly Signature[]): Map<string, Shape[]> {
  const index = new Map<string, Shape[]>()
  const maps = new Map<string, Map<number, Signature[]>>()
  for (const signature of signatures) {
    const { layout, mss, scale, windowRule, window } = signature
    const modulus = windowRule === 'modulo' ? window : 0
    const shapeName = `${layout}:${mss < 0}:${scale < 0}:${windowRule}:${modulus}`
    let map = maps.get(shapeName)
    if (map === undefined) {
      map = new Map()
      maps.set(shapeName, map)
      const shape: Shape = { anyMss: mss < 0, anyScale: scale < 0, windowRule, modulus, signatures: map }
      const shapes = index.get(layout)
      if (shapes === undefined) index.set(layout, [shape])
      else shapes.push(shape)
    }
    const key = shapeKey(windowRule === 'modulo' ? 0 : window, Math.max(scale, 0), Math.max(mss, 0))
    const same = map.get(key)
    if (same === undefined) map.set(key, [signature])
    else same.push(signature)
  }
  return index
}

/**
 * One database that has the signatures of `first` and, after them, those of `second`: where both match equally well, `first`
 * decides. Its link types too.
 */
export function joinDatabases(first: Database, second: Database): Database {
  const offset = first.signatures.length
  return new Database({
    signatures: [
      ...first.signatures,
      ...second.signatures.map((signature) => ({ ...signature, order: signature.order + offset })),
    ],
    labels: [...first.labels, ...second.labels],
    families: [...new Set([...first.families, ...second.families])],
    links: new Map([...second.links, ...first.links]),
    userAgentSystems: [...first.userAgentSystems, ...second.userAgentSystems],
    warnings: [...first.warnings, ...second.warnings],
  })
}
