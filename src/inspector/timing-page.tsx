/** @jsxRuntime automatic */
/** @jsxImportSource hono/jsx */
/**
 * The page around the curves, and the other forms of the same samples.
 * @module
 */
import type { JSX } from 'hono/jsx/jsx-runtime'
import { type Frame, Layout } from './layout.tsx'
import { curvesBegin, curvesEnd, curvesStep, HOW_TO_READ } from './timing-curves.ts'
import type { TimingForm } from './timing-streams.ts'

/** Where the curves come. */
const PLACE = 'curves'
const MARK = `<i id="${PLACE}"></i>`

function TimingPage({ frame }: { readonly frame: Frame }): JSX.Element {
  return (
    <Layout
      frame={frame}
      page="timing"
      title={'RTT over time \u00b7 tcpfingerprint'}
      footer="Made by this server from what its kernel says of the connection. No other host was asked."
    >
      <section class="hero">
        <p class="kicker">This connection, once a second for a minute</p>
        <h1>RTT over time</h1>
        <p class="quiet">
          The page grows while it loads: the kernel is asked for this connection each second. It needs no script.
        </p>
      </section>
      <section>
        <i id={PLACE} />
      </section>
      <section>
        <h2>How to read it</h2>
        {HOW_TO_READ.map((words) => (
          <p>{words}</p>
        ))}
      </section>
    </Layout>
  )
}

/** The page, in the pieces that come one after the other. */
export async function timingForm(frame: Frame): Promise<TimingForm> {
  const page = String(await TimingPage({ frame }))
  const at = page.indexOf(MARK)
  return {
    begin: () => `<!doctype html>${page.slice(0, at)}${curvesBegin()}`,
    step: curvesStep,
    end: (infos) => `${curvesEnd(infos)}${page.slice(at + MARK.length)}`,
  }
}
