/**
 * The calls of libyara 4 that the labeller makes, as TypeScript types. A runtime supplies them (`libyara.bun.ts`,
 * `libyara.deno.ts`). Addresses are numbers; texts are octets that end with a NUL.
 *
 * @see {@link https://yara.readthedocs.io/en/v4.2.0/capi.html YARA's C interface}
 * @module
 */

/** Called by libyara while it compiles: severity (0 is an error), file name, line, rule, message, user data. */
export type OnCompile = (severity: number, file: number, line: number, rule: number, message: number) => void
/** Called by libyara while it scans: what has happened, and the rule. 0 goes on, 1 ends the scan. */
export type OnScan = (message: number, data: number) => number

/** libyara as the labeller uses it. Return values are libyara's: 0 is success. */
export interface Libyara {
  yr_initialize(): number
  /** Writes the compiler's address to eight octets. */
  yr_compiler_create(compiler: BigUint64Array): number
  yr_compiler_destroy(compiler: number): void
  yr_compiler_set_callback(compiler: number, callback: number, userData: number): void
  /** Number of errors. */
  yr_compiler_add_string(compiler: number, rules: Uint8Array, namespace: number): number
  yr_compiler_define_integer_variable(compiler: number, name: Uint8Array, value: number): number
  yr_compiler_define_string_variable(compiler: number, name: Uint8Array, value: Uint8Array): number
  yr_compiler_get_rules(compiler: number, rules: BigUint64Array): number
  yr_rules_destroy(rules: number): number
  /** Leaves a rule out of all scans with the compiled rules that it belongs to. */
  yr_rule_disable(rule: number): void
  /** Takes it back. */
  yr_rule_enable(rule: number): void
  yr_scanner_create(rules: number, scanner: BigUint64Array): number
  yr_scanner_destroy(scanner: number): void
  yr_scanner_set_callback(scanner: number, callback: number, userData: number): void
  yr_scanner_set_flags(scanner: number, flags: number): void
  /** Seconds. */
  yr_scanner_set_timeout(scanner: number, seconds: number): void
  yr_scanner_define_integer_variable(scanner: number, name: Uint8Array, value: number): number
  yr_scanner_define_string_variable(scanner: number, name: Uint8Array, value: Uint8Array): number
  yr_scanner_scan_mem(scanner: number, octets: Uint8Array, length: number): number
  /** Address of a function that libyara may call. It stays for as long as the process. */
  onCompile(callback: OnCompile): number
  onScan(callback: OnScan): number
  /** The 64-bit word at an address, as an address. */
  pointer(address: number): number
  /** The 32-bit word at an address, signed. */
  int32(address: number): number
  /** The text at an address, up to its NUL. */
  text(address: number): string
}

/** What each call returns, then what it takes: i 32 bits, l 64 bits, both signed, a an address or a count, b octets, v nothing. */
export const CALLS = {
  yr_initialize: 'i',
  yr_compiler_create: 'ib',
  yr_compiler_destroy: 'va',
  yr_compiler_set_callback: 'vaaa',
  yr_compiler_add_string: 'iaba',
  yr_compiler_define_integer_variable: 'iabl',
  yr_compiler_define_string_variable: 'iabb',
  yr_compiler_get_rules: 'iab',
  yr_rules_destroy: 'ia',
  yr_rule_disable: 'va',
  yr_rule_enable: 'va',
  yr_scanner_create: 'iab',
  yr_scanner_destroy: 'va',
  yr_scanner_set_callback: 'vaaa',
  yr_scanner_set_flags: 'vai',
  yr_scanner_set_timeout: 'vai',
  yr_scanner_define_integer_variable: 'iabl',
  yr_scanner_define_string_variable: 'iabb',
  yr_scanner_scan_mem: 'iaba',
} as const

/** Why libyara cannot be had, for people. */
export interface LibyaraUnavailable {
  readonly message: string
}

/** Names of the library: that of 4.3 and newer, that of 4.2 (Debian 12, package libyara9). */
export const LIBYARA_NAMES: readonly string[] = ['libyara.so.10', 'libyara.so.9', 'libyara.so']

/** What is said where none of them can be opened. */
export function libyaraMissing(failures: readonly string[]): LibyaraUnavailable {
  return { message: `libyara cannot be opened (Debian package libyara9, Alpine yara): ${failures.join('; ')}` }
}
