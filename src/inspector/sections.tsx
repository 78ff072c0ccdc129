/** @jsxRuntime automatic */
/** @jsxImportSource hono/jsx */
/**
 * Parts of the pages: fingerprints, label, timing, TCP_INFO, what is missing.
 * @module
 */
import type { JSX } from 'hono/jsx/jsx-runtime'
import { escapeControls } from '../base/text.ts'
import type { Fingerprint } from '../connection/fingerprint.ts'
import { certaintyOf, compareSignature, labelName, type PartVerdict } from '../explain/label.ts'
import type { MissingFact } from '../explain/missing.ts'
import { linesToAdd, type NearWords } from '../explain/nearest.ts'
import { explainTcpInfo, groupTcpInfo, humanValue } from '../explain/tcp-info.ts'
import { explainHandshake, explainTiming } from '../explain/timing.ts'
import { formatRedbean } from '../fingerprint/redbean.ts'
import { formatSatori } from '../fingerprint/satori.ts'
import type { Fingerprints } from '../fingerprint/strings.ts'
import type { Label } from '../label/match.ts'
import type { Syn } from '../wire/syn.ts'
import type { TcpInfo } from '../wire/tcp-info.ts'
import { CopyButton, Path } from './meaning.tsx'

/** A text with a button that copies it. */
function Copyable({ text, what }: { readonly text: string; readonly what: string }): JSX.Element {
  return (
    <span class="copyable">
      <code>{text}</code>
      <CopyButton what={what} />
    </span>
  )
}

/** Every fingerprint string of a SYN, and its octets. */
export function FingerprintList({ syn, strings }: { readonly syn: Syn; readonly strings: Fingerprints }): JSX.Element {
  const rows: readonly (readonly [name: string, text: string | undefined, about: string])[] = [
    ['p0f', strings.p0f, 'version : TTL + distance : IP options : MSS : window, scale : options : quirks : data'],
    ['MuonFP', strings.muonfp, 'window : options : MSS : scale'],
    ['HAProxy', strings.haproxy, 'ip.fp in its default mode'],
    ['Satori', formatSatori(syn), 'window : TTL : DF : length : options : oddities'],
    ['redbean', formatRedbean(syn), 'FingerSyn of redbean'],
    ['SYN', syn.hex, 'the octets themselves'],
  ]
  return (
    <dl class="strings">
      {rows.map(([name, text, about]) =>
        text === undefined ? null : (
          <div>
            <dt>
              {name} <small>{about}</small>
            </dt>
            <dd>
              <Copyable text={text} what={name === 'SYN' ? 'the SYN' : `the ${name} fingerprint`} />
            </dd>
          </div>
        ),
      )}
    </dl>
  )
}

const VERDICT: Readonly<Record<PartVerdict, string>> = {
  any: 'anything will do',
  same: 'the same',
  fits: 'fits',
  tolerated: 'tolerated',
  differs: 'differs',
}

