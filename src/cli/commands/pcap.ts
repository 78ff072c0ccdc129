/**
 * `tcpfingerprint pcap`: every SYN of capture files.
 * @module
 */

import { createGunzip } from 'node:zlib'
import { plural, printable } from '../../base/text.ts'
import { describeEncapsulations } from '../../capture-file/encapsulations.ts'
import { describeNotOpened, NotOpenedPackets } from '../../capture-file/not-opened.ts'
import { CaptureReader } from '../../capture-file/reader.ts'
import { SynLocator, VERDICT } from '../../capture-file/syn-locator.ts'
import type { CaptureHandler, CaptureProblem } from '../../capture-file/types.ts'
import { describeError } from '../../explain/errors.ts'
import { decodePartialSyn } from '../../wire/partial-syn.ts'
import { safeParseSyn } from '../../wire/syn.ts'
import { type Analyzer, createAnalyzer } from '../analyzer.ts'
import { type Arguments, UsageError } from '../args.ts'
import type { CommandHelp } from '../command.ts'
import { openSource, readSome, type Source } from '../input.ts'
import type { Io } from '../io.ts'
import { JA4T, JSON_OPTION, P0F_DB, TOLERANT, YARA } from '../options.ts'
import { createProgress, type Progress } from '../progress.ts'
import type { RecordError, RecordWriter } from '../render/record.ts'
import { errorCode, systemReason } from '../system.ts'

/** What `--help` says. */
export const help: CommandHelp = {
  usage: ['[--json]', '[--p0f-db FILE]', '[--tolerant]', '[--yara FILE]', '[--ja4t]', 'FILE...'],
  description: [
    'Reads pcap and pcapng files, also compressed with gzip, or standard input for "-", and prints every TCP segment with SYN set, ACK and RST clear, as "parse" does, with the keys "file" and "frame" (from 1, as Wireshark numbers). Other packets are passed over. Files larger than memory are no problem.',
    'What cannot be read (a packet cut before its TCP flags, an unknown link type, a truncated file) is told with file and frame, on standard error and, with --json, as an {"error": ...} record; everything else is still read, and the exit code is 1.',
    'A SYN that was cut behind its TCP flags gives a record with "partial": {"available", "needed"} in octets and the fields that are whole, without fingerprints.',
    'What may hold a SYN and is not opened (an unknown protocol number, encryption, a later fragment) is counted and told by its number on standard error: with --json as one object {"file", "notOpened": [{"layer", "number", "name", "reason", "packets", "frame"}]} a file. The exit code stays.',
    'Tunnels around a SYN are listed in "tunnel", outermost first. What is opened:',
    ...describeEncapsulations(),
  ],
  options: [JSON_OPTION, P0F_DB, TOLERANT, YARA, JA4T],
  examples: [
    ['tcpfingerprint pcap --json monday.pcap tuesday.pcapng > syns.ndjson', 'one record per SYN'],
    [
      "tcpdump -U -w - 'tcp[13] & 18 = 2 or (ip6[6] = 6 and ip6[53] & 18 = 2)' | tcpfingerprint pcap -",
      'watch SYNs as they come, IPv4 and IPv6',
    ],
  ],
}

/** Octets of one read. */
const CHUNK = 1024 * 1024
/** Octets that are unpacked at once. */
const PIECE = 16 * 1024
/** Messages about one file on standard error; the records tell of all. */
const MOST_MESSAGES = 20

/** Runs the command; returns its exit code. */
export async function run(args: Arguments, io: Io): Promise<number> {
  if (args.operands.length === 0) throw new UsageError('No capture file given ("-" is standard input)')
  const analyzer = await createAnalyzer(args, io)
  const json = args.has('json')
  const writer = json
    ? (await import('../render/json.ts')).createJsonWriter(io.out)
    : (await import('../render/text.ts')).createTextWriter(io.out, io.color, analyzer.databaseName, analyzer.nearest)
  let code: number = analyzer.code
  for (const path of args.operands) {
    const file = new CaptureFile(path, io, analyzer, writer, json)
    if (!(await file.read())) code = 1
  }
  return code
}

