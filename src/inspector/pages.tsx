/** @jsxRuntime automatic */
/** @jsxImportSource hono/jsx */
/**
 * The pages: this connection, a pasted dump, the live list.
 * @module
 */

import type { JSX } from 'hono/jsx/jsx-runtime'
import { escapeControls, formatEndpoint } from '../base/text.ts'
import type { Fingerprint } from '../connection/fingerprint.ts'
import { describeError } from '../explain/errors.ts'
import { distanceOf, labelName, linkOf } from '../explain/label.ts'
import { missingFacts } from '../explain/missing.ts'
import { explainNearest } from '../explain/nearest.ts'
import { duration } from '../explain/units.ts'
import { fingerprints } from '../fingerprint/index.ts'
import type { Database } from '../label/database.ts'
import { defaultDatabase } from '../label/default.ts'
import { evaluationRow } from '../label/evaluation-row.ts'
import type { Label } from '../label/match.ts'
import { nearest } from '../label/nearest.ts'
import { type Comparison, compareWithUserAgent, platformOf } from '../label/user-agent.ts'
import type { DecodeError } from '../wire/errors.ts'
import type { Syn } from '../wire/syn.ts'
import { TCP_INFO_FIELDS } from '../wire/tcp-info.ts'
import type { Decoded, DumpKind } from './dump.ts'
import { MAX_PASTE } from './dump.ts'
import { type Frame, Layout } from './layout.tsx'
import type { LiveEntry } from './live.ts'
import { Options, Packet } from './packet.tsx'
import { FingerprintList, LabelWhy, MissingList, TcpInfoTable, TimingPicture, TimingWords } from './sections.tsx'

/** Where labels come from: false for nowhere, `undefined` for the project's own signatures. */
type LabelSource = Database | false | undefined

interface SynSectionsProps {
  readonly syn: Syn
  readonly label: Label | undefined
  readonly database: LabelSource
}

/** Everything that is shown of a SYN. */
function SynSections({ syn, label, database }: SynSectionsProps): JSX.Element {
  const strings = fingerprints(syn)
  const isUnknown = label !== undefined && label.name === undefined
  const near = isUnknown && database !== false ? explainNearest(nearest(database ?? defaultDatabase(), syn)) : []
  return (
    <>
      <section id="syn">
        <h2>The SYN</h2>
        <p class="quiet">{syn.bytes.length} octets, 32 bits a row. Point at a field or tap it: it tells what it is.</p>
        <Packet syn={syn} />
      </section>
      <div class="columns">
        <section id="options">
          <h2>Options, in order</h2>
          <Options syn={syn} />
        </section>
        <section id="fingerprints">
          <h2>Fingerprints</h2>
          <FingerprintList syn={syn} strings={strings} />
        </section>
      </div>
      {label === undefined ? null : (
        <section id="label">
          <h2>Why this label</h2>
          <LabelWhy label={label} p0f={strings.p0f} near={near} row={JSON.stringify(evaluationRow(syn, ['NAME']))} />
        </section>
      )}
    </>
  )
}

/** A number or word that catches the eye, with what it is. */
function Fact({ name, value }: { readonly name: string; readonly value: string | undefined }): JSX.Element | null {
  return value === undefined ? null : (
    <div class="fact">
      <dt>{name}</dt>
      <dd>{value}</dd>
    </div>
  )
}

/** What the first page shows. */
export interface ConnectionPageProps {
  readonly frame: Frame
  readonly fingerprint: Fingerprint
  readonly env: Readonly<Record<string, string>>
  readonly headers: Headers
  readonly tls: boolean
  readonly database?: LabelSource
}

const VERDICT: Readonly<Record<Comparison['verdict'], string>> = {
  match: 'agrees with the stack',
  mismatch: 'contradicts the stack: a proxy, VPN or load balancer in between, or a header that lies',
  unknown: 'cannot be compared with the stack',
}

