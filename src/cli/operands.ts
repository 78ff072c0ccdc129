/**
 * The hexadecimal text that `parse` and `info` are given: arguments, or lines of standard input.
 * @module
 */
import { isatty } from 'node:tty'
import { HexDumpReader, type Wholeness } from '../base/hex-dump.ts'
import type { DecodeError } from '../wire/errors.ts'
import type { Arguments } from './args.ts'
import { LONGEST_LINE, readLines } from './input.ts'
import type { Io } from './io.ts'
import { errorCode, systemReason } from './system.ts'

/** What a command does with its input. */
export interface InputHandler {
  /** What a dump is, in words. */
  readonly what: string
  /** Answers a dump; `place` names it in messages, `rows` is true if it came in rows. Returns true if it was good. */
  answer(text: string, place: string, rows: boolean): boolean
  /** Answers text that was too long to be read. */
  refuse(error: DecodeError, place: string): void
  /** See {@link HexDumpReader}. */
  wholeness(digits: string): Wholeness
}

/**
 * Hands every operand, and every dump of standard input for `-` or without operands, to `answer` in order, the output being
 * written whenever more input has to be waited for. See {@link HexDumpReader} for what is a dump.
 *
 * @returns the exit code.
 */
export function forEachInput(args: Arguments, io: Io, handler: InputHandler): number {
  let bad = false
  const answer = (text: string, place: string, rows = false): void => {
    if (!handler.answer(text, place, rows)) bad = true
  }
  const operands = args.operands.length === 0 ? ['-'] : args.operands
  const many = operands.length > 1
  operands.forEach((operand, index) => {
    if (operand !== '-') {
      const place = many ? `argument ${index + 1}` : 'argument'
      if (!operand.includes('\n')) {
        answer(operand, place)
        return
      }
      const reader = new HexDumpReader(
        ({ text, line, rows }) => answer(text, `${place}, line ${line}`, rows),
        handler.wholeness,
      )
      for (const line of operand.trimEnd().split('\n')) reader.line(line)
      reader.end()
      return
    }
    if (isatty(0)) io.warn(`Reading from the terminal: one ${handler.what} in hexadecimal a line, Ctrl-D ends`)
    let number = 0
    const reader = new HexDumpReader(({ text, line, rows }) => answer(text, `line ${line}`, rows), handler.wholeness)
    const line = (text: string | undefined, octets: number): void => {
      number += 1
      if (text !== undefined) {
        reader.line(text)
        return
      }
      reader.skip()
      handler.refuse({ reason: 'too-long', offset: LONGEST_LINE, available: octets }, `line ${number}`)
      bad = true
    }
    const idle = (): void => {
      reader.pause()
      io.out.flush()
    }
    try {
      readLines(0, line, idle)
    } catch (error) {
      if (errorCode(error) === '') throw error
      io.warn(`Cannot read standard input: ${systemReason(error)}`)
      bad = true
    }
    reader.end()
  })
  return bad ? 1 : 0
}