/**
 * Unpacks gzip. A call of zlib that finds a fault gives nothing, what stands before the fault included: so a scout takes each piece first,
 * and one that is not whole is unpacked octet by octet.
 */
class Gunzip {
  readonly #stream = createGunzip()
  #unpacked: Uint8Array[] = []
  #done: (() => void) | undefined
  fault: Error | undefined

  constructor() {
    this.#stream.on('data', (octets: Uint8Array) => this.#unpacked.push(octets))
    this.#stream.on('error', (error) => {
      this.fault ??= error
    })
    this.#stream.on('close', () => this.#done?.())
  }

  /** What comes out with these octets, or at the end. */
  async push(packed?: Uint8Array): Promise<readonly Uint8Array[]> {
    this.#unpacked = []
    await new Promise<void>((resolve) => {
      this.#done = resolve
      if (packed === undefined) this.#stream.end()
      else this.#stream.write(packed, () => resolve())
    })
    return this.#unpacked
  }
}

/** One file, from opening it to its last message. */
class CaptureFile implements CaptureHandler {
  readonly #path: string
  readonly #io: Io
  readonly #analyzer: Analyzer
  readonly #writer: RecordWriter
  readonly #json: boolean
  readonly #reader = new CaptureReader(this)
  readonly #locator = new SynLocator()
  readonly #notOpened = new NotOpenedPackets()
  #progress: Progress | undefined
  #packets = 0
  #syns = 0
  #problems = 0
  #cut = 0
  #firstCut = 0
  #isBroken = false

  constructor(path: string, io: Io, analyzer: Analyzer, writer: RecordWriter, json: boolean) {
    this.#path = path
    this.#io = io
    this.#analyzer = analyzer
    this.#writer = writer
    this.#json = json
  }

