/**
 * Records as lines of JSON. A test holds every line equal to `JSON.stringify` of `recordOf`.
 * @module
 */

import type { Ipv4Header } from '../../wire/ipv4.ts'
import type { Ipv6Header } from '../../wire/ipv6.ts'
import type { TcpHeader } from '../../wire/tcp.ts'
import type { Findings, RecordWriter, Report, ShapeText, TextOutput } from './record.ts'

/** The record as an object, with the keys in the order in which they are written. */
export function recordOf(report: Report): Readonly<Record<string, unknown>> {
  const { syn, file, frame, tunnel, findings } = report
  const { fingerprints, label } = findings
  return {
    ...(file === undefined ? undefined : { file, frame }),
    ...(tunnel === undefined ? undefined : { tunnel }),
    ...syn.toJSON(),
    fingerprints,
    ...(label === undefined ? undefined : { label }),
  }
}

function ipv4Text(ip: Ipv4Header): string {
  return `{"version":4,"headerLength":${ip.headerLength},"dscp":${ip.dscp},"ecn":${ip.ecn},"totalLength":${ip.totalLength},"identification":${ip.identification},"reservedFlag":${ip.reservedFlag},"dontFragment":${ip.dontFragment},"moreFragments":${ip.moreFragments},"timeToLive":${ip.timeToLive},"protocol":${ip.protocol},"headerChecksum":${ip.headerChecksum},"source":"${ip.source}","destination":"${ip.destination}","optionsLength":${ip.optionsLength}}`
}

function ipv6Text(ip: Ipv6Header): string {
  return `{"version":6,"trafficClass":${ip.trafficClass},"dscp":${ip.dscp},"ecn":${ip.ecn},"flowLabel":${ip.flowLabel},"payloadLength":${ip.payloadLength},"nextHeader":${ip.nextHeader},"hopLimit":${ip.hopLimit},"source":"${ip.source}","destination":"${ip.destination}","extensionHeaders":[${ip.extensionHeaders.join()}],"extensionsLength":${ip.extensionsLength}}`
}

/** An object's members without its braces. */
function members(object: object): string {
  return JSON.stringify(object).slice(1, -1)
}

/** The parts of a record that follow from the shape of its SYN. */
function shapeText(tcp: TcpHeader, { fingerprints, label }: Findings): ShapeText {
  const { flags, window, optionKinds, padding, mss, windowScale, sackPermitted, malformed } = tcp
  const options = { optionKinds, padding, mss, windowScale, sackPermitted: sackPermitted || undefined }
  const bad = malformed === undefined ? '' : `,${members({ malformed })}`
  return {
    control: `,${members({ flags, window })},"checksum":`,
    options: `,${members(options)}`,
    end: `${bad}},${members({ fingerprints, label })}}\n`,
  }
}

/** Lines of JSON, one a record. */
export function createJsonWriter(out: TextOutput): RecordWriter {
  let file: string | undefined
  /** Up to the number of the frame, made when the file changes. */
  let opening = '{'
  return {
    record({ syn, findings, file: from, frame, tunnel }) {
      const { ip, tcp } = syn
      if (from !== file) {
        file = from
        opening = from === undefined ? '{' : `{"file":${JSON.stringify(from)},"frame":`
      }
      findings.json ??= shapeText(tcp, findings)
      const { control, options, end } = findings.json
      const around = tunnel === undefined ? '' : `"tunnel":${JSON.stringify(tunnel)},`
      out.text(
        `${opening}${file === undefined ? '' : `${frame},`}${around}"hex":"${syn.hex}","ip":${ip.version === 4 ? ipv4Text(ip) : ipv6Text(ip)},"tcp":{"sourcePort":${tcp.sourcePort},"destinationPort":${tcp.destinationPort},"sequenceNumber":${tcp.sequenceNumber},"acknowledgmentNumber":${tcp.acknowledgmentNumber},"dataOffset":${tcp.dataOffset}${control}${tcp.checksum},"urgentPointer":${tcp.urgentPointer}${options}${tcp.tsVal === undefined ? '' : `,"timestamps":{"value":${tcp.tsVal},"echoReply":${tcp.tsEcr}}`}${end}`,
      )
    },
    partial: (syn, { file: from, frame, tunnel } = {}) =>
      out.text(
        `${JSON.stringify({ file: from, frame, ...(tunnel === undefined ? undefined : { tunnel }), ...syn })}\n`,
      ),
    error: (error, from, frame) => out.text(`${JSON.stringify({ file: from, frame, error })}\n`),
  }
}
