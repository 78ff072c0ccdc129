/**
 * A SQLite store on a disk that fills up, and in a directory that cannot be written; prints what its status said. In a mount
 * namespace of its own: `unshare -m bun disk-trouble.ts DIRECTORY`.
 * @module
 */
import { rmSync, writeFileSync } from 'node:fs'
import { openStore, type Store } from '../../src/store/index.ts'
import { connection, request } from '../store/fingerprints.ts'

const directory = process.argv[2]!
const mount = (...args: string[]): void => {
  const { exitCode, stderr } = Bun.spawnSync(['mount', ...args, directory])
  if (exitCode !== 0) throw new Error(`mount: ${stderr}`)
}
let cookie = 0
const observe = (store: Store, count: number): void => {
  for (let i = 0; i < count; i++) store.observe(request(connection(++cookie)))
}
const told: Record<string, object> = {}

mount('-t', 'tmpfs', '-o', 'size=1m', 'tmpfs')
const store = openStore({ url: `sqlite:${directory}/seen.sqlite` })
observe(store, 100)
await store.flush()
const filler = `${directory}/filler`
try {
  for (let octets = 64; ; octets += 16) writeFileSync(filler, new Uint8Array(octets * 1024))
} catch {
  // Full.
}
observe(store, 300)
await store.flush()
told.full = store.status()
rmSync(filler)
await store.flush()
told.room = store.status()
told.hosts = await store.hosts('192.0.2.10')
await store.close()

mount('-o', 'remount,ro')
const readOnly = openStore({ url: `sqlite:${directory}/new.sqlite` })
observe(readOnly, 5)
await readOnly.flush()
told.readOnly = readOnly.status()
mount('-o', 'remount,rw')
await readOnly.flush()
told.writable = readOnly.status()
await readOnly.close()
console.log(JSON.stringify(told))
