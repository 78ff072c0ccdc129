/**
 * `Libyara` over `Deno.dlopen`. Needs `--allow-ffi`.
 * @module
 */
import { toError } from '../src/base/report-once.ts'
import { wide } from './libc.deno.ts'
import { symbolsOf } from './libc.ts'
import { CALLS, LIBYARA_NAMES, type Libyara, type LibyaraUnavailable, libyaraMissing } from './libyara.ts'

/** A type of `CALLS` as Deno names it. */
const TYPES = { i: 'i32', l: 'i64', a: 'usize', b: 'buffer', v: 'void' } as const
const SYMBOLS = symbolsOf(CALLS, TYPES, (parameters, result) => ({ parameters, result }))

/** What is used of Deno. */
interface DenoFfi {
  readonly permissions: { querySync(one: { name: 'ffi'; path: string }): { readonly state: string } }
  readonly dlopen: (path: string, symbols: typeof SYMBOLS) => { readonly symbols: unknown }
  readonly UnsafeCallback: new (
    definition: { readonly parameters: readonly string[]; readonly result: string },
    callback: (...values: never[]) => unknown,
  ) => { readonly pointer: unknown }
  readonly UnsafePointer: { create(address: bigint): object | null; value(pointer: unknown): bigint | number }
  readonly UnsafePointerView: new (
    pointer: object,
  ) => { getBigUint64(): bigint; getInt32(): number; getCString(): string }
}

/** Calls of which numbers of 64 bits are bigints. */
interface WideCalls {
  yr_scanner_define_integer_variable(scanner: bigint, name: Uint8Array, value: bigint): number
  yr_scanner_define_string_variable(scanner: bigint, name: Uint8Array, value: Uint8Array): number
  yr_scanner_scan_mem(scanner: bigint, octets: Uint8Array, count: bigint): number
}

/** libyara, or why there is none. Opened at each call: the labeller asks once. */
export function openLibyara(names: readonly string[] = LIBYARA_NAMES): Libyara | LibyaraUnavailable {
  const deno = (globalThis as { readonly Deno?: DenoFfi }).Deno
  if (deno === undefined) return { message: 'Deno.dlopen cannot be had: this is not Deno' }
  const failures: string[] = []
  for (const name of names) {
    // Asked before the attempt: a server must not stop at a question on its terminal.
    if (deno.permissions.querySync({ name: 'ffi', path: name }).state !== 'granted') {
      failures.push(`${name}: Deno needs --allow-ffi`)
      continue
    }
    try {
      return bind(deno, name)
    } catch (error) {
      failures.push(toError(error).message)
    }
  }
  return libyaraMissing(failures)
}

function bind(deno: DenoFfi, name: string): Libyara {
  const { UnsafeCallback, UnsafePointer, UnsafePointerView } = deno
  const at = (address: number): InstanceType<DenoFfi['UnsafePointerView']> => {
    const pointer = UnsafePointer.create(BigInt(address))
    if (pointer === null) throw new Error('Cannot read memory: the address is 0')
    return new UnsafePointerView(pointer)
  }
  // Addresses below 2^53 come as numbers or as bigints, by the version of Deno.
  type Word = number | bigint
  const calls = deno.dlopen(name, SYMBOLS).symbols as Libyara & WideCalls
  const { yr_scanner_define_integer_variable: defineInteger, yr_scanner_define_string_variable: defineText } = calls
  const { yr_scanner_scan_mem: scan } = calls
  return {
    ...calls,
    // Those of each scan. See `wide`.
    yr_scanner_define_integer_variable: (scanner, variable, value) =>
      defineInteger(wide(scanner), variable, BigInt(value)),
    yr_scanner_define_string_variable: (scanner, variable, value) => defineText(wide(scanner), variable, value),
    yr_scanner_scan_mem: (scanner, octets, count) => scan(wide(scanner), octets, wide(count)),
    onCompile: (callback) => {
      const { pointer } = new UnsafeCallback(
        { parameters: ['i32', 'usize', 'i32', 'usize', 'usize', 'usize'], result: 'void' },
        (severity: number, file: Word, line: number, rule: Word, message: Word) =>
          callback(severity, Number(file), line, Number(rule), Number(message)),
      )
      return Number(UnsafePointer.value(pointer))
    },
    onScan: (callback) => {
      const { pointer } = new UnsafeCallback(
        { parameters: ['usize', 'i32', 'usize', 'usize'], result: 'i32' },
        (_: Word, message: number, data: Word) => callback(message, Number(data)),
      )
      return Number(UnsafePointer.value(pointer))
    },
    pointer: (address) => Number(at(address).getBigUint64()),
    int32: (address) => at(address).getInt32(),
    text: (address) => (address === 0 ? '' : at(address).getCString()),
  }
}
