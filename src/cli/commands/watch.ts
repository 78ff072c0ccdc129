/**
 * `tcpfingerprint watch`: SYNs as they come on the wire.
 * @module
 */
import { isLibc } from '../../../ffi/libc.ts'
import { PacketSocket } from '../../../ffi/packet.ts'
import { SocketError } from '../../../ffi/socket-error.ts'
import { FILTER_PORTS_AT_MOST } from '../../../ffi/syn-filter.ts'
import { formatEndpoint, plural, printable } from '../../base/text.ts'
import { SynReader } from '../../packets/syn-ends.ts'
import { currentRuntime } from '../../runtime/current.ts'
import { onSignal } from '../../runtime/process-end.ts'
import { rerunWhereBlind } from '../../runtime/rerun.ts'
import { safeParseSyn } from '../../wire/syn.ts'
import { createAnalyzer } from '../analyzer.ts'
import { type Arguments, refuseOperand, UsageError } from '../args.ts'
import type { CommandHelp } from '../command.ts'
import type { Io } from '../io.ts'
import { JA4T, JSON_OPTION, P0F_DB, readPort, YARA } from '../options.ts'
import { palette } from '../render/color.ts'
import { createJsonWriter } from '../render/json.ts'
import type { Report } from '../render/record.ts'

/** What `--help` says. */
export const help: CommandHelp = {
  usage: ['[--json]', '[--interface IF]', '[--port N]', '[--p0f-db FILE]', '[--yara FILE]', '[--ja4t]'],
  description: [
    'Shows each SYN that comes to this network namespace, whatever listens: one line with time, interface, both ends, label and p0f fingerprint, and at the end, on Ctrl-C, how many there were of each label. With --json one object a line, as parse prints it, with "time" and "interface" before.',
    'SYNs that this machine sends are not shown, nor fragments, nor SYNs with ACK, RST or FIN. How many the kernel dropped because they came too fast is said at the end, on standard error.',
    'Needs CAP_NET_RAW: run it as root, or give the runtime the capability. Exit status 1 where packets cannot be received.',
  ],
  options: [
    JSON_OPTION,
    { name: 'interface', value: 'IF', help: 'only SYNs on this interface, e.g. eth0' },
    { name: 'port', value: 'N', help: 'only SYNs to this port; may be given several times' },
    P0F_DB,
    YARA,
    JA4T,
  ],
  examples: [
    ['tcpfingerprint watch --port 443', 'what opens connections to the web server'],
    [
      'tcpfingerprint watch --json | jq -r "[.ip.source, .label.name] | @tsv"',
      'addresses and systems, for other programs',
    ],
  ],
}

/** SYNs between two looks at the output and the signals. */
const BATCH = 1024
/** Milliseconds until the next look where nothing has come: a receive buffer of 208 KiB is full after 13 at 20,000 SYNs a second. */
const PAUSE = 5
const NO_LABEL = '(no label)'

