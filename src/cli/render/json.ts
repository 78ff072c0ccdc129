/**
 * Records as lines of JSON, stored straight into the output buffer: millions of SYNs of a capture spend most of their
 * time here. A test holds every line equal to `JSON.stringify` of `recordOf`.
 * @module
 */
import type { Label } from '../../label/match.ts'
import { formatIpv6Address } from '../../wire/address.ts'
import type { Ipv4Header } from '../../wire/ipv4.ts'
import type { Ipv6Header } from '../../wire/ipv6.ts'
import { TCP_FLAG, type TcpHeader } from '../../wire/tcp.ts'
import type { Output } from '../output.ts'
import type { RecordWriter, Report } from '../record.ts'
import { putAscii, putDecimal, putHex, putIpv4, putSegment, type Segment, SLACK, segment } from './ascii.ts'

/** The record as an object, with the keys in the order in which they are written. */
export function recordOf(report: Report): Readonly<Record<string, unknown>> {
  const { syn, file, frame, tunnel, fingerprints, label } = report
  return {
    ...(file === undefined ? undefined : { file, frame }),
    ...(tunnel === undefined ? undefined : { tunnel }),
    ...syn.toJSON(),
    fingerprints,
    ...(label === undefined ? undefined : { label }),
  }
}

/** Octets that a record has beside its packet in hexadecimal, its lists and its texts of open length. */
const FIXED = 2048

const S = {
  open: segment('{"hex":"'),
  frame: segment(',"frame":'),
  hex: segment(',"hex":"'),
  v4: segment('","ip":{"version":4,"headerLength":'),
  dscp: segment(',"dscp":'),
  ecn: segment(',"ecn":'),
  totalLength: segment(',"totalLength":'),
  identification: segment(',"identification":'),
  protocol: segment(',"protocol":6,"headerChecksum":'),
  source: segment(',"source":"'),
  destination: segment('","destination":"'),
  optionsLength: segment('","optionsLength":'),
  v6: segment('","ip":{"version":6,"trafficClass":'),
  flowLabel: segment(',"flowLabel":'),
  payloadLength: segment(',"payloadLength":'),
  nextHeader: segment(',"nextHeader":'),
  hopLimit: segment(',"hopLimit":'),
  noExtensions: segment('","extensionHeaders":[],"extensionsLength":0'),
  extensions: segment('","extensionHeaders":['),
  extensionsLength: segment('],"extensionsLength":'),
  tcp: segment('},"tcp":{"sourcePort":'),
  destinationPort: segment(',"destinationPort":'),
  sequenceNumber: segment(',"sequenceNumber":'),
  acknowledgmentNumber: segment(',"acknowledgmentNumber":'),
  dataOffset: segment(',"dataOffset":'),
  checksum: segment(',"checksum":'),
  urgentPointer: segment(',"urgentPointer":'),
  optionKinds: segment(',"optionKinds":['),
  padding: segment('],"padding":"'),
  mss: segment(',"mss":'),
  windowScale: segment(',"windowScale":'),
  sackPermitted: segment(',"sackPermitted":true'),
  timestamps: segment(',"timestamps":{"value":'),
  echoReply: segment(',"echoReply":'),
  badLength: segment(',"malformed":{"reason":"bad-length","offset":'),
  truncated: segment(',"malformed":{"reason":"truncated","offset":'),
  p0f: segment('},"fingerprints":{"p0f":"'),
  muonfp: segment('","muonfp":"'),
  haproxy: segment('","haproxy":"'),
  ja4t: segment('","ja4t":"'),
  endFingerprints: segment('"}'),
  unnamed: segment(',"label":{"distance":'),
  mtu: segment(',"mtu":'),
} as const

const QUOTE = 0x22
const COMMA = 0x2c
const CLOSE_LIST = 0x5d
const CLOSE = 0x7d
const LINE_END = 0x0a

/** The three flag bits of an IPv4 header, up to the key of the TTL. */
const V4_FLAGS: readonly Segment[] = Array.from({ length: 8 }, (_, bits) =>
  segment(
    `,"reservedFlag":${(bits & 4) !== 0},"dontFragment":${(bits & 2) !== 0},"moreFragments":${(bits & 1) !== 0},"timeToLive":`,
  ),
)

/** The control bits, up to the key of the window: made when first seen. */
const controlBits: (Segment | undefined)[] = []

