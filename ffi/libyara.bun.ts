/**
 * `Libyara` over `bun:ffi`.
 * @module
 */
import { LIBYARA_NAMES, type Libyara, type LibyaraUnavailable, libyaraMissing } from './libyara.ts'

type BunFfi = typeof import('bun:ffi')
type Pointer = import('bun:ffi').Pointer

const SYMBOLS = {
  yr_initialize: { args: [], returns: 'i32' },
  yr_compiler_create: { args: ['buffer'], returns: 'i32' },
  yr_compiler_destroy: { args: ['u64'], returns: 'void' },
  yr_compiler_set_callback: { args: ['u64', 'u64', 'u64'], returns: 'void' },
  yr_compiler_add_string: { args: ['u64', 'buffer', 'u64'], returns: 'i32' },
  yr_compiler_define_integer_variable: { args: ['u64', 'buffer', 'i64'], returns: 'i32' },
  yr_compiler_define_string_variable: { args: ['u64', 'buffer', 'buffer'], returns: 'i32' },
  yr_compiler_get_rules: { args: ['u64', 'buffer'], returns: 'i32' },
  yr_rules_destroy: { args: ['u64'], returns: 'i32' },
  yr_rule_disable: { args: ['u64'], returns: 'void' },
  yr_rule_enable: { args: ['u64'], returns: 'void' },
  yr_scanner_create: { args: ['u64', 'buffer'], returns: 'i32' },
  yr_scanner_destroy: { args: ['u64'], returns: 'void' },
  yr_scanner_set_callback: { args: ['u64', 'u64', 'u64'], returns: 'void' },
  yr_scanner_set_flags: { args: ['u64', 'i32'], returns: 'void' },
  yr_scanner_set_timeout: { args: ['u64', 'i32'], returns: 'void' },
  yr_scanner_define_integer_variable: { args: ['u64', 'buffer', 'i64'], returns: 'i32' },
  yr_scanner_define_string_variable: { args: ['u64', 'buffer', 'buffer'], returns: 'i32' },
  yr_scanner_scan_mem: { args: ['u64', 'buffer', 'u64'], returns: 'i32' },
} as const

/** libyara, or why there is none. Opened at each call: the labeller asks once. */
export function openLibyara(names: readonly string[] = LIBYARA_NAMES): Libyara | LibyaraUnavailable {
  const ffi = process.getBuiltinModule?.('bun:ffi') as BunFfi | undefined
  if (ffi === undefined) return { message: 'bun:ffi cannot be loaded: this is not Bun' }
  const failures: string[] = []
  for (const name of names) {
    try {
      return bind(ffi, name)
    } catch (error) {
      failures.push(error instanceof Error ? error.message : String(error))
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
