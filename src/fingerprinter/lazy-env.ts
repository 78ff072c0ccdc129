/**
 * `c.var.fingerprintEnv`, computed when it is read: most handlers never do, and it costs a system call.
 * @module
 */
import { type EnvSource, envOf } from '../connection/facts.ts'
import { VIEW } from '../connection/view.ts'

/** What is used of Hono's context. */
interface VariableContext {
  get(key: string): unknown
  set(key: string, value: unknown): void
  /** Only of contexts whose variable is computed when it is read. */
  [VIEW]?: EnvSource
}

const NAME = 'fingerprintEnv'

/** Records that were read, by their fingerprint. */
const records = new WeakMap<EnvSource, Record<string, string>>()

function recordOf(found: EnvSource): Record<string, string> {
  let record = records.get(found)
  if (record === undefined) {
    record = envOf(found)
    records.set(found, record)
  }
  return record
}

/**
 * Sets the variable `fingerprint`, and `fingerprintEnv` to what `envOf(found)` gives when the variable is first read, through `c.get` or
 * `c.var`: a plain record, which can be spread, changed, cloned and sent to a worker. A `Proxy` in its place could not be cloned.
 *
 * Neither is in Hono's `Map`, whose making, and turning into an object for `c.var`, takes longer than all else here.
 */
export function setVariables(context: object, found: EnvSource): void {
  const c = context as VariableContext
  if (!hasLazyVar(Object.getPrototypeOf(context) as object)) {
    c.set('fingerprint', found)
    c.set(NAME, envOf(found))
    return
  }
  const { get } = c
  c.get = (key) => {
    const value = get(key)
    if (value !== undefined) return value
    return key === 'fingerprint' ? found : key === NAME ? recordOf(found) : undefined
  }
  c[VIEW] = found
}

/** Classes of contexts, of which there are few: true if their `var` computes the variable. */
const classes = new WeakMap<object, boolean>()
let lastClass: object | undefined
let isLastLazy = false

/** True if the class's contexts can compute the variable late; one of another make cannot. */
function hasLazyVar(prototype: object): boolean {
  if (prototype !== lastClass) {
    lastClass = prototype
    isLastLazy = classes.get(prototype) ?? makeLazy(prototype)
    classes.set(prototype, isLastLazy)
  }
  return isLastLazy
}

/**
 * Lets `var` of Hono's class give the variable too, for contexts that ask for it; other contexts are as they were. An accessor or a
 * prototype for each context costs a request 0.1 µs more.
 */
function makeLazy(prototype: object): boolean {
  const before = Object.getOwnPropertyDescriptor(prototype, 'var')
  const read = before?.get
  if (read === undefined || before?.configurable !== true) return false
  Object.defineProperty(prototype, 'var', {
    ...before,
    get(this: VariableContext) {
      const variables = read.call(this) as Variables
      const found = this[VIEW]
      if (found === undefined) return variables
      variables.fingerprint ??= found
      return variables[NAME] === undefined ? new Proxy(variables, LAZY_VARIABLES) : variables
    },
  })
  return true
}

type Variables = Record<string, unknown>

/** The member of `c.var`, for code that asks for more than a value. */
const LAZY: PropertyDescriptor = {
  configurable: true,
  enumerable: true,
  get(this: { readonly fingerprint: EnvSource }) {
    return recordOf(this.fingerprint)
  },
}

/** What was not given a value has the computed one from here on. */
function withOwn(variables: Variables): Variables {
  return Object.hasOwn(variables, NAME) ? variables : Object.defineProperty(variables, NAME, LAZY)
}

/**
 * `c.var` with the variable that is not there yet. Making a property with a getter costs each reader of `c.var` 0.1 µs on Bun and 0.3 to
 * 0.6 on V8; a proxy 0.04 and 0.08, and makes the property for code that lists, spreads or describes the variables.
 */
const LAZY_VARIABLES: ProxyHandler<Variables> = {
  get: (variables, key) => (key === NAME ? withOwn(variables)[NAME] : variables[key as string]),
  // Of the object that was read, as everywhere in Hono: `c.set()` sets the variable.
  set: (variables, key, value) =>
    Reflect.defineProperty(variables, key, { value, configurable: true, enumerable: true, writable: true }),
  has: (variables, key) => key in withOwn(variables),
  ownKeys: (variables) => Reflect.ownKeys(withOwn(variables)),
  getOwnPropertyDescriptor: (variables, key) => Reflect.getOwnPropertyDescriptor(withOwn(variables), key),
}
