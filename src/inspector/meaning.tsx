/** @jsxRuntime automatic */
/** @jsxImportSource hono/jsx */
/**
 * What the facts mean: the label, verdicts, the way, and how an application gets at each value.
 * @module
 */
import { raw } from 'hono/html'
import type { Child } from 'hono/jsx'
import type { JSX } from 'hono/jsx/jsx-runtime'
import { escapeControls } from '../base/text.ts'
import { matchOf, shortLabel } from '../explain/label.ts'
import type { NearWords } from '../explain/nearest.ts'
import { PATH_START, type PathValue, type Usage } from '../explain/usage.ts'
import type { Verdict } from '../explain/verdicts.ts'
import type { Way } from '../explain/way.ts'
import type { Label } from '../label/match.ts'

/** A component that draws nothing. Hono 4.5 cannot draw one that answers with null. */
export const NOTHING: JSX.Element = /* @__PURE__ */ raw('')

interface SectionProps {
  readonly id: string
  readonly title: string
  /** What to say in place of the section where there is nothing in it: it folds. */
  readonly empty?: string | undefined
  readonly children?: Child
}

/** A section of a page; one with nothing in it is a line that opens. */
export function Section({ id, title, empty, children }: SectionProps): JSX.Element {
  if (empty === undefined) {
    return (
      <section id={id}>
        <h2>{title}</h2>
        {children}
      </section>
    )
  }
  return (
    <section id={id} class="folded">
      <details>
        <summary>
          <h2>{title}</h2> <small>{empty}</small>
        </summary>
        {children}
      </details>
    </section>
  )
}

/** The path of a value, copied with one tap. What stands before it comes from the style and the script. */
export function Path({ path }: { readonly path: string }): JSX.Element {
  // biome-ignore lint/a11y/useButtonType: it stands in no form; a page has 150 of them
  return <button>{path}</button>
}

/** A number or word that catches the eye, with what it is and where it is found. */
export function Fact({
  name,
  value,
  path,
}: {
  readonly name: string
  readonly value: string | undefined
  readonly path?: string
}): JSX.Element {
  return value === undefined ? (
    NOTHING
  ) : (
    <div class="fact">
      <dt>{name}</dt>
      <dd>
        {value}
        {path === undefined ? null : <Path path={path} />}
      </dd>
    </div>
  )
}

/** The label: system large, versions small, match as a badge, and what comes closest where nothing fits. */
export function LabelTitle({
  label,
  near,
  without,
}: {
  readonly label: Label | undefined
  readonly near: readonly NearWords[]
  /** What to say without a label. */
  readonly without: string
}): JSX.Element {
  if (label?.name === undefined) {
    return (
      <>
        <h1>{without}</h1>
        {near.length === 0 ? null : (
          <p class="near">
            Closest:{' '}
            {near.map(({ name, differences }, i) => (
              <>
                {i === 0 ? '' : ' \u00b7 '}
                <b>{name}</b> <small>({differences.join('; ')})</small>
              </>
            ))}
          </p>
        )}
      </>
    )
  }
  const { system, detail } = shortLabel(label)
  const match = matchOf(label)
  return (
    <>
      <h1>
        {system} {detail === '' ? null : <small>{detail}</small>}
      </h1>
      <p class="badges">
        <span class={`badge ${match === 'exact match' ? 'good' : 'note'}`}>{match}</span>
        {label.family === undefined ? null : <span class="badge">{escapeControls(label.family)}</span>}
        <Path path="label.name" />
      </p>
    </>
  )
}

/** Verdicts in a line; each leads to its proof. */
export function Chips({ verdicts }: { readonly verdicts: readonly Verdict[] }): JSX.Element {
  return verdicts.length === 0 ? (
    NOTHING
  ) : (
    <ul class="chips">
      {verdicts.map(({ topic, tone, text, about }) => (
        <li>
          <a class={`chip ${tone}`} href={`#${topic}`} title={`${about}.`}>
            {text}
          </a>
        </li>
      ))}
    </ul>
  )
}

/** What the verdicts on a topic say, as sentences. */
export function Meaning({
  verdicts,
  topic,
}: {
  readonly verdicts: readonly Verdict[]
  readonly topic: Verdict['topic']
}): JSX.Element {
  const own = verdicts.filter((one) => one.topic === topic)
  return own.length === 0 ? (
    NOTHING
  ) : (
    <ul class="meaning">
      {own.map(({ tone, text, about }) => (
        <li class={tone}>
          <b>{text}</b>: {about}.
        </li>
      ))}
    </ul>
  )
}

/** The way of the SYN as a row of places. */
export function WayRow({ way }: { readonly way: Way }): JSX.Element {
  return (
    <ol class="way">
      {way.stops.map(({ kind, name, fact }) => (
        <li class={kind}>
          <b>{name}</b> {fact === '' ? null : <small>{fact}</small>}
        </li>
      ))}
    </ol>
  )
}

/** How to get all of this in an application, and every value with its path. */
export function UsageCard({
  usage,
  values,
}: {
  readonly usage: Usage
  readonly values: readonly PathValue[]
}): JSX.Element {
  return (
    <Section id="use" title="Use it in your app">
      <p class="quiet">This page is served by {usage.runtime}. The same in your own app.</p>
      <Code text={usage.install} what="the line that installs it" />
      <Code text={usage.code} what="the app" />
      {values.length === 0 ? null : (
        <details>
          <summary>
            {values.length} values of this connection under <code>{PATH_START.slice(0, -1)}</code>
          </summary>
          <dl class="values">
            {values.map(({ path, value }) => (
              <>
                <dt>
                  <Path path={path} />
                </dt>
                <dd>{escapeControls(value)}</dd>
              </>
            ))}
          </dl>
        </details>
      )}
    </Section>
  )
}

/** Copies the text of the element before it; shows only where scripts run. */
export function CopyButton({ what }: { readonly what: string }): JSX.Element {
  return (
    <button type="button" class="copy" aria-label={`Copy ${what}`}>
      Copy
    </button>
  )
}

/** A block of code with a button that copies it. */
function Code({ text, what }: { readonly text: string; readonly what: string }): JSX.Element {
  return (
    <div class="code">
      <pre tabindex={0}>
        <code>{text}</code>
      </pre>
      <CopyButton what={what} />
    </div>
  )
}
