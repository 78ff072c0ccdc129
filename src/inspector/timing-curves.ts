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

const LEFT = 10
const STEP = 10
const HEIGHT = 64
const GAP = 28
const WIDTH = LEFT + STEP * (SAMPLES - 1) + 70

const topOf = (index: number): number => GAP + index * (HEIGHT + GAP)

/** Lines of a panel: six doublings. */
const LINES = 6

/** The beginning: axes, titles and a line for each doubling. */
export function curvesBegin(): string {
  const panels = CURVES.map(({ title }, i) => {
    const lines = Array.from({ length: LINES + 1 }, (_, line) => {
      const at = topOf(i) + HEIGHT - (HEIGHT / LINES) * line
      return `<path class="grid" d="M${LEFT} ${Math.round(at * 10) / 10}H${LEFT + STEP * (SAMPLES - 1)}"/>`
    })
    return `<text x="${LEFT}" y="${topOf(i) - 8}">${title}</text>${lines.join('')}`
  })
  const label = 'Four curves over a minute: RTT, its variance, congestion window, segments sent again'
  return `<svg class="curves" viewBox="0 0 ${WIDTH} ${topOf(CURVES.length)}" role="img" aria-label="${label}">${panels.join('')}`
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
    // The numbers that stand beside a curve every ten seconds, and at its end.
    const number = at % 10 === 0 ? `<text class="value" x="${x + 3}" y="${to - 3}">${text(now)}</text>` : ''
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
  return `</svg><table class="info"><thead><tr>${head}</tr></thead><tbody>${rows.join('')}</tbody></table>`
}

/** How to read the curves. */
export const HOW_TO_READ: readonly string[] = [
  'Each line of a panel is the double of the one below it; the first sample is on the third line.',
  'A flat RTT with a small variance is a steady way. One sample a second comes from the answers to this very page, so that the way is measured with small segments on an idle connection.',
  'RTT and variance that rise together, and fall again, are a queue that fills: another transfer shares the line, or a mobile network lets the radio sleep.',
  'Segments sent again while the window drops are losses. Sent again without a drop of the window they were only late, or the last ones of a burst.',
  'An RTT far above that of the handshake, from the first second on, says that the handshake was answered nearer than the data: a proxy for TCP in between.',
]