function controlSegment(bits: number): Segment {
  const flags = Object.entries(TCP_FLAG)
    .reverse()
    .map(([name, bit]) => `"${name.toLowerCase()}":${(bits & bit) !== 0}`)
  return segment(`,"flags":{${flags.join(',')}},"window":`)
}

function putNumbers(view: DataView, at: number, numbers: readonly number[]): number {
  let to = at
  for (let i = 0; i < numbers.length; i++) {
    if (i > 0) view.setUint8(to++, COMMA)
    to = putDecimal(view, to, numbers[i]!)
  }
  return to
}

function putIpv4Header(view: DataView, start: number, ip: Ipv4Header, bytes: Uint8Array, offset: number): number {
  let at = putSegment(view, start, S.v4)
  at = putDecimal(view, at, ip.headerLength)
  at = putDecimal(view, putSegment(view, at, S.dscp), ip.dscp)
  at = putDecimal(view, putSegment(view, at, S.ecn), ip.ecn)
  at = putDecimal(view, putSegment(view, at, S.totalLength), ip.totalLength)
  at = putDecimal(view, putSegment(view, at, S.identification), ip.identification)
  at = putDecimal(view, putSegment(view, at, V4_FLAGS[bytes[offset + 6]! >> 5]!), ip.timeToLive)
  at = putDecimal(view, putSegment(view, at, S.protocol), ip.headerChecksum)
  at = putIpv4(view, putSegment(view, at, S.source), bytes, offset + 12)
  at = putIpv4(view, putSegment(view, at, S.destination), bytes, offset + 16)
  return putDecimal(view, putSegment(view, at, S.optionsLength), ip.optionsLength)
}

function putIpv6Header(view: DataView, start: number, ip: Ipv6Header, bytes: Uint8Array, offset: number): number {
  let at = putSegment(view, start, S.v6)
  at = putDecimal(view, at, ip.trafficClass)
  at = putDecimal(view, putSegment(view, at, S.dscp), ip.dscp)
  at = putDecimal(view, putSegment(view, at, S.ecn), ip.ecn)
  at = putDecimal(view, putSegment(view, at, S.flowLabel), ip.flowLabel)
  at = putDecimal(view, putSegment(view, at, S.payloadLength), ip.payloadLength)
  at = putDecimal(view, putSegment(view, at, S.nextHeader), ip.nextHeader)
  at = putDecimal(view, putSegment(view, at, S.hopLimit), ip.hopLimit)
  at = putAscii(view, putSegment(view, at, S.source), formatIpv6Address(bytes, offset + 8))
  at = putAscii(view, putSegment(view, at, S.destination), formatIpv6Address(bytes, offset + 24))
  if (ip.extensionsLength === 0) return putSegment(view, at, S.noExtensions)
  at = putNumbers(view, putSegment(view, at, S.extensions), ip.extensionHeaders)
  return putDecimal(view, putSegment(view, at, S.extensionsLength), ip.extensionsLength)
}

function putTcpHeader(view: DataView, start: number, tcp: TcpHeader): number {
  let at = putDecimal(view, putSegment(view, start, S.tcp), tcp.sourcePort)
  at = putDecimal(view, putSegment(view, at, S.destinationPort), tcp.destinationPort)
  at = putDecimal(view, putSegment(view, at, S.sequenceNumber), tcp.sequenceNumber)
  at = putDecimal(view, putSegment(view, at, S.acknowledgmentNumber), tcp.acknowledgmentNumber)
  at = putDecimal(view, putSegment(view, at, S.dataOffset), tcp.dataOffset)
  const bits = tcp.flagBits
  at = putDecimal(view, putSegment(view, at, (controlBits[bits] ??= controlSegment(bits))), tcp.window)
  at = putDecimal(view, putSegment(view, at, S.checksum), tcp.checksum)
  at = putDecimal(view, putSegment(view, at, S.urgentPointer), tcp.urgentPointer)
  at = putNumbers(view, putSegment(view, at, S.optionKinds), tcp.layout.kinds)
  if (tcp.layout.noise) {
    at = putAscii(view, putSegment(view, at, S.padding), tcp.padding!)
    view.setUint8(at++, QUOTE)
  } else {
    view.setUint8(at++, CLOSE_LIST)
  }
  if (tcp.mss !== undefined) at = putDecimal(view, putSegment(view, at, S.mss), tcp.mss)
  if (tcp.windowScale !== undefined) at = putDecimal(view, putSegment(view, at, S.windowScale), tcp.windowScale)
  if (tcp.sackPermitted) at = putSegment(view, at, S.sackPermitted)
  if (tcp.tsVal !== undefined) {
    at = putDecimal(view, putSegment(view, at, S.timestamps), tcp.tsVal)
    at = putDecimal(view, putSegment(view, at, S.echoReply), tcp.tsEcr!)
    view.setUint8(at++, CLOSE)
  }
  if (tcp.malformed !== undefined) {
    const { reason, offset } = tcp.malformed
    at = putDecimal(view, putSegment(view, at, reason === 'truncated' ? S.truncated : S.badLength), offset)
    view.setUint8(at++, CLOSE)
  }
  return at
}