/** Runs the command. Exit code 1 where packets cannot be received. */
export async function run(args: Arguments, io: Io): Promise<number> {
  refuseOperand('watch', args.operands[0])
  const ports = portsOf(args)
  const name = args.get('interface')
  const elsewhere = await rerunWhereBlind((other, path) =>
    io.warn(`Node has neither node:ffi nor koffi: watching with ${other} (${path})`),
  )
  if (elsewhere !== undefined) return elsewhere
  const libc = currentRuntime().openLibc()
  if (!isLibc(libc)) {
    io.warn(`Cannot watch: ${libc.message}`)
    return 1
  }
  const analyzer = await createAnalyzer(args, io)
  let socket: PacketSocket
  try {
    socket = new PacketSocket(libc, { interface: name, ports })
  } catch (error) {
    io.warn(refusal(error, name))
    return 1
  }
  const summary = new Map<string, number>()
  let seen = 0
  let isOver = false
  const stop = (): void => {
    isOver = true
  }
  const restore = ['SIGINT', 'SIGTERM'].map((signal) => onSignal(signal, stop))
  const write = args.has('json') ? jsonLines(io) : textLines(io)
  const reader = new SynReader()
  const isAsked = ports.length === 0 ? undefined : new Set(ports)
  // From the second packet on the kernel has noted when each came.
  socket.receivedAt()
  /** Writes at most so many SYNs. True where there may be more. */
  const drain = (most: number): boolean => {
    for (let left = most; left > 0; left--) {
      const octets = socket.receiveFrom()
      if (octets < 0) return false
      const length = reader.read(socket.packet, octets)
      if (length === 0 || isAsked?.has(reader.ends.serverPort) === false) continue
      const decoded = safeParseSyn(socket.packet.slice(0, length))
      if (!decoded.ok) continue
      seen++
      const report = analyzer.analyze(decoded.value)
      const label = report.findings.label?.name ?? NO_LABEL
      summary.set(label, (summary.get(label) ?? 0) + 1)
      write(report, new Date(socket.receivedAt() ?? Date.now()), socket.interfaceName)
    }
    return true
  }
  if (!args.has('json')) io.warn(`watching ${name ?? 'all interfaces'}, Ctrl-C ends`)
  try {
    while (!isOver) {
      const isMore = drain(BATCH)
      io.out.flush()
      await new Promise((resolve) => setTimeout(resolve, isMore ? 0 : PAUSE))
    }
    // What has come before the signal is shown.
    drain(socket.room.most)
  } finally {
    for (const one of restore) one()
    const dropped = socket.takeDrops()
    socket.close()
    if (dropped > 0) io.warn(`${plural(dropped, 'SYN')} came too fast for the kernel to keep`)
  }
  if (!args.has('json')) io.out.text(summaryText(summary, seen))
  io.out.flush()
  return analyzer.code
}

/** Writes a SYN, when and where it came. */
type WriteSyn = (report: Report, time: Date, from: string) => void

function jsonLines({ out }: Io): WriteSyn {
  let before = ''
  const writer = createJsonWriter({ text: (line) => out.text(`${before}${line.slice(1)}`) })
  return (report, time, from) => {
    before = `{"time":"${time.toISOString()}","interface":${JSON.stringify(from)},`
    writer.record(report)
  }
}

function textLines({ out, color }: Io): WriteSyn {
  const paint = palette(color)
  return ({ syn, findings }, time, from) => {
    const { ip, tcp } = syn
    const label = findings.label?.name
    out.text(
      `${time.toISOString().slice(11, 23)} ${printable(from)} ${formatEndpoint(ip.source, tcp.sourcePort)} > ${formatEndpoint(ip.destination, tcp.destinationPort)}  ${label === undefined ? NO_LABEL : paint.bold(printable(label))}  ${paint.cyan(findings.fingerprints.p0f)}\n`,
    )
  }
}

function summaryText(summary: ReadonlyMap<string, number>, seen: number): string {
  const rows = [...summary].sort(([a, m], [b, n]) => n - m || (a < b ? -1 : 1))
  const width = String(seen).length
  const lines = rows.map(([label, count]) => `${String(count).padStart(width)}  ${printable(label)}`)
  return `\n${plural(seen, 'SYN')}\n${lines.map((line) => `${line}\n`).join('')}`
}

function portsOf(args: Arguments): number[] {
  const ports = args.all('port').map(readPort)
  if (ports.length <= FILTER_PORTS_AT_MOST) return ports
  throw new UsageError(`Option "--port" may be given ${FILTER_PORTS_AT_MOST} times at most`)
}

function refusal(error: unknown, name: string | undefined): string {
  if (!(error instanceof SocketError)) throw error
  if (error.code === 'ENODEV') return `Cannot watch: there is no interface "${printable(name ?? '')}"`
  const remedy =
    error.code === 'EPERM' || error.code === 'EACCES'
      ? ': run it as root, or with "setpriv --ambient-caps +net_raw --inh-caps +net_raw"'
      : ''
  return `Cannot watch: ${error.message}${remedy}`
}
