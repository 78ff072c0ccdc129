/**
 * `struct tcp_info` as a table for people.
 * @module
 */
import { plural } from '../../base/text.ts'
import { explainTcpInfo } from '../../explain/tcp-info.ts'
import { TCP_INFO_FIELDS, TCP_INFO_LENGTH, type TcpInfo } from '../../wire/tcp-info.ts'
import { palette } from './color.ts'

/**
 * The fields of a dump, each a line: name, value, unit, meaning.
 *
 * @param octets length of the dump, which decides what is there.
 */
export function formatTcpInfo(info: TcpInfo, octets: number, color: boolean): string {
  const paint = palette(color)
  const rows = explainTcpInfo(info)
  const missing = TCP_INFO_FIELDS.length - rows.length
  const isNumber = (value: string): boolean => /^[\d ]+$/.test(value)
  const width = (texts: readonly string[]): number => Math.max(0, ...texts.map((text) => text.length))
  const names = width(rows.map(({ name }) => name))
  const values = width(rows.map(({ value }) => value).filter(isNumber))
  const units = width(rows.map(({ unit }) => unit))
  const lines = rows.map(({ name, value, unit, meaning }) => {
    // Words take the room of number and unit together.
    const fact = isNumber(value) ? `${value.padStart(values)}  ${unit.padEnd(units)}` : value.padEnd(values + 2 + units)
    return `  ${paint.cyan(name.padEnd(names))}  ${fact}  ${paint.dim(meaning)}`
  })
  const size =
    octets === TCP_INFO_LENGTH || missing === 0
      ? plural(octets, 'octet')
      : `${plural(octets, 'octet')}, with ${rows.length} of ${TCP_INFO_FIELDS.length} fields: an older kernel, or a short buffer`
  return `${paint.bold('struct tcp_info')}, ${size}\n${lines.join('\n')}${lines.length > 0 ? '\n' : ''}`
}
