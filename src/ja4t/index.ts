/**
 * JA4T: `window_kinds_mss_scale`.
 *
 * JA4T is part of JA4+, Copyright (c) 2024 FoxIO, LLC, patent pending, licensed under the FoxIO License 1.1: see `LICENSE`
 * and `NOTICE` in this folder. It does not allow monetization, and is not the licence of the rest of this package. Nothing
 * else in the package imports this file.
 *
 * SPDX-License-Identifier: LicenseRef-FoxIO-1.1
 * @module
 */

import { decodedSyn, type Syn } from '../wire/syn.ts'

/** Two digits at least; absent and zero are `00`. */
function twoDigits(value: number | undefined): string {
  return value === undefined ? '00' : String(value).padStart(2, '0')
}

/**
 * JA4T of a SYN, e.g. `64240_2-4-8-1-3_1460_7`: window; option kinds in wire order joined by `-`, `00` without any; MSS, at
 * least two digits, `00` when absent; window scale, `00` when absent or zero.
 *
 * @see {@link https://github.com/FoxIO-LLC/ja4 FoxIO-LLC/ja4}, `technical_details/JA4T.md`
 */
export function ja4t(syn: Syn): string {
  // FoxIO's text leaves the details open. Where its implementations disagree:
  //
  // | case | here | as |
  // | --- | --- | --- |
  // | End of Option List and zero octets after it | each listed as `0` | Wireshark, Rust (Zeek drops them) |
  // | other octets after End of Option List | the list ends with its `0` | Wireshark |
  // | option whose length its kind cannot have | the last one listed, without a value | Wireshark |
  // | option of length 0 or 1, or that does not fit | the list ends before it | Wireshark (walks by octet list its kind) |
  // | several MSS or scale options | the last counts | Wireshark (Rust takes the first) |
  // | further flags, ECN above all | formatted | Rust (Wireshark and Zeek give nothing) |
  // | no options, no scale | `00` | Wireshark, Zeek (older Rust: empty, `0`) |
  const { tcp } = decodedSyn(syn)
  const { malformed, windowScale } = tcp
  const stopsBefore =
    malformed !== undefined && !(malformed.reason === 'bad-length' && tcp.optionBytes[malformed.offset + 1]! > 1)
  const kinds = stopsBefore ? tcp.optionKinds.slice(0, -1) : tcp.optionKinds
  return `${tcp.window}_${kinds.join('-') || '00'}_${twoDigits(tcp.mss)}_${windowScale || '00'}`
}
