/**
 * `tcpfingerprint learn`: a p0f v3 database from logged fingerprints with a known sender.
 * @module
 */

import { plural, printable } from '../../base/text.ts'
import { evaluationRow } from '../../label/evaluation-row.ts'
import { createLearner, type LearnError, type Learner, type LearnOptions } from '../../label/learn/learner.ts'
import type { Learnt } from '../../label/learn/record.ts'
import { type Arguments, UsageError } from '../args.ts'
import type { CommandHelp } from '../command.ts'
import type { Io } from '../io.ts'
import { readRows } from '../read-rows.ts'

/** What `--help` says. */
export const help: CommandHelp = {
  usage: [
    '[--label-column NAME]',
    '[--no-headers]',
    '[--min-count N]',
    '[--conflicts omit|generic]',
    '[--majority SHARE]',
    '[--exact-mss]',
    '[--rows]',
    '[--max-signatures N]',
    'FILE...',
  ],
  description: [
    'Reads records of one JSON object a line ("-" is standard input): lines of "parse --json", answers of /json, JSON access logs. Writes a p0f v3 database to standard output that --p0f-db and p0f itself load, each signature with the number of SYNs that had it.',
    'A record needs a fingerprint (the SYN in hexadecimal, or the p0f string) and a sender: the text in the label column, else the platform told by Sec-CH-UA-Platform and User-Agent. A label is "NAME", or as in p0f "s:unix:Linux:5.x".',
    'Records that cannot be read are told by file and line; records without a fingerprint or sender are counted.',
  ],
  options: [
    {
      name: 'label-column',
      value: 'NAME',
      help: 'where a record holds its label, with dots for\nnested objects (default "label")',
    },
    { name: 'no-headers', help: 'do not take labels from headers' },
    { name: 'min-count', value: 'N', help: 'leave out signatures of fewer SYNs (default 1)' },
    {
      name: 'conflicts',
      value: 'omit|generic',
      help: 'what becomes of a signature under several\nlabels: left out (default), or a last resort\nfor the commonest of them',
    },
    {
      name: 'majority',
      value: 'SHARE',
      help: 'share of SYNs, over 0.5, that settles a conflict\n(default 1: all of them)',
    },
    {
      name: 'rows',
      help: 'write rows for "evaluate" instead of a database:\nSYNs with other addresses and no checksums',
    },
    { name: 'exact-mss', help: 'keep the MSS, which routers lower (default: any)' },
    { name: 'max-signatures', value: 'N', help: 'signatures kept in memory (default 100000)' },
  ],
  examples: [
    [
      'tcpfingerprint learn --label-column model --min-count 3 log.ndjson > devices.fp',
      'signatures of devices that an inventory names',
    ],
    ['tcpfingerprint parse --json --p0f-db devices.fp - < syns.txt', 'use them'],
  ],
}

/** Records that teach nothing and are no mistakes: logs hold requests without a fingerprint, and of unknown senders. */
const PASSED_OVER: readonly LearnError['reason'][] = ['no-fingerprint', 'no-label']

function number(args: Arguments, name: string): number | undefined {
  const text = args.get(name)
  if (text === undefined) return undefined
  const value = Number(text)
  if (text.trim() === '' || Number.isNaN(value)) {
    throw new UsageError(`Option "--${name}" needs a number: "${printable(text)}"`)
  }
  return value
}

function learnerFor(args: Arguments): Learner {
  const labelColumn = args.get('label-column')
  const minimumCount = number(args, 'min-count')
  const majority = number(args, 'majority')
  const maxSignatures = number(args, 'max-signatures')
  const conflicts = args.get('conflicts')
  if (conflicts !== undefined && conflicts !== 'omit' && conflicts !== 'generic') {
    throw new UsageError(`Option "--conflicts" needs "omit" or "generic": "${printable(conflicts)}"`)
  }
  const options: LearnOptions = {
    ...(labelColumn === undefined ? undefined : { labelColumn }),
    ...(minimumCount === undefined ? undefined : { minimumCount }),
    ...(majority === undefined ? undefined : { majority }),
    ...(maxSignatures === undefined ? undefined : { maxSignatures }),
    ...(conflicts === undefined ? undefined : { conflicts }),
    ...(args.has('exact-mss') ? { mss: 'exact' } : undefined),
    ...(args.has('no-headers') ? { fromHeaders: false } : undefined),
  }
  try {
    return createLearner(options)
  } catch (error) {
    if (error instanceof TypeError) throw new UsageError(error.message)
    throw error
  }
}

/** A row for `evaluate`: `s:linux:Linux:5.x` is right where a label contains `Linux`. A record without octets gives none. */
function writeRow({ label, syn }: Learnt, io: Io): void {
  if (syn !== undefined) io.out.text(`${JSON.stringify(evaluationRow(syn, [label.split(':')[2]!]))}\n`)
}

/** Runs the command; returns its exit code. */
export function run(args: Arguments, io: Io): number {
  if (args.operands.length === 0) throw new UsageError('No file of records given ("-" is standard input)')
  const learner = learnerFor(args)
  const rows = args.has('rows')
  let bad = 0
  let passedOver = 0
  for (const path of args.operands) {
    const read = readRows(path, io, (text) => {
      const learnt = learner.add(text)
      if (learnt === undefined) return undefined
      if (learnt.ok) {
        if (rows) writeRow(learnt.value, io)
        return undefined
      }
      const { reason, message } = learnt.error
      if (!PASSED_OVER.includes(reason)) return `${reason}: ${message}`
      passedOver += 1
      return undefined
    })
    bad += read.bad
  }
  const { text, counts, conflicts, belowMinimum, learned } = learner.finish()
  if (!rows) io.out.text(text)
  const parts = [`${plural(counts.length, 'signature')} from ${plural(learned, 'SYN')}`]
  if (passedOver > 0) parts.push(`${plural(passedOver, 'record')} without a fingerprint or a known sender`)
  if (belowMinimum > 0) parts.push(`${plural(belowMinimum, 'signature')} seen too seldom`)
  if (conflicts.length > 0) parts.push(`${plural(conflicts.length, 'signature')} seen under several labels`)
  io.warn(parts.join('; '))
  return bad > 0 ? 1 : 0
}