  packet(bytes: Uint8Array, start: number, end: number, linkType: number, frame: number, cut: boolean): boolean {
    this.#packets = frame
    const locator = this.#locator
    switch (locator.locate(bytes, start, end, linkType, cut)) {
      case VERDICT.SYN: {
        const octets = locator.bytes.subarray(locator.start, locator.end)
        const { tunnels: tunnel } = locator
        const decoded = safeParseSyn(octets)
        if (decoded.ok) {
          const report = this.#analyzer.analyze(decoded.value)
          report.file = this.#path
          report.frame = frame
          report.tunnel = tunnel
          this.#writer.record(report)
        } else {
          const partial = locator.walk.cut ? decodePartialSyn(octets) : undefined
          if (partial === undefined) {
            this.#reportError(decoded.error, describeError(decoded.error), frame)
            return true
          }
          this.#writer.partial(partial, { file: this.#path, frame, tunnel })
        }
        this.#syns++
        return true
      }
      case VERDICT.CUT:
        if (this.#cut++ === 0) this.#firstCut = frame
        return true
      case VERDICT.NOT_OPENED:
        this.#notOpened.add(locator.walk, frame)
        return true
      case VERDICT.UNKNOWN_LINK:
        this.#notOpened.add(locator.walk, frame)
        return false
      default:
        return true
    }
  }

  problem(problem: CaptureProblem): void {
    const { reason, detail, offset, frame } = problem
    this.#reportError({ reason, offset, detail }, `${reason} at octet ${offset}: ${detail}`, frame)
  }

  /** Reads it all; returns whether all of it was good. */
  async read(): Promise<boolean> {
    let source: Source
    try {
      source = openSource(this.#path)
    } catch (error) {
      this.#unreadable(error)
      return false
    }
    this.#progress = createProgress(this.#io, printable(this.#path), source.size)
    try {
      await this.#readFrom(source)
      // Behind a fault of the compression there is more of the file.
      if (!this.#isBroken) this.#reader.end()
    } catch (error) {
      if (errorCode(error) === '') throw error
      this.#unreadable(error)
    } finally {
      this.#progress.clear()
      source.close()
    }
    this.#summary()
    return this.#problems === 0
  }

  async #readFrom(source: Source): Promise<void> {
    const buffer = new Uint8Array(CHUNK)
    // What a pipe delivers is answered before more is waited for; a file is never waited for.
    const live = source.size === undefined
    let done = 0
    const next = (): Uint8Array | undefined => {
      if (live) this.#io.out.flush()
      const length = readSome(source.fd, buffer, 0, CHUNK)
      done += length
      this.#progress?.update(done, this.#packets, this.#syns)
      return length === 0 ? undefined : buffer.subarray(0, length)
    }
    let first = next()
    if (first === undefined) return
    while (first.length < 2) {
      const octet: number = first[0]!
      const more = next()
      if (more === undefined) break
      first = Uint8Array.of(octet, ...more)
    }
    if (first[0] === 0x1f && first[1] === 0x8b) {
      await this.#unpack(first, next)
      return
    }
    for (let chunk: Uint8Array | undefined = first; chunk !== undefined; chunk = next()) {
      this.#reader.push(chunk)
      if (!this.#reader.open) return
    }
  }

  /** Reads on through gzip, up to a fault. */
  async #unpack(first: Uint8Array, next: () => Uint8Array | undefined): Promise<void> {
    const reader = this.#reader
    const scout = new Gunzip()
    const gunzip = new Gunzip()
    const take = async (packed?: Uint8Array): Promise<void> => {
      for (const octets of await gunzip.push(packed)) reader.push(octets)
    }
    const isGood = (): boolean => reader.open && gunzip.fault === undefined
    for (let chunk: Uint8Array | undefined = first; chunk !== undefined && isGood(); chunk = next()) {
      for (let at = 0; at < chunk.length && isGood(); at += PIECE) {
        const piece = chunk.slice(at, at + PIECE)
        await scout.push(piece)
        if (scout.fault === undefined) await take(piece)
        else for (const octet of piece) if (isGood()) await take(Uint8Array.of(octet))
      }
    }
    if (isGood()) await take()
    if (!reader.open || gunzip.fault === undefined) return
    this.#isBroken = true
    const detail = `gzip: ${gunzip.fault.message}`
    this.#reportError({ reason: 'broken-compression', detail }, `broken-compression: ${detail}`)
  }

  #unreadable(error: unknown): void {
    const detail = systemReason(error)
    this.#reportError({ reason: 'unreadable-file', detail }, `Cannot read it: ${detail}`)
  }

  #reportError(error: RecordError, words: string, frame?: number): void {
    this.#problems++
    this.#writer.error(error, this.#path, frame)
    if (this.#problems > MOST_MESSAGES) return
    this.#progress?.clear()
    this.#io.warn(`${printable(this.#path)}: ${frame === undefined ? '' : `frame ${frame}: `}${words}`)
  }

  #summary(): void {
    if (this.#cut > 0) {
      const packets = this.#cut
      const detail = `${packets === 1 ? 'one packet was' : `${packets} packets were`} cut before the TCP flags, this one first; a longer snap length keeps them`
      this.#reportError({ reason: 'cut-short', packets, detail }, `cut-short: ${detail}`, this.#firstCut)
    }
    this.#reportNotOpened()
    if (this.#problems > MOST_MESSAGES) {
      const rest = this.#problems - MOST_MESSAGES
      this.#io.warn(
        `${printable(this.#path)}: ${plural(rest, 'more problem')}${this.#json ? '; the records tell of each' : ''}`,
      )
    }
  }

  /**
   * Says on standard error what was not opened: standard output holds records of SYNs and of problems alone. It is none of
   * the file's: the exit code does not tell.
   */
  #reportNotOpened(): void {
    const { kinds, others } = this.#notOpened
    if (kinds.length === 0) return
    this.#progress?.clear()
    this.#io.out.flush()
    if (this.#json) {
      const summary = { file: this.#path, notOpened: kinds, ...(others === 0 ? undefined : { others }) }
      this.#io.notice(`${JSON.stringify(summary)}\n`)
      return
    }
    for (const kind of kinds.slice(0, MOST_MESSAGES)) {
      this.#io.warn(`${printable(this.#path)}: not opened: ${describeNotOpened(kind)}`)
    }
    const rest = kinds.slice(MOST_MESSAGES).reduce((sum, { packets }) => sum + packets, others)
    if (rest > 0) this.#io.warn(`${printable(this.#path)}: not opened: ${rest} packets of other kinds`)
  }
}
