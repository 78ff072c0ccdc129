/** @jsxRuntime automatic */
/** @jsxImportSource hono/jsx */
/**
 * The page around the curves, and the other forms of the same samples.
 * @module
 */
import type { JSX } from 'hono/jsx/jsx-runtime'
import { documentEnd, documentHead, type Frame, type Page } from './layout.ts'
import { curvesBegin, curvesEnd, curvesStep, HOW_TO_READ } from './timing-curves.ts'
import type { TimingForm } from './timing-streams.ts'

const PAGE: Page = {
  name: 'timing',
  title: 'RTT over time \u00b7 tcpfingerprint',
  footer: 'Made by this server from what its kernel says of the connection. No other host was asked.',
  body: () => (
    <section class="hero">
      <p class="kicker">This connection, once a second for a minute</p>
      <h1>RTT over time</h1>
      <p class="quiet">
        The page grows while it loads: the kernel is asked for this connection each second. It needs no script.
      </p>
    </section>
  ),
}

const After = (): JSX.Element => (
  <section>
    <h2>How to read it</h2>
    {HOW_TO_READ.map((words) => (
      <p>{words}</p>
    ))}
  </section>
)

/** The page, in the pieces that come one after the other. */
export function timingForm(frame: Frame): TimingForm {
  return {
    begin: () => `${documentHead(PAGE, frame)}${PAGE.body()}<section>${curvesBegin()}`,
    step: curvesStep,
    end: (infos) => `${curvesEnd(infos)}</section>${After()}${documentEnd(PAGE, frame)}`,
  }
}
