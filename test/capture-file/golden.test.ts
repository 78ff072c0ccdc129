/**
 * A capture of tcpdump read as tshark reads it.
 *
 * `golden/tcpdump-merged.pcapng`: made on Linux 6.18 in a network namespace with `tcpdump -i any -w any.pcap tcp` (Linux
 * cooked v2) and `tcpdump -i v1 -s 200 -w ethernet.pcap` (one end of a veth pair) while a client connected over loopback
 * (IPv4 and IPv6, answered) and over the pair (IPv4, IPv4 with TTL 77, IPv6, not answered); then
 * `mergecap -F pcapng -w tcpdump-merged.pcapng any.pcap ethernet.pcap` (tcpdump 4.99.3, mergecap 4.0.17).
 * `golden/tcpdump-merged.json`: what tshark says of it; the command is in it.
 */
import { expect, test } from 'bun:test'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { CaptureReader } from '../../src/capture-file/reader.ts'
import { SynLocator, VERDICT } from '../../src/capture-file/syn-locator.ts'
import type { CaptureProblem } from '../../src/capture-file/types.ts'
import { parseSyn } from '../../src/wire/syn.ts'

test('CaptureReader and SynLocator find what tshark finds', () => {
  const file = readFileSync(join(import.meta.dir, 'golden/tcpdump-merged.pcapng'))
  const truth = JSON.parse(readFileSync(join(import.meta.dir, 'golden/tcpdump-merged.json'), 'utf8'))
  const locator = new SynLocator()
  const syns: object[] = []
  const problems: CaptureProblem[] = []
  let packets = 0
  const reader = new CaptureReader({
    packet(bytes, start, end, linkType, frame, cut) {
      packets = frame
      const verdict = locator.locate(bytes, start, end, linkType, cut)
      if (verdict === VERDICT.SYN) {
        const { ip, tcp } = parseSyn(bytes.slice(locator.start, locator.end))
        syns.push({
          frame,
          source: ip.source,
          timeToLive: ip.version === 4 ? ip.timeToLive : ip.hopLimit,
          sourcePort: tcp.sourcePort,
          sequenceNumber: tcp.sequenceNumber,
          optionKinds: tcp.optionKinds,
          mss: tcp.mss,
        })
      }
      return verdict !== VERDICT.UNKNOWN_LINK
    },
    problem: (problem) => problems.push(problem),
  })
  reader.push(file)
  reader.end()
  expect(problems).toEqual([])
  expect(packets).toBe(truth.packets)
  expect(syns).toEqual(truth.syns)
})
