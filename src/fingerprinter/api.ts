/**
 * The calls that a fingerprinter offers on every runtime, beside those that take a request.
 * @module
 */
import type { Fingerprint } from '../connection/fingerprint.ts'
import type { Fingerprinter } from './fingerprinter.ts'
import type { Status } from './status.ts'

/** What a fingerprinter does on every runtime. `Server` is what `Bun.serve` and `Deno.serve` give back. */
export interface FingerprinterApi<Server> {
  /** The `FINGERPRINT_*` variables of a fingerprint, with the raw dumps that the options ask for. */
  env(fingerprint: Fingerprint): Record<string, string>
  /**
   * Makes the server's listeners keep SYNs from now on, before the first packet comes. Without a server: all TCP listeners of
   * the process. True where at least one keeps them; the kernel's refusals go to `onError` and `status()`.
   */
  arm(server?: Server): boolean
  /** Counters and what is kept, for metrics. */
  status(): Status
}

/** These calls over a fingerprinter. */
export function apiOf<Server extends object, Subject>(fingerprinter: Fingerprinter<Subject>): FingerprinterApi<Server> {
  return {
    env: (fingerprint) => fingerprinter.env(fingerprint),
    arm: (server) => fingerprinter.armServer(server),
    status: () => fingerprinter.status(),
  }
}