/**
 * The constant parts of labels, made when first needed: as many as the database has names and link types.
 */
class LabelSegments {
  readonly #names = new Map<string, (Segment | undefined)[]>()
  readonly #links = new Map<string, Segment>()

  /** Up to the value of `distance`. */
  opening(label: Label): Segment {
    const { name } = label
    if (name === undefined) return S.unnamed
    let variants = this.#names.get(name)
    if (variants === undefined) {
      variants = []
      this.#names.set(name, variants)
    }
    const variant = (label.kind === 'os' ? 1 : 0) | (label.match === 'exact' ? 2 : 0) | (label.generic === true ? 4 : 0)
    return (variants[variant] ??= segment(
      `,"label":{"name":${JSON.stringify(name)},"kind":"${label.kind}","match":"${label.match}","generic":${label.generic},"distance":`,
    ))
  }

  link(link: string): Segment {
    let found = this.#links.get(link)
    if (found === undefined) {
      found = segment(`,"link":${JSON.stringify(link)}`)
      this.#links.set(link, found)
    }
    return found
  }
}

/** Lines of JSON, one a record. */
export function createJsonWriter(out: Output): RecordWriter {
  /** `{"file":"..."`, made when the file changes. */
  let file: string | undefined
  let opening: Segment = S.open
  const labels = new LabelSegments()

  function record(report: Report): void {
    const { syn, fingerprints, label, tunnel } = report
    const { bytes, ip, tcp, ipOffset } = syn
    if (report.file !== file) {
      file = report.file
      opening = file === undefined ? S.open : segment(`{"file":${JSON.stringify(file)}`)
    }
    const { p0f, muonfp, haproxy, ja4t } = fingerprints
    let open =
      p0f.length + muonfp.length + haproxy.length + opening.length + (ip.version === 6 ? ip.extensionsLength : 0)
    let named = S.unnamed
    let link: Segment | undefined
    if (label !== undefined) {
      named = labels.opening(label)
      if (label.link !== undefined) link = labels.link(label.link)
      open += named.length + (link?.length ?? 0)
    }
    out.reserve(FIXED + SLACK + bytes.length * 2 + open)
    const { view } = out
    let at = putSegment(view, out.length, opening)
    if (file !== undefined) {
      at = putDecimal(view, putSegment(view, at, S.frame), report.frame)
      if (tunnel !== undefined) at = putAscii(view, at, `,"tunnel":${JSON.stringify(tunnel)}`)
      at = putSegment(view, at, S.hex)
    }
    at = putHex(view, at, bytes, 0, bytes.length)
    at = ip.version === 4 ? putIpv4Header(view, at, ip, bytes, ipOffset) : putIpv6Header(view, at, ip, bytes, ipOffset)
    at = putTcpHeader(view, at, tcp)
    at = putAscii(view, putSegment(view, at, S.p0f), p0f)
    at = putAscii(view, putSegment(view, at, S.muonfp), muonfp)
    at = putAscii(view, putSegment(view, at, S.haproxy), haproxy)
    if (ja4t !== undefined) at = putAscii(view, putSegment(view, at, S.ja4t), ja4t)
    at = putSegment(view, at, S.endFingerprints)
    if (label !== undefined) {
      at = putDecimal(view, putSegment(view, at, named), label.distance)
      if (link !== undefined) at = putSegment(view, at, link)
      if (label.mtu !== undefined) at = putDecimal(view, putSegment(view, at, S.mtu), label.mtu)
      view.setUint8(at++, CLOSE)
    }
    view.setUint8(at++, CLOSE)
    view.setUint8(at++, LINE_END)
    out.length = at
  }

  return {
    record,
    error: (error, from, frame) => out.text(`${JSON.stringify({ file: from, frame, error })}\n`),
  }
}
