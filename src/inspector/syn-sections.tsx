/** @jsxRuntime automatic */
/** @jsxImportSource hono/jsx */
/**
 * Everything that is shown of a SYN: the way, why this label, the packet, options, fingerprints.
 * @module
 */
import type { JSX } from 'hono/jsx/jsx-runtime'
import { explainNearest, type NearWords } from '../explain/nearest.ts'
import type { Verdict } from '../explain/verdicts.ts'
import { explainWay } from '../explain/way.ts'
import { fingerprints } from '../fingerprint/index.ts'
import type { Database } from '../label/database.ts'
import { defaultDatabase } from '../label/default.ts'
import { evaluationRow } from '../label/evaluation-row.ts'
import type { Label } from '../label/match.ts'
import { nearest } from '../label/nearest.ts'
import type { Syn } from '../wire/syn.ts'
import { Meaning, NOTHING, Section, WayRow } from './meaning.tsx'
import { Options, Packet } from './packet.tsx'
import { FingerprintList, LabelWhy } from './sections.tsx'

/** Where labels come from: false for nowhere, `undefined` for the project's own signatures. */
export type LabelSource = Database | false | undefined

/** What comes closest to a SYN that no signature fits; empty for others. */
export function nearWords(syn: Syn, label: Label | undefined, database: LabelSource): readonly NearWords[] {
  if (label === undefined || label.name !== undefined || database === false) return []
  return explainNearest(nearest(database ?? defaultDatabase(), syn))
}

interface SynProps {
  readonly syn: Syn
  readonly label: Label | undefined
  readonly verdicts: readonly Verdict[]
}

/** The way of the SYN, with what was done to it. */
export function WaySection({
  syn,
  label,
  verdicts,
  handshakeTimeToLive,
}: SynProps & { readonly handshakeTimeToLive?: number | undefined }): JSX.Element {
  return (
    <Section id="way" title="The way">
      <WayRow way={explainWay(syn, label, handshakeTimeToLive)} />
      <Meaning verdicts={verdicts} topic="way" />
    </Section>
  )
}

/** Why the SYN has its label. */
export function LabelSection({
  syn,
  label,
  verdicts,
  near,
}: SynProps & { readonly near: readonly NearWords[] }): JSX.Element {
  if (label === undefined) return NOTHING
  const { p0f } = fingerprints(syn)
  return (
    <Section id="label" title="Why this label">
      <Meaning verdicts={verdicts} topic="label" />
      <LabelWhy label={label} p0f={p0f} near={near} row={JSON.stringify(evaluationRow(syn, ['NAME']))} />
    </Section>
  )
}

/** The packet, its options and its fingerprints. */
export function PacketSections({ syn }: { readonly syn: Syn }): JSX.Element {
  return (
    <>
      <Section id="syn" title="The SYN">
        <p class="quiet">{syn.bytes.length} octets, 32 bits a row. Point at a field or tap it: it tells what it is.</p>
        <Packet syn={syn} />
      </Section>
      <div class="columns">
        <Section id="options" title="Options, in order">
          <Options syn={syn} />
        </Section>
        <Section id="fingerprints" title="Fingerprints">
          <FingerprintList syn={syn} strings={fingerprints(syn)} />
        </Section>
      </div>
    </>
  )
}
