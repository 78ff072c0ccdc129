/**
 * Files of one record a line, as `learn` and `evaluate` take them.
 * @module
 */
import { plural, printable } from '../base/text.ts'
import { LONGEST_LINE, openSource, readLines, type Source } from './input.ts'
import type { Io } from './io.ts'
import { errorCode, systemReason } from './system.ts'

/** Messages about the lines of one file. */
const MOST_MESSAGES = 20

/** What came of a file. */
export interface RowsRead {
  /** False if there was no file to read. */
  readonly opened: boolean
  /** Lines that were refused, and the file itself where it cannot be opened or read to its end. */
  readonly bad: number
}

/**
 * Reads a file, or standard input for `-`, line by line, and says on standard error what is wrong with it.
 *
 * @param take gets each line with its number, from 1, and gives what is wrong with it
 */
export function readRows(path: string, io: Io, take: (text: string, line: number) => string | undefined): RowsRead {
  const name = printable(path)
  let source: Source
  try {
    source = openSource(path)
  } catch (error) {
    io.warn(`${name}: Cannot read it: ${systemReason(error)}`)
    return { opened: false, bad: 1 }
  }
  let line = 0
  let refused = 0
  let bad = 0
  const next = (text: string | undefined, octets: number): void => {
    line += 1
    const problem = text === undefined ? `a line of ${octets} octets, more than ${LONGEST_LINE}` : take(text, line)
    if (problem === undefined) return
    refused += 1
    if (refused <= MOST_MESSAGES) io.warn(`${name}:${line}: ${printable(problem)}`)
  }
  try {
    readLines(source.fd, next, () => {}, 'utf8')
  } catch (error) {
    if (errorCode(error) === '') throw error
    io.warn(`${name}: Cannot read on: ${systemReason(error)}`)
    bad = 1
  } finally {
    source.close()
  }
  if (refused > MOST_MESSAGES) io.warn(`${name}: ${plural(refused - MOST_MESSAGES, 'more bad record')}`)
  return { opened: true, bad: bad + refused }
}
