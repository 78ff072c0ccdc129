import { expect, test } from 'bun:test'
import fc from 'fast-check'
import { Watches } from '../../ffi/watch/watches.ts'

test('watches are found by descriptor and by watch, whatever is added and deleted', () => {
  const step = fc.record({
    fd: fc.nat(700),
    // Many with the same lower bits.
    watch: fc.oneof(
      fc.nat(2000),
      fc.nat(40).map((n) => n * 1024),
    ),
    kind: fc.constantFrom('add', 'add', 'delete'),
  })
  fc.assert(
    fc.property(fc.array(step, { maxLength: 300 }), (steps) => {
      const watches = new Watches()
      const model = new Map<number, number>()
      for (const { fd, watch, kind } of steps) {
        if (kind === 'add' && watches.fdOf(watch) < 0) {
          watches.add(fd, watch)
          model.set(fd, watch)
        } else if (kind === 'delete') {
          expect(watches.delete(fd)).toBe(model.get(fd) ?? -1)
          model.delete(fd)
        }
        expect(watches.size).toBe(model.size)
      }
      expect(watches.all()).toEqual([...model.keys()].sort((a, b) => a - b))
      for (const [fd, watch] of model) expect(watches.fdOf(watch)).toBe(fd)
    }),
  )
})
