/**
 * `tcpfingerprint learn`: a p0f v3 database from logged fingerprints with a known sender.
 * @module
 */

import { plural, printable } from '../../base/text.ts'
import { createLearner, type LearnError, type Learner, type LearnOptions } from '../../label/learn/learner.ts'
import { type Arguments, UsageError } from '../args.ts'
import { LONGEST_LINE, openSource, readLines, type Source } from '../input.ts'
import type { Io } from '../io.ts'
import { errorCode, systemReason } from '../system.ts'

/** Messages about one file on standard error. */
const MOST_MESSAGES = 20
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

/** Runs the command; returns its exit code. */
export function run(args: Arguments, io: Io): number {
  if (args.operands.length === 0) throw new UsageError('No file of records given ("-" is standard input)')
  const learner = learnerFor(args)
  let bad = 0
  let passedOver = 0
  for (const path of args.operands) {
    const name = printable(path)
    let messages = 0
    const complain = (line: number, message: string): void => {
      bad += 1
      messages += 1
      if (messages <= MOST_MESSAGES) io.warn(`${name}:${line}: ${printable(message)}`)
    }
    let source: Source
    try {
      source = openSource(path)
    } catch (error) {
      io.warn(`${name}: Cannot read it: ${systemReason(error)}`)
      bad += 1
      continue
    }
    let line = 0
    try {
      readLines(
        source.fd,
        (text, octets) => {
          line += 1
          if (text === undefined) {
            complain(line, `a line of ${octets} octets, more than ${LONGEST_LINE}`)
            return
          }
          const learnt = learner.add(text)
          if (learnt === undefined || learnt.ok) return
          if (PASSED_OVER.includes(learnt.error.reason)) passedOver += 1
          else complain(line, `${learnt.error.reason}: ${learnt.error.message}`)
        },
        () => {},
        'utf8',
      )
    } catch (error) {
      if (errorCode(error) === '') throw error
      io.warn(`${name}: Cannot read on: ${systemReason(error)}`)
      bad += 1
    } finally {
      source.close()
    }
    if (messages > MOST_MESSAGES) io.warn(`${name}: ${messages - MOST_MESSAGES} more bad records`)
  }
  const { text, counts, conflicts, belowMinimum, learned } = learner.finish()
  io.out.text(text)
  const parts = [`${plural(counts.length, 'signature')} from ${plural(learned, 'SYN')}`]
  if (passedOver > 0) parts.push(`${plural(passedOver, 'record')} without a fingerprint or a known sender`)
  if (belowMinimum > 0) parts.push(`${plural(belowMinimum, 'signature')} seen too seldom`)
  if (conflicts.length > 0) parts.push(`${plural(conflicts.length, 'signature')} seen under several labels`)
  io.warn(parts.join('; '))
  return bad > 0 ? 1 : 0
}
