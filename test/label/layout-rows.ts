/**
 * Rows of SYN layouts and what their labels must say, tried over IP versions, MSS values and ECN. Test support for labels.
 * @module
 */
import { expect } from 'bun:test'
import { defaultDatabase } from '../../src/label/default.ts'
import { type Label, match } from '../../src/label/match.ts'
import { parseSyn } from '../../src/wire/syn.ts'
import { synOf } from './syn-of.ts'

export const LNX: string = 'mss,sok,ts,nop,ws'
export const LNX_NOP: string = `mss,sok,${'nop,'.repeat(11)}ws`
export const LNX_CUT: string = 'mss,sok,nop,nop,nop,ws'
export const WIN: string = 'mss,nop,ws,nop,nop,sok'
export const WIN0: string = 'mss,nop,nop,sok'
export const MAC: string = 'mss,nop,ws,nop,nop,ts,sok,eol+1'
export const MAC_NOP: string = `mss,nop,ws,${'nop,'.repeat(12)}sok,eol+1`
export const MAC_CUT: string = 'mss,nop,ws,sok,eol+1'
export const FBSD: string = 'mss,nop,ws,sok,ts'
export const KEEP: string = 'df,id+'

export const V4: readonly number[] = [4]

/** MSS of usual ways. */
const MSS = [1460, 1440, 1400, 1360, 536]

/** `max`: the largest multiple of the MSS; `max-12`: of the MSS less timestamps; `4*`: a multiple; else a number. */
function windowOf(window: string | number, mss: number): number {
  if (window === 'max') return 65_535 - (65_535 % mss)
  if (window === 'max-12') return 65_535 - (65_535 % (mss - 12))
  return typeof window === 'string' ? Number.parseInt(window, 10) * mss : window
}

/** A layout, and what the label says. */
export interface Row {
  readonly ttl: number
  readonly window: string | number
  readonly scale: number
  readonly layout: string
  /** Of IPv4. */
  readonly quirks?: string
  /** Of IPv6, a flow label by default. */
  readonly v6Quirks?: string
  readonly label: RegExp
  readonly family: string
  readonly traits?: readonly string[]
  /** IP versions, both by default. */
  readonly versions?: readonly number[]
  /** MSS values, all by default. */
  readonly mss?: readonly number[]
}

function labelOf(row: Row, version: number, mss: number, ecn: boolean): Label {
  const quirks = version === 4 ? (row.quirks ?? KEEP) : (row.v6Quirks ?? 'flow')
  const words = [...quirks.split(','), ...(ecn ? ['ecn'] : [])].filter((word) => word !== '').join(',')
  const window = windowOf(row.window, mss)
  const text = `${version}:${row.ttl}:0:${mss}:${window},${row.scale}:${row.layout}:${words}:0`
  return match(defaultDatabase(), parseSyn(synOf(text)))
}

/** Fails where a SYN of a row has another label; says how many SYNs there were. */
export function tryRows(rows: readonly Row[]): number {
  let seen = 0
  for (const row of rows) {
    for (const version of row.versions ?? [4, 6]) {
      for (const mss of row.mss ?? MSS) {
        for (const ecn of [false, true]) {
          const label = labelOf(row, version, mss, ecn)
          const quirks = version === 4 ? (row.quirks ?? KEEP) : (row.v6Quirks ?? 'flow')
          const what = `IPv${version} ttl ${row.ttl} mss ${mss} window ${row.window},${row.scale} ${row.layout} ${quirks}${ecn ? ' ECN' : ''}`
          expect(`${what}: ${row.label.test(label.name ?? '') || label.name}`).toBe(`${what}: true`)
          expect([what, label.family]).toEqual([what, row.family])
          if (row.traits !== undefined) expect([what, label.traits]).toEqual([what, row.traits as never])
          seen += 1
        }
      }
    }
  }
  return seen
}
