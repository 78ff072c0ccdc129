/** @jsxRuntime automatic */
/** @jsxImportSource hono/jsx */
/**
 * The page about a connection: first what it means, then the proof.
 * @module
 */
import type { JSX } from 'hono/jsx/jsx-runtime'
import { escapeControls, formatEndpoint } from '../base/text.ts'
import type { Fingerprint } from '../connection/fingerprint.ts'
import { distanceOf, labelName, linkOf } from '../explain/label.ts'
import { missingFacts } from '../explain/missing.ts'
import { duration } from '../explain/units.ts'
import { PATH_START, pathValues, USAGE } from '../explain/usage.ts'
import { type Verdict, verdicts as verdictsOn } from '../explain/verdicts.ts'
import { currentRuntime } from '../runtime/current.ts'
import { TCP_INFO_FIELDS } from '../wire/tcp-info.ts'
import type { Page } from './layout.ts'
import { Chips, Fact, LabelTitle, Meaning, Section, UsageCard } from './meaning.tsx'
import { MissingList, TcpInfoTables, TimingPicture, TimingWords } from './sections.tsx'
import { LabelSection, type LabelSource, nearWords, PacketSections, WaySection } from './syn-sections.tsx'

/** What the page shows. */
export interface ConnectionPageProps {
  readonly fingerprint: Fingerprint
  /** As the fingerprint gives them to JSON. */
  readonly facts: object
  readonly env: Readonly<Record<string, string>>
  readonly headers: Headers
  readonly tls: boolean
  readonly database?: LabelSource
  /** Of a connection of the live list: when it was seen. Otherwise it is the reader's own. */
  readonly seen?: string
}

/** Characters of a User-Agent that are shown. */
const MOST_CHARACTERS = 1024

/** What the headers say of the client, and whether the SYN agrees. */
function BrowserSays({
  headers,
  verdicts,
}: {
  readonly headers: Headers
  readonly verdicts: readonly Verdict[]
}): JSX.Element {
  const userAgent = headers.get('user-agent')
  if (userAgent === null) {
    return <Section id="browser" title="What the browser says of itself" empty="Nothing: no User-Agent" />
  }
  return (
    <Section id="browser" title="What the browser says of itself">
      <p>
        <code class="long">{escapeControls(userAgent.slice(0, MOST_CHARACTERS))}</code>
      </p>
      {verdicts.some(({ topic }) => topic === 'browser') ? (
        <Meaning verdicts={verdicts} topic="browser" />
      ) : (
        <p class="quiet">It names no system that could be compared with the SYN.</p>
      )}
    </Section>
  )
}

/** What the server's kernel has seen itself, where a proxy speaks for the client. */
function Hop({ hop }: { readonly hop: Fingerprint }): JSX.Element {
  const { peer, label, timing, connection } = hop
  return (
    <Section id="hop" title={'The proxy\u2019s own connection'}>
      <p class="quiet">What this server’s kernel has seen itself: the connection that the request came over.</p>
      <dl class="strip">
        <Fact
          name="From"
          value={peer === undefined ? undefined : formatEndpoint(peer.address, peer.port)}
          path="hop.peer.address"
        />
        <Fact name="Looks like" value={labelName(label)} path="hop.label.name" />
        <Fact name="Round trip" value={timing.rtt && duration(timing.rtt.microseconds)} path="hop.timing.rtt" />
        <Fact name="Distance" value={label && distanceOf(label)} path="hop.label.distance" />
        <Fact name="Request" value={connection && `no. ${connection.request}`} path="hop.connection.request" />
      </dl>
    </Section>
  )
}

/** A connection: the caller's own, or one of the live list. */
export function connectionPage(props: ConnectionPageProps): Page {
  const { seen } = props
  const isOwn = seen === undefined
  return {
    name: 'connection',
    menu: isOwn ? 'connection' : 'live',
    title: `${isOwn ? 'Your connection' : `A connection at ${seen}`} \u00b7 tcpfingerprint`,
    footer: 'Made by this server from what its kernel kept of the connection. No other host was asked.',
    ...(isOwn ? { formats: '?' } : {}),
    body: () => <Connection {...props} />,
  }
}