function BrowserSays({
  headers,
  label,
}: {
  readonly headers: Headers
  readonly label: Label | undefined
}): JSX.Element {
  const userAgent = headers.get('user-agent')
  const platform = platformOf(headers)
  const { verdict } = compareWithUserAgent(label, headers)
  return (
    <section id="browser">
      <h2>What the browser says of itself</h2>
      {userAgent === null ? (
        <p class="quiet">Nothing: the request has no User-Agent.</p>
      ) : (
        <>
          <p>
            <code class="long">{escapeControls(userAgent.slice(0, 1024))}</code>
          </p>
          <p class={`compare ${verdict}`}>
            <b>{platform?.name ?? 'No system that is known'}</b>: {VERDICT[verdict]}.
          </p>
        </>
      )}
    </section>
  )
}

/** The caller's own connection. */
export function ConnectionPage({ frame, fingerprint, env, headers, tls, database }: ConnectionPageProps): JSX.Element {
  const { syn, label, tcpInfo, timing, peer, connection, hop } = fingerprint
  const missing = missingFacts(fingerprint, { tls })
  const rtt = timing.handshakeRtt ?? timing.rtt
  return (
    <Layout frame={frame} page="connection" title={'Your connection \u00b7 tcpfingerprint'}>
      <section class="hero">
        <p class="kicker">
          {hop === undefined ? 'Your connection looks like' : 'Your connection, as a proxy tells it, looks like'}
        </p>
        <h1>{labelName(label) ?? (syn === undefined ? 'a connection without a SYN' : 'nothing in the database')}</h1>
        <dl class="strip">
          <Fact name="From" value={peer === undefined ? undefined : formatEndpoint(peer.address, peer.port)} />
          <Fact name="Round trip" value={rtt === undefined ? undefined : duration(rtt.microseconds)} />
          <Fact name="Distance" value={label && distanceOf(label)} />
          <Fact name="Link" value={label && linkOf(label)} />
          <Fact name="Request" value={connection === undefined ? undefined : `no. ${connection.request}`} />
        </dl>
      </section>
      {syn === undefined ? null : <SynSections syn={syn} label={label} database={database} />}
      {hop === undefined ? null : (
        <section id="hop">
          <h2>The proxy’s own connection</h2>
          <p class="quiet">What this server’s kernel has seen itself: the connection that the request came over.</p>
          <dl class="strip">
            <Fact
              name="From"
              value={hop.peer === undefined ? undefined : formatEndpoint(hop.peer.address, hop.peer.port)}
            />
            <Fact name="Looks like" value={labelName(hop.label)} />
            <Fact
              name="Round trip"
              value={hop.timing.rtt === undefined ? undefined : duration(hop.timing.rtt.microseconds)}
            />
            <Fact name="Distance" value={hop.label && distanceOf(hop.label)} />
            <Fact name="Request" value={hop.connection === undefined ? undefined : `no. ${hop.connection.request}`} />
          </dl>
        </section>
      )}
      {connection === undefined ? null : (
        <section id="timing">
          <h2>Timing</h2>
          <div class="columns">
            <TimingPicture fingerprint={fingerprint} />
            <TimingWords fingerprint={fingerprint} />
          </div>
        </section>
      )}
      <div class="columns">
        <BrowserSays headers={headers} label={label} />
        <section id="missing">
          <h2>What is missing, and why</h2>
          <MissingList facts={missing} />
        </section>
      </div>
      {tcpInfo === undefined ? null : (
        <section id="tcp-info">
          <h2>TCP_INFO</h2>
          <p class="quiet">
            What the kernel counted on this connection so far, read for this request: {Object.keys(tcpInfo).length} of{' '}
            {TCP_INFO_FIELDS.length} fields.
          </p>
          <TcpInfoTable info={tcpInfo} />
        </section>
      )}
      <section id="variables">
        <h2>Variables</h2>
        <details>
          <summary>{Object.keys(env).length} variables for scripts and log formats</summary>
          <dl class="env">
            {Object.entries(env).map(([name, value]) => (
              <div>
                <dt>
                  <code>{name}</code>
                </dt>
                <dd>
                  <code>{escapeControls(value)}</code>
                </dd>
              </div>
            ))}
          </dl>
        </details>
      </section>
    </Layout>
  )
}

