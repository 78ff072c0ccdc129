/**
 * The fingerprint of a request, kept with it: a plain handler may ask for it as often as it likes.
 * @module
 */
import type { FingerprintView } from '../connection/view.ts'

/** What a `WeakMap` by request offers. */
export interface RequestMemo {
  get(request: object): FingerprintView | undefined
  set(request: object, view: FingerprintView): unknown
}

/**
 * Keeps the fingerprint in a member of the request. For requests that are objects of JavaScript, as Node's are: an entry of a
 * `WeakMap` for each costs V8 ten times as much. A request that takes no member is remembered by a `WeakMap`.
 */
export function memberMemo(): RequestMemo {
  const member = Symbol('tcpfingerprint')
  const others = new WeakMap<object, FingerprintView>()
  let hasOthers = false
  type Holder = Record<symbol, FingerprintView | undefined>
  return {
    get: (request) => (request as Holder)[member] ?? (hasOthers ? others.get(request) : undefined),
    set(request, view) {
      try {
        ;(request as Holder)[member] = view
      } catch {
        // Frozen, or a proxy that refuses.
      }
      if ((request as Holder)[member] === view) return
      others.set(request, view)
      hasOthers = true
    },
  }
}
