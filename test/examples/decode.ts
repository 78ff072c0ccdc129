import { defaultDatabase, fingerprints, match, safeParseSyn } from 'tcpfingerprint'

// Any runtime, no socket: the value of FINGERPRINT_SAVED_SYN, or of fc_saved_syn of HAProxy.
const hex = process.argv[2] ?? ''
const result = safeParseSyn(hex)
if (result.ok) {
  const syn = result.value
  console.log(fingerprints(syn).muonfp, '|', match(defaultDatabase(), syn).name ?? 'unknown')
} else {
  console.log(`${result.error.reason} at octet ${result.error.offset}`)
}