/** What the page for dumps shows. */
export interface DecodePageProps {
  readonly frame: Frame
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

const EXAMPLE =
  '4500003c1234400039064343c000020ac6336407a8ca01bb1122334400000000a002faf000000000020405b40402080a00a1b2c30000000001030307'

/** The form for a dump, and what it holds. */
export function DecodePage({ frame, text, kind, decoded, label, error, database }: DecodePageProps): JSX.Element {
  return (
    <Layout frame={frame} page="decode" title={'Decode a dump \u00b7 tcpfingerprint'}>
      <section class="hero">
        <p class="kicker">Paste octets, read what they say</p>
        <h1>Decode a SYN or a tcp_info</h1>
        <form method="post" action="?decode">
          <label for="dump">
            Hexadecimal: what FINGERPRINT_SAVED_SYN or FINGERPRINT_TCP_INFO holds, or a dump of tcpdump -x, xxd or
            hexdump -C
          </label>
          <textarea
            id="dump"
            name="dump"
            rows={5}
            maxlength={MAX_PASTE}
            spellcheck={false}
            autocomplete="off"
            required
            placeholder={EXAMPLE}
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
          <p class="quiet">Decoded by this server in memory; neither kept nor logged.</p>
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
      {decoded?.kind === 'syn' ? (
        <>
          <section class="hero result">
            <p class="kicker">This SYN looks like</p>
            <h1>{labelName(label) ?? 'nothing in the database'}</h1>
            <dl class="strip">
              <Fact name="From" value={decoded.syn.ip.source} />
              <Fact name="To" value={decoded.syn.ip.destination} />
              <Fact name="Distance" value={label && distanceOf(label)} />
              <Fact name="Link" value={label && linkOf(label)} />
            </dl>
          </section>
          <SynSections syn={decoded.syn} label={label} database={database} />
        </>
      ) : null}
      {decoded?.kind === 'tcp-info' ? (
        <section id="tcp-info">
          <h2>TCP_INFO</h2>
          <p class="quiet">
            {decoded.octets} octets: {Object.keys(decoded.tcpInfo).length} of {TCP_INFO_FIELDS.length} fields.
          </p>
          <TcpInfoTable info={decoded.tcpInfo} />
        </section>
      ) : null}
    </Layout>
  )
}

function sentence(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}.`
}

/** What the live page shows. */
export interface LivePageProps {
  readonly frame: Frame
  /** The newest first. */
  readonly entries: readonly LiveEntry[]
  readonly capacity: number
}

const COLUMNS = ['Time', 'Client', 'Looks like', 'MuonFP', 'Handshake RTT', 'Distance', 'Requests'] as const

/** The connections that this server saw last. */
export function LivePage({ frame, entries, capacity }: LivePageProps): JSX.Element {
  return (
    <Layout frame={frame} page="live" title={'Live \u00b7 tcpfingerprint'} refresh="5; url=?live">
      <section class="hero">
        <p class="kicker">The last {capacity} connections of this server</p>
        <h1>Live</h1>
        <p class="quiet">
          <span class="lamp" /> <span id="live-state">Reloads every few seconds.</span> Held in memory only, and gone
          with the server.
        </p>
      </section>
      <section>
        <table class="live" data-live={entries[0]?.id ?? 0} data-capacity={capacity}>
          <thead>
            <tr>
              {COLUMNS.map((name) => (
                <th scope="col">{name}</th>
              ))}
            </tr>
          </thead>
          <tbody>
            {entries.map((entry) => (
              <tr data-key={entry.key}>
                {entry.cells.map((text, i) => (
                  <td data-head={COLUMNS[i]!}>{text}</td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
        {entries.length === 0 ? <p class="quiet empty">No connection yet.</p> : null}
      </section>
    </Layout>
  )
}
