/**
 * Labels from YARA rules: a labeller that scans the saved SYN with libyara, through the FFI of Bun or Deno.
 *
 * Rules see the octets of the SYN, from the IP header to the end of the TCP options, and the external variables of
 * {@link yara}. Needs libyara 4.2 or newer (Debian package libyara9), on Deno `--allow-ffi` and `--allow-read`.
 *
 * @example
 * import { fingerprint } from 'tcpfingerprint/bun'
 * import { yara } from 'tcpfingerprint/yara'
 *
 * app.use(fingerprint({ labeller: yara({ rules: 'stacks.yar' }) }))
 * @module
 */

import { closeSync, openSync, readSync } from 'node:fs'
import { openLibyara as openOnBun } from '../../ffi/libyara.bun.ts'
import { openLibyara as openOnDeno } from '../../ffi/libyara.deno.ts'
import { readWhole } from '../base/read-whole.ts'
import { toError } from '../base/report-once.ts'
import { guessHopDistance, timeToLiveOf } from '../fingerprint/ttl.ts'
import { familyNames } from '../label/family.ts'
import type { Labeller } from '../label/labeller.ts'
import type { RuleLabel } from '../label/rule.ts'
import { currentRuntime } from '../runtime/current.ts'
import { decodedSyn, type Syn } from '../wire/syn.ts'
import { type Rule, type RuleSource, Rules, type Variables } from './rules.ts'
import { YaraError } from './yara-error.ts'

export { YaraError } from './yara-error.ts'

/** What {@link yara} takes. */
export interface YaraOptions {
  /** Path of a file of rules, or the rules themselves (a text with a line `rule NAME`), or a list of either, in order. */
  readonly rules: string | readonly string[]
  /** Path or name of libyara; by default `libyara.so.10`, then `libyara.so.9`. */
  readonly library?: string | undefined
}

/** Characters of a User-Agent that rules see. */
const LONGEST = 1024
/** What has rules in it, and no path has. */
const RULES = /(?:^|\n)\s*(?:(?:private|global)\s+)*rule\s+\w+[^\n]*/

/** What is said where a SYN lacks MSS or scale. */
const ABSENT = -1

/** One value of each type for the compiler. */
const TYPES: Variables = {
  ttl: 0,
  initial_ttl: 0,
  distance: 0,
  mss: 0,
  window: 0,
  scale: 0,
  ip_version: 0,
  options: '',
  p0f: '',
  muonfp: '',
  label: '',
  user_agent: '',
}

/**
 * A labeller of YARA rules, for `fingerprint({ labeller })`, asked once per connection. The first rule that matches, in the order of the
 * files, is the label.
 *
 * | of a rule | becomes |
 * | --- | --- |
 * | meta `label`, else the identifier | `name` |
 * | meta `family`, else the first tag that is a family (`linux`, `relay`, `tool` ...) | `family` |
 * | meta `kind`, else `app` for the family `tool` | `kind` |
 *
 * External variables: integers `ttl`, `initial_ttl` (32, 64, 128 or 255), `distance` (hops), `mss` and `scale` (-1 where absent),
 * `window`, `ip_version`; texts `options` (kinds joined by commas), `p0f`, `muonfp`, `label` (what the database says, empty where it says
 * nothing) and `user_agent` (of the request that reads the label first, up to 1,024 characters).
 *
 * @throws {YaraError} libyara is missing or not understood, a file cannot be read, or rules do not compile (`file`, `line`)
 * @example yara({ rules: 'rule lwip : embedded { condition: ttl > 230 and window == 4 * mss and options == "2" }' })
 */
export function yara({ rules, library }: YaraOptions): Labeller {
  const sources = (typeof rules === 'string' ? [rules] : rules).map(readSource)
  if (sources.length === 0) throw new YaraError('Cannot label with YARA: no rules given')
  const names = library === undefined ? undefined : [library]
  const { name } = currentRuntime()
  if (name === 'node') throw new YaraError('Cannot label with YARA: this is Node, it needs Bun or Deno')
  const open = name === 'deno' ? openOnDeno : openOnBun
  const opened = open(names)
  if ('message' in opened) throw new YaraError(`Cannot label with YARA: ${opened.message}`)
  const compiled = new Rules(opened, sources, TYPES)
  const labels = new Map<Rule, RuleLabel>()
  return (syn, facts) => {
    const { ip, tcp } = syn
    const ttl = timeToLiveOf(syn)
    const rule = compiled.firstMatch(octetsOf(syn), {
      ttl: () => ttl,
      initial_ttl: () => ttl + guessHopDistance(ttl),
      distance: () => facts.label?.distance ?? guessHopDistance(ttl),
      mss: () => tcp.mss ?? ABSENT,
      window: () => tcp.window,
      scale: () => tcp.windowScale ?? ABSENT,
      ip_version: () => ip.version,
      options: () => tcp.optionKinds.join(','),
      p0f: () => facts.fingerprints.p0f,
      muonfp: () => facts.fingerprints.muonfp,
      label: () => facts.label?.name ?? '',
      user_agent: () => facts.userAgent?.slice(0, LONGEST) ?? '',
    })
    if (rule === undefined) return undefined
    let label = labels.get(rule)
    if (label === undefined) {
      label = labelOf(rule)
      labels.set(rule, label)
    }
    return label
  }
}

function readSource(rules: string, index: number): RuleSource {
  if (RULES.test(rules) && rules.includes('{')) return { name: `rules ${index + 1}`, text: rules }
  let fd: number | undefined
  try {
    const file = (fd = openSync(rules, 'r'))
    return { name: rules, text: new TextDecoder().decode(readWhole((into) => readSync(file, into))) }
  } catch (error) {
    throw new YaraError(`Cannot read the rules "${rules}": ${toError(error).message}`, rules)
  } finally {
    if (fd !== undefined) closeSync(fd)
  }
}

/** The saved SYN without an Ethernet header, in memory that starts with it. */
function octetsOf(syn: Syn): Uint8Array {
  const { bytes, ipOffset } = decodedSyn(syn)
  return ipOffset === 0 ? bytes : bytes.slice(ipOffset)
}

function labelOf({ identifier, tags, meta }: Rule): RuleLabel {
  const text = (name: string): string | undefined => {
    const value = meta.get(name)
    return value === undefined || value === '' ? undefined : String(value)
  }
  const family = text('family') ?? tags.find((tag) => familyNames().has(tag))
  const kind = text('kind')
  return {
    name: text('label') ?? identifier,
    family,
    kind: kind === 'os' || kind === 'app' ? kind : family === 'tool' ? 'app' : 'os',
  }
}
