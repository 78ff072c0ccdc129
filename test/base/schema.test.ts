import { describe, expect, test } from 'bun:test'
import * as v from '../../src/base/schema.ts'

/** What a schema gives of a value, and what it says. */
function read<T>(of: v.Schema<T>, value: unknown): { given: T; said: string[] } {
  const mistakes: v.Mistake[] = []
  const given = of(value, [], mistakes)
  return { given, said: mistakes.map(({ path, message }) => [path.join('.'), message].filter(Boolean).join(': ')) }
}

describe('schemas', () => {
  test('what is left out has its default, with the defaults in it', () => {
    const inner = v.strictObject({ a: v.optional(v.number(), 1), b: v.optional(v.string()) })
    const of = v.strictObject({ inner: v.optional(inner, {}) })
    for (const value of [{}, { inner: undefined }, { inner: {} }])
      expect(read(of, value)).toEqual({ given: { inner: { a: 1, b: undefined } }, said: [] })
    expect(read(of, { inner: { a: 2, b: 'x' } }).given).toEqual({ inner: { a: 2, b: 'x' } })
  })

  for (const [of, value, said] of [
    [v.number(), Number.NaN, 'Invalid type: Expected number but received NaN'],
    [v.number(), '1', 'Invalid type: Expected number but received "1"'],
    [v.string(), null, 'Invalid type: Expected string but received null'],
    [v.string(), Object.create(null), 'Invalid type: Expected string but received null'],
    [v.boolean(), undefined, 'Invalid type: Expected boolean but received undefined'],
    [v.boolean(), Symbol('x'), 'Invalid type: Expected boolean but received Symbol(x)'],
    [v.array(v.number()), {}, 'Invalid type: Expected Array but received Object'],
    [v.array(v.number()), [1, 'x'], '1: Invalid type: Expected number but received "x"'],
    [v.strictObject({ a: v.number() }), 'all', 'Invalid type: Expected Object but received "all"'],
    [v.strictObject({ a: v.number() }), {}, 'a: Invalid type: Expected number but received undefined'],
    [v.strictObject({}), { toString: 1 }, 'toString: there is no such option'],
    [v.record(v.picklist(['a']), v.number()), { b: 1 }, 'b: Invalid type: Expected ("a") but received "b"'],
    [v.record(v.string(), v.number()), { b: 'x' }, 'b: Invalid type: Expected number but received "x"'],
    [v.union([v.string(), v.picklist(['a', 'b'])]), 1, 'Expected string or "a" or "b" but received 1'],
    [
      v.union([v.string(), v.strictObject({ a: v.number() })]),
      { a: 'x' },
      'a: Invalid type: Expected number but received "x"',
    ],
    [v.union([v.boolean(), v.check(v.string(), (text) => text !== '', 'Expected some')]), '', 'Expected some'],
  ] as readonly (readonly [v.Schema<unknown>, unknown, string])[]) {
    test(`of ${String(Bun.inspect(value))}: ${said}`, () => expect(read(of, value).said).toEqual([said]))
  }

  test('a condition is asked of what is right so far', () => {
    const asked: unknown[] = []
    const of = v.check(v.strictObject({ a: v.number() }), (value) => asked.push(value) > 0, 'no')
    expect(read(of, { a: 'x' }).said).toHaveLength(1)
    expect(asked).toEqual([])
    expect(read(of, { a: 1 }).said).toEqual([])
    expect(asked).toEqual([{ a: 1 }])
  })
})
