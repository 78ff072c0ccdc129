/**
 * What is kept with an object, and gone with it.
 * @module
 */

/** What a `WeakMap` by object offers. */
export interface Memo<Value> {
  get(of: object): Value | undefined
  set(of: object, value: Value): unknown
}

/**
 * Keeps a value in a member of its object. For objects of JavaScript, as Node's requests are: an entry of a `WeakMap` for each costs V8 ten
 * times as much. One that takes no member is remembered by a `WeakMap`.
 */
export function memberMemo<Value>(): Memo<Value> {
  const member = Symbol('tcpfingerprint')
  const others = new WeakMap<object, Value>()
  let hasOthers = false
  type Holder = Record<symbol, Value | undefined>
  return {
    get(of) {
      try {
        const found = (of as Holder)[member]
        if (found !== undefined) return found
      } catch {
        // A proxy that refuses.
      }
      return hasOthers ? others.get(of) : undefined
    },
    set(of, value) {
      try {
        ;(of as Holder)[member] = value
        if ((of as Holder)[member] === value) return
      } catch {
        // The same, or frozen.
      }
      others.set(of, value)
      hasOthers = true
    },
  }
}