/** The label, the signature it comes from, and each part of that beside the SYN's. */
export function LabelWhy({
  label,
  p0f,
  near,
  row,
}: {
  readonly label: Label
  readonly p0f: string
  /** What comes closest, where no signature fits. */
  readonly near: readonly NearWords[]
  /** The SYN as a row that can be sent: JSON. */
  readonly row: string
}): JSX.Element {
  const parts = compareSignature(label, p0f)
  const { evidence } = label
  if (evidence === undefined) {
    return (
      <>
        <p>
          No signature of the database fits this SYN. That is a finding too: what sent it is rare, tuned or made up.
        </p>
        {near.length === 0 ? null : (
          <>
            <p>Closest:</p>
            <ul>
              {near.map(({ name, line, differences }) => (
                <li>
                  <b>{name}</b> (line {line}): {differences.join('; ')}
                </li>
              ))}
            </ul>
          </>
        )}
        <p>
          The line that adds it to a database is <code class="long">{linesToAdd(p0f)?.[1]}</code>. If you know what sent
          it, send the project this row, in which the addresses are replaced: <code class="long">{row}</code>
        </p>
      </>
    )
  }
  return (
    <>
      <p>
        <b>{labelName(label)}</b>: {certaintyOf(label)}, line {evidence.line} of the database. A label is what the SYN
        looks like, not proof of what sent it.
        {evidence.runsOn.length > 0 ? ` Runs on ${escapeControls(evidence.runsOn.join(', '))}.` : ''}
      </p>
      <section class="scroll" tabindex={0} aria-label="The signature beside the SYN">
        <table class="parts">
          <thead>
            <tr>
              <th scope="col">Part</th>
              <th scope="col">Signature</th>
              <th scope="col">This SYN</th>
              <th scope="col">Verdict</th>
            </tr>
          </thead>
          <tbody>
            {parts.map(({ name, signature, syn, verdict, note }) => (
              <tr class={verdict}>
                <th scope="row">{name}</th>
                <td>
                  <code>{signature === '' ? 'none' : signature}</code>
                </td>
                <td>
                  <code>{syn === '' ? 'none' : syn}</code>
                </td>
                <td>
                  <span class="verdict">{VERDICT[verdict]}</span> {note === '' ? null : <small>{note}</small>}
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </section>
    </>
  )
}

interface ArrowProps {
  readonly from: number
  readonly to: number
  readonly right: boolean
  readonly text: string
  readonly known: boolean
}

/** One segment between the two lifelines. */
function Arrow({ from, to, right, text, known }: ArrowProps): JSX.Element {
  const [x1, x2] = right ? [50, 270] : [270, 50]
  const tip = right ? x2 - 9 : x2 + 9
  const slope = (to - from) / 220
  return (
    <g class={known ? 'segment' : 'segment unknown'}>
      <line x1={x1} y1={from} x2={x2} y2={to} />
      <path d={`M${x2} ${to}L${tip} ${to - 9 * slope - 4.5}L${tip} ${to - 9 * slope + 4.5}Z`} />
      <text x={160} y={(from + to) / 2 - 10} text-anchor="middle">
        {text}
      </text>
    </g>
  )
}

function Span({ from, to, text, what }: { from: number; to: number; text: string; what: string }): JSX.Element {
  const middle = (from + to) / 2
  return (
    <g class={text === '?' ? 'span unknown' : 'span'}>
      <path d={`M278 ${from + 2}H286V${to - 2}H278`} />
      <text x={293} y={middle - 1} class="big">
        {text}
      </text>
      <text x={293} y={middle + 13} class="small">
        {what}
      </text>
    </g>
  )
}

/** The handshake as a ladder: SYN, SYN-ACK, ACK and the first data, with the times that are known. */
export function TimingPicture({ fingerprint }: { readonly fingerprint: Fingerprint }): JSX.Element {
  const { rtt, firstData, deferred, words } = explainHandshake(fingerprint)
  return (
    <svg class="ladder" viewBox="0 0 400 250" role="img" aria-label={words}>
      <title>{words}</title>
      <text x={50} y={16} text-anchor="middle" class="end">
        client
      </text>
      <text x={270} y={16} text-anchor="middle" class="end">
        this server
      </text>
      <path class="life" d="M50 24V246M270 24V246" />
      <Arrow from={34} to={66} right text="SYN" known={fingerprint.syn !== undefined} />
      <Arrow from={72} to={106} right={false} text="SYN-ACK" known={rtt !== '?'} />
      <Arrow from={112} to={146} right text={deferred ? 'ACK with data' : 'ACK'} known={rtt !== '?'} />
      <Arrow from={178} to={212} right text="first data" known={firstData !== '?'} />
      <Span from={70} to={146} text={rtt} what="handshake RTT" />
      <Span from={150} to={212} text={firstData} what="until first data" />
    </svg>
  )
}

/** The timing facts in words. */
export function TimingWords({ fingerprint }: { readonly fingerprint: Fingerprint }): JSX.Element {
  const rows = explainTiming(fingerprint)
  if (rows.length === 0) return <p class="quiet">Nothing is known of when things happened on this connection.</p>
  return (
    <dl class="facts">
      {rows.map(({ name, value, about }) => (
        <div>
          <dt>{name}</dt>
          <dd>
            <b>{value}</b> <small>{about}</small>
          </dd>
        </div>
      ))}
    </dl>
  )
}

/** TCP_INFO in groups, with values as people say them and the raw ones; what is 0 is folded away. */
export function TcpInfoTables({ info }: { readonly info: TcpInfo }): JSX.Element {
  const zero = explainTcpInfo(info).filter(({ raw }) => raw === 0)
  return (
    <>
      <table class="info">
        <thead>
          <tr>
            <th scope="col">Field</th>
            <th scope="col">Value</th>
            <th scope="col">As the kernel has it</th>
            <th scope="col">Meaning</th>
          </tr>
        </thead>
        {groupTcpInfo(info).map(({ title, fields }) => {
          const rows = fields.filter(({ raw }) => raw !== 0)
          return rows.length === 0 ? null : (
            <tbody>
              <tr>
                <th scope="rowgroup" colspan={4}>
                  {title}
                </th>
              </tr>
              {rows.map((field) => (
                <tr>
                  <th scope="row">
                    <Path path={`tcpInfo.${field.name}`} />
                  </th>
                  <td>{humanValue(field)}</td>
                  <td>{field.raw}</td>
                  <td>{field.meaning}</td>
                </tr>
              ))}
            </tbody>
          )
        })}
      </table>
      {zero.length === 0 ? null : (
        <details class="zero">
          <summary>{zero.length} more that are 0</summary>
          {zero.map(({ name }) => (
            <Path path={`tcpInfo.${name}`} />
          ))}
        </details>
      )}
    </>
  )
}

/** What is missing and why. */
export function MissingList({ facts }: { readonly facts: readonly MissingFact[] }): JSX.Element {
  return (
    <dl class="facts missing">
      {facts.map(({ fact, why, remedy }) => (
        <div>
          <dt>{fact}</dt>
          <dd>
            {why} {remedy ? <small>{remedy}</small> : null}
          </dd>
        </div>
      ))}
    </dl>
  )
}
