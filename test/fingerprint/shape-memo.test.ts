import { describe, expect, test } from 'bun:test'
import { fingerprints } from '../../src/fingerprint/index.ts'
import { ShapeMemo } from '../../src/fingerprint/shape-memo.ts'
import { makeFingerprints } from '../../src/fingerprint/strings.ts'
import { defaultDatabase } from '../../src/label/default.ts'
import { match } from '../../src/label/match.ts'
import { parseSyn, type Syn } from '../../src/wire/syn.ts'
import { synOf } from '../label/syn-of.ts'
import { hex } from '../support/hex.ts'
import { createRandom, randomSynBytes } from '../support/random.ts'
import stacks from '../vectors/stacks.json' with { type: 'json' }
import vectors from '../vectors/syn.json' with { type: 'json' }

const SYN = hex(
  '4500003c1c4640004006b1e6c0000201c633640ad43101bb5f1e2d3c00000000a002faf0fe300000020405b40402080a00c3a1b20000000001030307',
)

/** Everything that a memo is meant for. */
const describeSyn = (syn: Syn): unknown => {
  const { flags, window, optionKinds, padding, mss, windowScale, sackPermitted, malformed } = syn.tcp
  return {
    ...makeFingerprints(syn),
    label: match(defaultDatabase(), syn),
    tcp: { flags, window, optionKinds, padding, mss, windowScale, sackPermitted, malformed },
  }
}

test('fingerprints() gives what is made of a SYN alone, in objects that share nothing', () => {
  const random = createRandom(4)
  const known = [...vectors, ...stacks].map((row) => hex(row.hex))
  for (let round = 0; round < 2; round++) {
    for (const bytes of [...known, ...Array.from({ length: 6000 }, (_, i) => randomSynBytes(random, i).bytes)]) {
      const syn = parseSyn(bytes)
      const found = fingerprints(syn) as { p0f: string }
      expect(found).toEqual(makeFingerprints(syn))
      found.p0f = 'changed'
    }
  }
})

describe('ShapeMemo', () => {
  test('gives for every SYN what is made of that SYN alone', () => {
    const memo = new ShapeMemo(describeSyn)
    const random = createRandom(3)
    // zmap's identification is part of the shape
    const zmap = [1, 54_321].map((id) => synOf(`4:250:0:1460:65535,0:mss:id=${id}:0`))
    const known = [...zmap, ...[...vectors, ...stacks].map((row) => hex(row.hex))]
    const all = [...known, ...Array.from({ length: 3000 }, (_, i) => randomSynBytes(random, i).bytes)]
    for (let round = 0; round < 2; round++) {
      for (const bytes of all) {
        const syn = parseSyn(bytes)
        expect(memo.of(syn)).toEqual(describeSyn(syn))
      }
    }
  })

  test('makes one value for SYNs that differ in addresses, ports, checksums and numbers that count', () => {
    const memo = new ShapeMemo(() => ({}))
    const first = memo.of(parseSyn(SYN))
    const counted = [4, 5, 10, 11, ...[12, 15, 16, 19], 20, 21, 22, 23, 24, 27, 36, 37, 48, 51]
    for (const at of counted) {
      const other = SYN.slice()
      other[at]! ^= 0x55
      expect({ at, same: memo.of(parseSyn(other)) === first }).toEqual({ at, same: true })
    }
    for (const at of [1, 6, 8, 34, 35, 42, 43, 59]) {
      const other = SYN.slice()
      other[at]! ^= 0x40
      expect({ at, same: memo.of(parseSyn(other)) === first }).toEqual({ at, same: false })
    }
  })

  test('forgets what it has made rather than grow', () => {
    let made = 0
    const memo = new ShapeMemo(() => ++made)
    const shape = (window: number): Syn => {
      const bytes = SYN.slice()
      bytes[34] = window >> 8
      bytes[35] = window
      return parseSyn(bytes)
    }
    for (let window = 0; window < 4096; window++) memo.of(shape(window))
    for (let window = 0; window < 4096; window++) memo.of(shape(window))
    expect(made).toBe(4096)
    memo.of(shape(4096))
    memo.of(shape(0))
    expect(made).toBe(4098)
  })
})
