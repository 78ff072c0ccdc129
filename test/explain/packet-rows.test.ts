import { describe, expect, test } from 'bun:test'
import { describePacket } from '../../src/explain/packet.ts'
import { fieldsByOctet, packetRows, placeOf } from '../../src/explain/packet-rows.ts'
import { parseSyn, safeParseSyn } from '../../src/index.ts'
import vectors from '../vectors/syn.json' with { type: 'json' }

const good = (vectors as unknown as { hex: string }[]).filter(({ hex }) => safeParseSyn(hex).ok)

describe('packetRows', () => {
  test('fills every row but the last, and holds every bit of every field in order', () => {
    expect(good.length).toBeGreaterThan(20)
    for (const { hex } of good) {
      const fields = describePacket(parseSyn(hex))
      const rows = packetRows(fields)
      let octet = 0
      const bits = fields.map(() => 0)
      rows.forEach((row, i) => {
        expect(row.octet).toBe(octet)
        const width = row.cells.reduce((sum, cell) => sum + cell.bits, 0)
        if (i < rows.length - 1) expect(width).toBe(32)
        for (const cell of row.cells) {
          expect(cell.continued).toBe(bits[cell.field]! > 0)
          bits[cell.field]! += cell.bits
        }
        bits[row.cells.at(-1)!.field]! += row.omitted * 32
        octet += width / 8 + row.omitted * 4
      })
      expect(bits).toEqual(fields.map((field) => field.bits))
    }
  })
  test('leaves out the middle of a field of many rows', () => {
    const field = { name: 'x', value: 'y', bits: 32 * 500, group: 'ip', about: 'z' } as const
    const rows = packetRows([field])
    expect(rows.length).toBe(10)
    expect(rows.at(-1)!.omitted).toBe(490)
  })
})

describe('fieldsByOctet', () => {
  test('names the fields of every octet that belongs to the packet', () => {
    for (const { hex } of good) {
      const syn = parseSyn(hex)
      const fields = describePacket(syn)
      const octets = fieldsByOctet(fields, 512)
      const length = Math.min(512, fields.reduce((sum, { bits }) => sum + bits, 0) / 8)
      expect(octets.length).toBe(length)
      expect(octets.every((list) => list.length > 0)).toBe(true)
    }
    const first = fieldsByOctet(describePacket(parseSyn(good[0]!.hex)), 512)[0]!
    expect(first).toEqual([0, 1])
  })
})

test.each([
  [0, 4, 'octet 0, bits 0 to 3'],
  [4, 4, 'octet 0, bits 4 to 7'],
  [49, 1, 'octet 6, bit 1'],
  [51, 13, 'octets 6 to 7, in part'],
  [64, 8, 'octet 8'],
  [96, 32, 'octets 12 to 15'],
])('placeOf(%d, %d) is %s', (bit, bits, place) => {
  expect(placeOf(bit, bits)).toBe(place)
})
