/**
 * TCP_INFO over time as an SVG picture that grows: each sample adds a piece to every curve, so that a browser draws the picture while
 * it comes, without a script.
 * @module
 */
import { duration } from '../explain/units.ts'
import type { TcpInfo } from '../wire/tcp-info.ts'

/** Samples of a picture, a second apart: a minute. */
export const SAMPLES = 61

/** One curve. */
interface Curve {
  readonly title: string
  readonly of: (info: TcpInfo, first: TcpInfo) => number | undefined
  /** The value at the axis's foot, of which each line above is the double. `undefined`: counts from 0 on. */
  readonly foot: ((first: TcpInfo) => number | undefined) | undefined
  readonly text: (value: number) => string
}

/** So that the first sample lies two lines above the foot. */
const quarter = (value: number | undefined): number => Math.max(1, value ?? 1) / 4
const whole = (value: number): string => String(value)

/** The curves, from top to bottom. */
export const CURVES: readonly Curve[] = [
  { title: 'RTT', of: ({ rtt }) => rtt || undefined, foot: ({ rtt }) => quarter(rtt), text: duration },
  { title: 'RTT variance', of: ({ rttvar }) => rttvar, foot: ({ rttvar }) => quarter(rttvar), text: duration },
  {
    title: 'Congestion window, segments',
    of: ({ snd_cwnd }) => snd_cwnd,
    foot: ({ snd_cwnd }) => quarter(snd_cwnd),
    text: whole,
  },
  {
    title: 'Segments sent again',
    of: ({ total_retrans: now }, { total_retrans: first }) =>
      now === undefined || first === undefined ? undefined : now - first,
    foot: undefined,
    text: whole,
  },
]

/** Place of the first sample, units between two samples, height of a panel, room for its title above it and for its values below. */
const LEFT = 40
const STEP = 10
const HEIGHT = 64
const ABOVE = 44
const BELOW = 28
const RIGHT = LEFT + STEP * (SAMPLES - 1)
const WIDTH = RIGHT + LEFT
/** Samples between two values that are written, and between two upright lines. */
const TICK = 10

const topOf = (index: number): number => ABOVE + index * (HEIGHT + BELOW + ABOVE)

/** Lines of a panel: six doublings. */
const LINES = 6

/** The beginning: axes, titles, a line for each doubling and one for each tenth second. */
export function curvesBegin(): string {
  const panels = CURVES.map(({ title }, i) => {
    const top = topOf(i)
    let lines = ''
    for (let line = 0; line <= LINES; line++) {
      lines += `M${LEFT} ${Math.round((top + (HEIGHT / LINES) * line) * 10) / 10}H${RIGHT}`
    }
    for (let x = LEFT; x <= RIGHT; x += STEP * TICK) lines += `M${x} ${top}v${HEIGHT}`
    return `<text x="${LEFT}" y="${top - 8}">${title}</text><path class="grid" d="${lines}"/>`
  })
  const label = 'Four curves over a minute: RTT, its variance, congestion window, segments sent again'
  const height = topOf(CURVES.length) - ABOVE
  return `<svg class="curves" viewBox="0 0 ${WIDTH} ${height}" role="img" aria-label="${label}">${panels.join('')}`
}

function y(index: number, value: number, first: TcpInfo): number {
  const foot = CURVES[index]!.foot?.(first)
  const lines = Math.log2(foot === undefined ? 1 + value : Math.max(value, 1e-9) / foot)
  const part = Math.min(1, Math.max(0, lines / LINES))
  return Math.round((topOf(index) + HEIGHT * (1 - part)) * 10) / 10
}

/** What a sample adds: a piece of each curve, from the sample before. `infos` are those so far. */
export function curvesStep(infos: readonly TcpInfo[]): string {
  const at = infos.length - 1
  const x = LEFT + STEP * at
  const [first] = infos
  return CURVES.map(({ of, text }, i) => {
    const now = of(infos[at]!, first!)
    const before = at === 0 ? undefined : of(infos[at - 1]!, first!)
    if (now === undefined) return ''
    const to = y(i, now, first!)
    const from = before === undefined ? `M${x} ${to}h0` : `M${x - STEP} ${y(i, before, first!)}L${x} ${to}`
    // Below the panel, where no curve is. A phone has room for every second one.
    const isOdd = at % (2 * TICK) !== 0
    const place = `class="value${isOdd ? ' odd' : ''}" x="${x}" y="${topOf(i) + HEIGHT + BELOW - 6}"`
    const number = at % TICK === 0 ? `<text ${place}>${text(now)}</text>` : ''
    return `<path class="curve c${i}" d="${from}"/>${number}`
  }).join('')
}

/** The end of the picture, and what came in numbers. */
export function curvesEnd(infos: readonly TcpInfo[]): string {
  const [first] = infos
  const rows = CURVES.map(({ title, of, text }) => {
    const values = infos.map((info) => of(info, first!)).filter((value) => value !== undefined)
    if (values.length === 0) return ''
    const cells = [values[0]!, Math.min(...values), Math.max(...values), values.at(-1)!]
    return `<tr><th scope="row">${title}</th>${cells.map((value) => `<td>${text(value)}</td>`).join('')}</tr>`
  })
  const head = ['', 'First', 'Least', 'Most', 'Last'].map((name) => `<th scope="col">${name}</th>`).join('')
  return `</svg><table class="seen"><thead><tr>${head}</tr></thead><tbody>${rows.join('')}</tbody></table>`
}

/** How to read the curves. */
export const HOW_TO_READ: readonly string[] = [
  'Each line of a panel is the double of the one below it; the first sample is on the third line. Below a panel stand its values every ten seconds.',
  'A flat RTT with a small variance is a steady way. One sample a second comes from the answers to this very page, so that the way is measured with small segments on an idle connection.',
  'RTT and variance that rise together, and fall again, are a queue that fills: another transfer shares the line, or a mobile network lets the radio sleep.',
  'Segments sent again while the window drops are losses. Sent again without a drop of the window they were only late, or the last ones of a burst.',
  'An RTT far above that of the handshake, from the first second on, says that the handshake was answered nearer than the data: a proxy for TCP in between.',
]
