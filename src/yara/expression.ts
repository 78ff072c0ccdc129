/**
 * Integer expressions of conditions: what they are of one SYN.
 * @module
 */

/** What a rule sees. */
export interface Seen {
  readonly octets: Uint8Array
  /** The octets, a character each. */
  readonly text: string
  variable(name: string): string | number
}

/** An integer that a condition reads. */
export interface Expression {
  /** As it is written, without spaces. */
  readonly text: string
  /** Its value where it is the same of every SYN. */
  readonly constant: number | undefined
  /** False where it may have no value: beyond the end of the octets. */
  readonly isDefined: boolean
  /** No value is further from 0. */
  readonly most: number
  value(seen: Seen): number | undefined
}

/** What doubles and 32-bit operators compute exactly. */
const MOST_EXACT = 2 ** 52
const MOST_BITS = 2 ** 31 - 1
/** Of a variable. */
const MOST_VARIABLE = 2 ** 32

interface Operator {
  readonly rank: number
  readonly most: number
  compute(a: number, b: number): number
}

/** By rank as in YARA's grammar. Division is left out: it may have no value. What is rare is, too. */
const OPERATORS: Readonly<Record<string, Operator>> = {
  '&': { rank: 3, most: MOST_BITS, compute: (a, b) => a & b },
  '>>': { rank: 4, most: MOST_BITS, compute: (a, b) => (b < 64 ? a >> Math.min(b, 31) : 0) },
  '+': { rank: 5, most: MOST_EXACT, compute: (a, b) => a + b },
  '-': { rank: 5, most: MOST_EXACT, compute: (a, b) => a - b },
  '*': { rank: 6, most: MOST_EXACT, compute: (a, b) => a * b },
}
const READ = /^(u?)int(8|16|32)(be)?$/

/** `undefined` where it is not understood, or might not be computed exactly. @param isNumber if an external variable is a number */
export function expressionOf(
  tokens: readonly string[],
  isNumber: (name: string) => boolean | undefined,
): Expression | undefined {
  let at = 0
  const inParentheses = (): Expression | undefined => {
    if (tokens[at++] !== '(') return undefined
    const inner = operation(0)
    return tokens[at++] === ')' ? inner : undefined
  }
  const primary = (): Expression | undefined => {
    const token = tokens[at] ?? ''
    if (token === '(') return inParentheses()
    at++
    if (token === '-') {
      const { constant } = primary() ?? {}
      return constant === undefined ? undefined : constantOf(-constant)
    }
    if (/^(?:0x[\da-f]+|\d+)$/i.test(token)) return constantOf(Number(token))
    if (token === 'filesize') return { ...UNNAMED, text: token, value: ({ octets }) => octets.length }
    if (isNumber(token) === true) return { ...UNNAMED, text: token, value: (seen) => seen.variable(token) as number }
    const [, unsigned, bits, order] = READ.exec(token) ?? []
    const place = bits === undefined ? undefined : inParentheses()
    return place && readOf(token, place, Number(bits) / 8, order === undefined, unsigned === '')
  }
  const operation = (least: number): Expression | undefined => {
    let left = primary()
    for (;;) {
      const sign = tokens[at]!
      const operator = Object.hasOwn(OPERATORS, sign) ? OPERATORS[sign]! : undefined
      if (left === undefined || operator === undefined || operator.rank <= least) return left
      at++
      left = combined(left, sign, operator, operation(operator.rank))
    }
  }
  const found = operation(0)
  return at === tokens.length && found !== undefined && found.most <= MOST_EXACT ? found : undefined
}

const UNNAMED = { constant: undefined, isDefined: true, most: MOST_VARIABLE }

function constantOf(value: number): Expression {
  return { text: String(value), constant: value, isDefined: true, most: Math.abs(value), value: () => value }
}

function combined(
  left: Expression,
  sign: string,
  { compute, most }: Operator,
  right: Expression | undefined,
): Expression | undefined {
  if (right === undefined) return undefined
  const reach = sign === '*' ? left.most * right.most : left.most + right.most
  if (left.most > most || right.most > most || reach > MOST_EXACT) return undefined
  if (sign === '>>' && !(right.constant! >= 0)) return undefined
  if (left.constant !== undefined && right.constant !== undefined)
    return constantOf(compute(left.constant, right.constant))
  return {
    text: `(${left.text}${sign}${right.text})`,
    constant: undefined,
    isDefined: left.isDefined && right.isDefined,
    most: reach,
    value: (seen) => {
      const [a, b] = [left.value(seen), right.value(seen)]
      return a === undefined || b === undefined ? undefined : compute(a, b)
    },
  }
}

/** `uint8` to `int32be`: no value beyond the end. */
function readOf(name: string, place: Expression, width: number, isLittle: boolean, isSigned: boolean): Expression {
  const most = 256 ** width
  return {
    text: `${name}(${place.text})`,
    constant: undefined,
    isDefined: false,
    most: most - 1,
    value: (seen) => {
      const { octets } = seen
      const at = place.value(seen)
      if (at === undefined || at < 0 || at + width > octets.length) return undefined
      let value = 0
      for (let i = 0; i < width; i++) value = value * 256 + octets[isLittle ? at + width - 1 - i : at + i]!
      return isSigned && value >= most / 2 ? value - most : value
    },
  }
}
