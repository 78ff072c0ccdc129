/**
 * `Libyara` over `bun:ffi`.
 * @module
 */
import { toError } from '../src/base/report-once.ts'
import { symbolsOf } from './libc.ts'
import { CALLS, LIBYARA_NAMES, type Libyara, type LibyaraUnavailable, libyaraMissing } from './libyara.ts'

type BunFfi = typeof import('bun:ffi')
type Pointer = import('bun:ffi').Pointer

/** A type of {@link CALLS} as `bun:ffi` names it. */
const TYPES = { i: 'i32', l: 'i64', a: 'u64', b: 'buffer', v: 'void' } as const
const SYMBOLS = symbolsOf(CALLS, TYPES, (args, returns) => ({ args, returns }))

/** libyara, or why there is none. Opened at each call: the labeller asks once. */
export function openLibyara(names: readonly string[] = LIBYARA_NAMES): Libyara | LibyaraUnavailable {
  const ffi = process.getBuiltinModule?.('bun:ffi') as BunFfi | undefined
  if (ffi === undefined) return { message: 'bun:ffi cannot be loaded: this is not Bun' }
  const failures: string[] = []
  for (const name of names) {
    try {
      return bind(ffi, name)
    } catch (error) {
      failures.push(toError(error).message)
    }
  }
  return libyaraMissing(failures)
}

function bind(ffi: BunFfi, name: string): Libyara {
  const { JSCallback, CString, read, dlopen } = ffi
  return {
    ...(dlopen(name, SYMBOLS).symbols as unknown as Libyara),
    onCompile: (callback) =>
      Number(new JSCallback(callback, { args: ['i32', 'ptr', 'i32', 'ptr', 'ptr', 'ptr'], returns: 'void' }).ptr ?? 0),
    onScan: (callback) =>
      Number(
        new JSCallback((_: number, message: number, data: number) => callback(message, data), {
          args: ['ptr', 'i32', 'ptr', 'ptr'],
          returns: 'i32',
        }).ptr ?? 0,
      ),
    pointer: (address) => read.ptr(address as Pointer, 0),
    int32: (address) => read.i32(address as Pointer, 0),
    text: (address) => (address === 0 ? '' : new CString(address as Pointer).toString()),
  }
}
