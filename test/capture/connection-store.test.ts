import { expect, test } from 'bun:test'
import { ConnectionStore } from '../../src/capture/connection-store.ts'
import { Connection } from '../../src/connection/connection.ts'

function connection(fd: number, port = fd): Connection {
  return new Connection({
    fd,
    cookieLow: fd,
    cookieHigh: 0,
    address: '127.0.0.1',
    port,
    acceptedOn: { port: 80, owner: {} },
    synBytes: new Uint8Array(0),
    synReason: undefined,
    handshakeTimeToLive: undefined,
    timing: undefined,
    firstInfo: undefined,
  })
}

/** The numbers up to 20 that something is kept for. */
const kept = (store: ConnectionStore): number[] =>
  Array.from({ length: 20 }, (_, fd) => fd).filter((fd) => store.get(fd) !== undefined)

test('keeps one connection a number, the newest', () => {
  const store = new ConnectionStore()
  store.limit = 10
  store.set(connection(7))
  const newer = connection(7, 1234)
  store.set(newer)
  expect(store.get(7)).toBe(newer)
  expect(store.size).toBe(1)
  store.delete(7)
  store.delete(7)
  store.delete(19)
  expect(store.get(7)).toBeUndefined()
  expect(store.size).toBe(0)
})

test('gives up the one kept longest where there is no room for another, whatever its number', () => {
  const store = new ConnectionStore()
  store.limit = 3
  for (const fd of [9, 4, 12]) store.set(connection(fd))
  store.set(connection(5))
  expect(kept(store)).toEqual([4, 5, 12])
  store.set(connection(1))
  expect(kept(store)).toEqual([1, 5, 12])
  // One that is replaced is as new as its successor.
  store.set(connection(12, 1))
  store.set(connection(2))
  expect(kept(store)).toEqual([1, 2, 12])
  expect(store.size).toBe(3)
})

test('a larger limit makes room, and clear() lets go of everything', () => {
  const store = new ConnectionStore()
  store.set(connection(3))
  store.set(connection(4))
  expect(kept(store)).toEqual([4])
  store.limit = 2
  store.set(connection(3))
  expect(kept(store)).toEqual([3, 4])
  store.clear()
  expect(kept(store)).toEqual([])
  store.set(connection(6))
  store.set(connection(5))
  store.set(connection(7))
  expect(kept(store)).toEqual([5, 7])
})
