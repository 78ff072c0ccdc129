/** @jsxRuntime automatic */
/** @jsxImportSource hono/jsx */
/**
 * The page for dumps: a form, examples, and what a dump says.
 * @module
 */
import type { JSX } from 'hono/jsx/jsx-runtime'
import { describeError } from '../explain/errors.ts'
import { distanceOf, labelName, linkOf } from '../explain/label.ts'
import { synVerdicts } from '../explain/verdicts.ts'
import type { Label } from '../label/match.ts'
import type { DecodeError } from '../wire/errors.ts'
import type { Syn } from '../wire/syn.ts'
import { TCP_INFO_FIELDS } from '../wire/tcp-info.ts'
import type { Decoded, DumpKind } from './dump.ts'
import { MAX_PASTE } from './dump.ts'
import { EXAMPLES } from './examples.ts'
import type { Page } from './layout.ts'
import { Chips, Fact, LabelTitle, Section } from './meaning.tsx'
import { TcpInfoTables } from './sections.tsx'
import { LabelSection, type LabelSource, nearWords, PacketSections, WaySection } from './syn-sections.tsx'

/** What the page shows. */
export interface DecodePageProps {
  /** As it was pasted. */
  readonly text: string
  readonly kind: DumpKind
  readonly decoded?: Decoded | undefined
  readonly label?: Label | undefined
  readonly error?: DecodeError | 'too-large' | undefined
  readonly database?: LabelSource
}

const KINDS: readonly (readonly [DumpKind, string])[] = [
  ['auto', 'Find out'],
  ['syn', 'A SYN'],
  ['tcp-info', 'struct tcp_info'],
]

/** Characters of a dump that are put into a link. */
const MOST_LINKED = 2048

/** The result for a SYN. */
function DecodedSyn({
  syn,
  label,
  database,
}: {
  readonly syn: Syn
  readonly label: Label | undefined
  readonly database: LabelSource
}): JSX.Element {
  const verdicts = synVerdicts(syn, label)
  const near = nearWords(syn, label, database)
  const example = EXAMPLES.find(({ hex }) => hex === syn.hex)
  return (
    <>
      <section class="hero result">
        <p class="kicker">{example === undefined ? 'This SYN looks like' : `${example.about}: it looks like`}</p>
        <LabelTitle label={label} near={near} without="nothing in the database" />
        <Chips verdicts={verdicts} />
        <dl class="strip">
          <Fact name="From" value={syn.ip.source} path="syn.ip.source" />
          <Fact name="To" value={syn.ip.destination} path="syn.ip.destination" />
          <Fact name="Distance" value={label && distanceOf(label)} path="label.distance" />
          <Fact name="Link" value={label && linkOf(label)} path="label.link" />
        </dl>
        {example === undefined ? null : (
          <p class="quiet">
            {example.source.replace(/^measured/, 'Measured').replace(/^(?!Measured)/, 'Seen in ')}. Its addresses are
            replaced by those of documentation.
          </p>
        )}
      </section>
      <WaySection syn={syn} label={label} verdicts={verdicts} />
      <LabelSection syn={syn} label={label} verdicts={verdicts} near={near} />
      <PacketSections syn={syn} />
    </>
  )
}

/** The form for a dump, and what it holds. */
export function decodePage(props: DecodePageProps): Page {
  const { decoded, label } = props
  const linked = decoded !== undefined && decoded.hex.length <= MOST_LINKED ? decoded : undefined
  const name = labelName(label)
  return {
    name: 'decode',
    title: `${name === undefined ? 'Decode a dump' : `${name}: a SYN, decoded`} \u00b7 tcpfingerprint`,
    footer:
      'Decoded by this server in memory; nothing on this page is about your own connection. No other host was asked.',
    ...(linked === undefined ? {} : { formats: `?decode=${linked.hex}&kind=${linked.kind}&` }),
    body: () => <Form {...props} />,
  }
}

function Form({ text, kind, decoded, label, error, database }: DecodePageProps): JSX.Element {
  return (
    <>
      <section class="hero">
        <p class="kicker">Paste octets, read what they say</p>
        <h1>Decode a SYN or a tcp_info</h1>
        <nav class="examples" aria-label="Examples">
          {EXAMPLES.map(({ name, about, hex }) => (
            <a href={`?decode=${hex}`} title={about} aria-current={decoded?.hex === hex ? 'true' : undefined}>
              {name}
            </a>
          ))}
        </nav>
        <form method="post" action="?decode">
          <label for="dump">
            Hexadecimal: what FINGERPRINT_SAVED_SYN or FINGERPRINT_TCP_INFO holds, or a dump of tcpdump -x, xxd or
            hexdump -C
          </label>
          <textarea
            id="dump"
            name="dump"
            rows={4}
            maxlength={MAX_PASTE}
            spellcheck={false}
            autocomplete="off"
            required
            placeholder={EXAMPLES[0]!.hex}
          >
            {text}
          </textarea>
          <div class="form-row">
            <fieldset>
              <legend class="hidden">What it is</legend>
              {KINDS.map(([value, words]) => (
                <label class="choice">
                  <input type="radio" name="kind" value={value} checked={value === kind} /> {words}
                </label>
              ))}
            </fieldset>
            <button type="submit" class="primary">
              Explain it
            </button>
          </div>
          <p class="quiet">
            Pasted dumps are neither kept nor logged; a linked one stands in the access log of the server.
          </p>
        </form>
      </section>
      {error === undefined ? null : (
        <section class="error" role="alert">
          <h2>That cannot be decoded</h2>
          <p>{error === 'too-large' ? `It is longer than ${MAX_PASTE} characters.` : sentence(describeError(error))}</p>
        </section>
      )}
      {decoded === undefined || decoded.more === 0 ? null : (
        <p class="quiet">
          The first of {decoded.more + 1} dumps in this text. The command explains all of them: tcpfingerprint parse.
        </p>
      )}
      {decoded?.kind === 'syn' ? <DecodedSyn syn={decoded.syn} label={label} database={database} /> : null}
      {decoded?.kind === 'tcp-info' ? (
        <Section id="tcp-info" title="TCP_INFO">
          <p class="quiet">
            {decoded.octets} octets: {Object.keys(decoded.tcpInfo).length} of {TCP_INFO_FIELDS.length} fields.
          </p>
          <TcpInfoTables info={decoded.tcpInfo} />
        </Section>
      ) : null}
    </>
  )
}

function sentence(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}.`
}
