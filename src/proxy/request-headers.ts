/**
 * Requests without some of their headers. Deno's cannot be changed, and to make them anew takes longer than the rest of a request: there
 * the object from which a request has its headers is given a prototype that leaves these out.
 * @module
 */

/** From which Deno makes a request's headers, `new Request(request)` and `fetch(request)` (2.5 to 2.9, `ext/http/00_serve.ts`). */
interface Inner {
  headerList: readonly (readonly [name: string, value: string])[]
  /** One value, without a list of all. */
  header?(name: string): string | null
}

/** Deno's names in a request for that object, and for headers that were read. */
let innerKey: symbol | undefined
let headersKey: symbol | undefined

type Slots = Record<symbol, unknown>

function innerOf(request: Request): Inner | undefined {
  if (innerKey === undefined || !(innerKey in request)) {
    const keyOf = (description: string): symbol | undefined =>
      Object.getOwnPropertySymbols(request).find((symbol) => symbol.description === description)
    innerKey = keyOf('request')
    headersKey = keyOf('headers cache')
  }
  const inner: unknown = innerKey && (request as unknown as Slots)[innerKey]
  return typeof inner === 'object' && inner !== null ? (inner as Inner) : undefined
}

/** Prototypes that leave headers out, by their names and by the prototype that was there. */
const prototypes = new WeakMap<readonly string[], Map<object, object>>()

function prototypeWithout(names: readonly string[], given: Inner): object {
  let made = prototypes.get(names)
  if (made === undefined) prototypes.set(names, (made = new Map()))
  let found = made.get(given)
  if (found === undefined) {
    // Deno reads the list once more before it closes what it comes from, and the application may read it after that.
    const key = Symbol()
    found = Object.create(given, {
      headerList: {
        get(this: Inner & { [key]?: Inner['headerList'] }) {
          return (this[key] ??= listWithout(names, Reflect.get(given, 'headerList', this)))
        },
      },
      header: {
        value(this: Inner, name: string) {
          return isOf(names, name) ? null : given.header?.call(this, name)
        },
      },
    }) as object
    made.set(given, found)
  }
  return found
}

function listWithout(names: readonly string[], list: Inner['headerList']): Inner['headerList'] {
  return list.filter(([name]) => !isOf(names, name))
}

function isOf(names: readonly string[], name: string): boolean {
  return names.includes(name.toLowerCase())
}

function takeFrom(headers: Headers, names: readonly string[]): Headers {
  for (const name of names) headers.delete(name)
  return headers
}

/** False where the runtime has no way. */
function takeOff(request: Request, names: readonly string[]): boolean {
  const inner = innerOf(request)
  if (inner === undefined || Object.hasOwn(inner, 'headerList')) {
    try {
      takeFrom(request.headers, names)
      return true
    } catch {
      // They cannot be changed.
    }
    if (inner === undefined) return false
    inner.headerList = listWithout(names, inner.headerList)
  } else Object.setPrototypeOf(inner, prototypeWithout(names, Object.getPrototypeOf(inner)))
  const areShown = (): boolean => names.some((name) => request.headers.get(name) !== null)
  // Headers of which a list was made keep it: Deno makes others in their place.
  if (areShown() && headersKey !== undefined) (request as unknown as Slots)[headersKey] = undefined
  return !areShown()
}

/**
 * Makes this very request answer without some headers: `headers`, `clone()`, and on Deno what `new Request(request)` and `fetch(request)`
 * read. Names are in lower case.
 */
export function hideHeaders(request: Request, names: readonly string[]): void {
  if (!takeOff(request, names)) replaceHeaders(request, takeFrom(new Headers(request.headers), names))
}

function replaceHeaders(request: Request, headers: Headers): Request {
  const clone = request.clone.bind(request)
  Object.defineProperty(request, 'headers', { value: headers, configurable: true, enumerable: true })
  Object.defineProperty(request, 'clone', {
    value: () => replaceHeaders(clone(), new Headers(headers)),
    configurable: true,
  })
  return request
}
