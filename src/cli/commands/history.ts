/**
 * `tcpfingerprint history`: what a store says of an address, an account, or all labels.
 * @module
 */
import { existsSync } from 'node:fs'
import { printable } from '../../base/text.ts'
import { type Arguments, UsageError } from '../args.ts'
import type { CommandHelp } from '../command.ts'
import type { Io } from '../io.ts'
import { JSON_OPTION } from '../options.ts'
import { openStoreOf, whenOpen } from '../store.ts'

/** What `--help` says. */
export const help: CommandHelp = {
  usage: ['--store URL', '[--json]', '[--days N]', '{hosts ADDRESS | stacks ACCOUNT | labels}'],
  description: [
    'Says what a store has kept. "hosts": the systems behind an address or network (192.0.2.0/24; an IPv6 address stands for its /64). "stacks": the stacks that an account came with, by network. "labels": how often each label was seen.',
    'With --json every row is one line, under the names of store.hosts(), store.stacks() and store.labels().',
  ],
  options: [
    { name: 'store', value: 'URL', help: 'sqlite:FILE, postgres://..., clickhouse+http://...' },
    { name: 'days', value: 'N', help: 'UTC days to look back, today included (default 7)' },
    JSON_OPTION,
  ],
  examples: [
    ['tcpfingerprint history --store sqlite:seen.sqlite hosts 198.51.100.7', 'who is behind this address'],
    ['tcpfingerprint history --store sqlite:seen.sqlite --days 1 labels', 'what came today'],
  ],
}

/** One row of an answer. */
type Row = Readonly<Record<string, unknown>>

/** Columns of each question in text for people: the member, and its heading. */
const COLUMNS: Readonly<Record<string, readonly (readonly [member: string, heading: string])[]>> = {
  hosts: [
    ['lastSeen', 'last seen'],
    ['firstSeen', 'first seen'],
    ['connections', 'connections'],
    ['label', 'label'],
    ['accounts', 'accounts'],
    ['stack', 'stack'],
  ],
  stacks: [
    ['lastSeen', 'last seen'],
    ['firstSeen', 'first seen'],
    ['connections', 'connections'],
    ['network', 'network'],
    ['label', 'label'],
    ['stack', 'stack'],
  ],
  labels: [
    ['connections', 'connections'],
    ['networks', 'networks'],
    ['label', 'label'],
    ['family', 'family'],
  ],
}

/** Accounts of a row that are printed for people. */
const MOST_ACCOUNTS = 5

function cell(value: unknown): string {
  if (value === undefined || value === '') return '-'
  if (!Array.isArray(value)) return printable(String(value))
  if (value.length === 0) return '-'
  const shown = value.slice(0, MOST_ACCOUNTS).map((one) => printable(String(one)))
  return value.length > shown.length ? `${shown.join(', ')} and ${value.length - shown.length} more` : shown.join(', ')
}

function table(question: string, rows: readonly Row[]): string {
  const columns = COLUMNS[question]!
  const lines = [
    columns.map(([, heading]) => heading),
    ...rows.map((row) => columns.map(([member]) => cell(row[member]))),
  ]
  const widths = columns.map((_, i) => Math.min(48, Math.max(...lines.slice(0, 1000).map((line) => line[i]!.length))))
  return lines
    .map(
      (line) =>
        `${line
          .map((text, i) => text.padEnd(widths[i]!))
          .join('  ')
          .trimEnd()}\n`,
    )
    .join('')
}

function days(args: Arguments): number {
  const text = args.get('days') ?? '7'
  const value = Number(text)
  if (!/^\d+$/.test(text) || value < 1 || value > 36_500) {
    throw new UsageError(`Option "--days" needs a number from 1 to 36500: "${printable(text)}"`)
  }
  return value
}

/** Runs the command; returns its exit code. */
export async function run(args: Arguments, io: Io): Promise<number> {
  const [question = '', subject, ...more] = args.operands
  if (!Object.hasOwn(COLUMNS, question))
    throw new UsageError('"history" needs "hosts ADDRESS", "stacks ACCOUNT" or "labels"')
  const wants = question === 'labels' ? 0 : 1
  if ((subject === undefined ? 0 : 1) + more.length !== wants) {
    throw new UsageError(`"history ${question}" takes ${wants === 0 ? 'no argument' : 'one argument'}`)
  }
  const period = { days: days(args) }
  const url = args.get('store')
  if (url === undefined) throw new UsageError('"history" needs "--store URL"')
  const { sqlitePath } = await import('../../store/options.ts')
  const file = sqlitePath(url)
  // Opening would make it; `:memory:` is no file.
  if (url.startsWith('sqlite:') && !file.startsWith(':') && !existsSync(file)) {
    io.warn(`Cannot open "${printable(file)}": there is no such file`)
    return 1
  }
  const store = await openStoreOf(url, io)
  try {
    await whenOpen(store, url)
    const answer: readonly object[] =
      question === 'hosts'
        ? await store.hosts(subject!, period)
        : question === 'stacks'
          ? await store.stacks(subject!, period)
          : await store.labels(period)
    const rows = answer as readonly Row[]
    if (args.has('json')) for (const row of rows) io.out.text(`${JSON.stringify(row)}\n`)
    else if (rows.length > 0) io.out.text(table(question, rows))
    else io.out.text('Nothing is kept of that in these days.\n')
    return 0
  } finally {
    await store.close()
  }
}
