/**
 * The hexadecimal text that `parse` and `info` are given: arguments, or lines of standard input.
 * @module
 */
import { isatty } from 'node:tty'
import type { DecodeError } from '../wire/errors.ts'
import type { Arguments } from './args.ts'
import { LONGEST_LINE, readLines } from './input.ts'
import type { Io } from './io.ts'
import { errorCode, systemReason } from './system.ts'

/** Answers one piece of hexadecimal text; `place` names it in messages. Returns whether it was good. */
export type Answer = (text: string, place: string) => boolean

/** Answers text that was too long to be read. */
export type Refuse = (error: DecodeError, place: string) => void

/**
 * Hands every operand, and every line of standard input for `-` or without operands, to `answer` in order, the
 * output being written whenever more input has to be waited for.
 *
 * @returns the exit code.
 */
export function forEachInput(args: Arguments, io: Io, what: string, answer: Answer, refuse: Refuse): number {
  let bad = false
  const operands = args.operands.length === 0 ? ['-'] : args.operands
  const many = operands.length > 1
  operands.forEach((operand, index) => {
    if (operand !== '-') {
      if (!answer(operand, many ? `argument ${index + 1}` : 'argument')) bad = true
      return
    }
    if (isatty(0)) io.warn(`Reading from the terminal: one ${what} in hexadecimal a line, Ctrl-D ends`)
    let number = 0
    const line = (text: string | undefined, octets: number): void => {
      number += 1
      if (text === undefined) {
        refuse({ reason: 'too-long', offset: LONGEST_LINE, available: octets }, `line ${number}`)
        bad = true
      } else if (!answer(text, `line ${number}`)) {
        bad = true
      }
    }
    try {
      readLines(0, line, () => io.out.flush())
    } catch (error) {
      if (errorCode(error) === '') throw error
      io.warn(`Cannot read standard input: ${systemReason(error)}`)
      bad = true
    }
  })
  return bad ? 1 : 0
}
