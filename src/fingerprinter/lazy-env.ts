/**
 * `c.var.fingerprintEnv`, computed when it is read: most handlers never do, and it costs a system call.
 * @module
 */

/** What is used of Hono's context. */
interface VariableContext {
  get(key: string): unknown
  set(key: string, value: unknown): void
}

/** What is used of a fingerprint. */
interface EnvSource {
  readonly env: Record<string, string>
}

const NAME = 'fingerprintEnv'

/** Records that were read, by their fingerprint. */
const records = new WeakMap<EnvSource, Record<string, string>>()

function recordOf(found: EnvSource): Record<string, string> {
  let record = records.get(found)
  if (record === undefined) {
    record = found.env
    records.set(found, record)
  }
  return record
}

/**
 * Sets the variable to what `found.env` gives when the variable is first read, through `c.get` or `c.var`: a plain record, which can be
 * spread, changed, cloned and sent to a worker. A `Proxy` in its place could not be cloned. `found` is the variable `fingerprint`.
 */
export function setLazyEnv(context: object, found: EnvSource): void {
  const c = context as VariableContext
  const prototype = lazyPrototype(context)
  if (prototype === undefined) {
    c.set(NAME, found.env)
    return
  }
  const { get } = c
  c.get = (key) => {
    const value = get(key)
    return value === undefined && key === NAME ? recordOf(found) : value
  }
  // Faster on Bun than an accessor on each context.
  Object.setPrototypeOf(context, prototype)
}

/** The class of the last context, which has few, and what is derived from it. */
let lastClass: object | undefined
let lastLazy: object | undefined

/** A prototype whose `var` has the variable; `undefined` for a context of another make, whose variables cannot be computed late. */
function lazyPrototype(context: object): object | undefined {
  const prototype = Object.getPrototypeOf(context) as object
  if (prototype !== lastClass) {
    lastClass = prototype
    lastLazy = deriveLazy(prototype)
  }
  return lastLazy
}

function deriveLazy(prototype: object): object | undefined {
  const read = Object.getOwnPropertyDescriptor(prototype, 'var')?.get
  if (read === undefined) return undefined
  return Object.create(prototype, {
    var: {
      configurable: true,
      get(this: VariableContext) {
        const variables = read.call(this) as Record<string, unknown>
        if (variables[NAME] === undefined) Object.defineProperty(variables, NAME, LAZY)
        return variables
      },
    },
  }) as object
}

/** A member of `c.var`. One for all, because making one for each context costs more than the rest. */
const LAZY: PropertyDescriptor = {
  configurable: true,
  enumerable: true,
  get(this: { readonly fingerprint: EnvSource }) {
    return recordOf(this.fingerprint)
  },
}