function Connection({ fingerprint, facts, env, headers, tls, database, seen }: ConnectionPageProps): JSX.Element {
  const { syn, label, tcpInfo, timing, peer, connection, hop } = fingerprint
  const missing = missingFacts(fingerprint, { tls })
  const verdicts = verdictsOn(fingerprint, { headers, tls })
  const near = syn === undefined ? [] : nearWords(syn, label, database)
  const rtt = timing.handshakeRtt ?? timing.rtt
  const rttPath = timing.handshakeRtt === undefined ? 'timing.rtt.microseconds' : 'timing.handshakeRtt.microseconds'
  const whose = seen === undefined ? 'Your connection' : 'This connection'
  const variables = Object.entries(env)
  return (
    <>
      <section class="hero">
        <p class="kicker">{hop === undefined ? `${whose} looks like` : `${whose}, as a proxy tells it, looks like`}</p>
        <LabelTitle
          label={label}
          near={near}
          without={syn === undefined ? 'a connection without a SYN' : 'nothing in the database'}
        />
        <Chips verdicts={verdicts} />
        <dl class="strip">
          <Fact
            name="From"
            value={peer === undefined ? undefined : formatEndpoint(peer.address, peer.port)}
            path="peer.address"
          />
          <Fact name="Round trip" value={rtt && duration(rtt.microseconds)} path={rttPath} />
          <Fact name="Distance" value={label && distanceOf(label)} path="label.distance" />
          <Fact name="Link" value={label && linkOf(label)} path="label.link" />
          <Fact name="MSS" value={syn?.tcp.mss?.toString()} path="syn.tcp.mss" />
          <Fact name="Request" value={connection && `no. ${connection.request}`} path="connection.request" />
        </dl>
        <p class="quiet tap">
          Tap a path to copy it, with <code>{PATH_START}</code> before it.
        </p>
      </section>
      {syn === undefined ? null : (
        <WaySection syn={syn} label={label} verdicts={verdicts} handshakeTimeToLive={timing.handshakeTimeToLive} />
      )}
      {hop === undefined ? null : <Hop hop={hop} />}
      <div class="columns">
        {connection === undefined ? null : (
          <Section id="timing" title="Timing">
            <Meaning verdicts={verdicts} topic="timing" />
            <TimingPicture fingerprint={fingerprint} />
            <TimingWords fingerprint={fingerprint} />
          </Section>
        )}
        <div class="stack">
          <BrowserSays headers={headers} verdicts={verdicts} />
          <Section
            id="missing"
            title="What is missing, and why"
            empty={missing.length === 0 ? 'Nothing: everything that the kernel can tell is here' : undefined}
          >
            <MissingList facts={missing} />
          </Section>
        </div>
      </div>
      <UsageCard
        usage={USAGE[currentRuntime().name]}
        values={pathValues(facts, ['tcpInfo', 'syn.hex', 'hop', 'env'])}
      />
      {syn === undefined ? null : (
        <>
          <LabelSection syn={syn} label={label} verdicts={verdicts} near={near} />
          <PacketSections syn={syn} />
        </>
      )}
      {tcpInfo === undefined ? null : (
        <Section id="tcp-info" title="TCP_INFO">
          <p class="quiet">
            What the kernel counted on this connection so far, read for this request: {Object.keys(tcpInfo).length} of{' '}
            {TCP_INFO_FIELDS.length} fields.
          </p>
          <TcpInfoTables info={tcpInfo} />
        </Section>
      )}
      <Section id="variables" title="Variables" empty={`${variables.length} variables for scripts and log formats`}>
        <dl class="values env">
          {variables.map(([name, value]) => (
            <>
              <dt>{name}</dt>
              <dd>{escapeControls(value)}</dd>
            </>
          ))}
        </dl>
      </Section>
    </>
  )
}
