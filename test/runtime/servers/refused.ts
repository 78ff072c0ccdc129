/**
 * A server to whose library the kernel refuses `getpeername`, as a seccomp profile may: no descriptor can be told.
 * @module
 */
import { isLibc } from '../../../ffi/libc.ts'
import { Fingerprinter } from '../../../src/fingerprinter/fingerprinter.ts'
import { createPeerLookup } from '../../../src/fingerprinter/peer-lookup.ts'
import { bun } from '../../../src/runtime/bun.ts'

const EPERM = 1
const runtime: typeof bun = Object.assign(Object.create(bun), {
  openLibc() {
    const libc = bun.openLibc()
    if (!isLibc(libc)) return libc
    return Object.assign(Object.create(libc), { getpeername: () => -1, errno: () => EPERM })
  },
})
const fingerprinter = new Fingerprinter(runtime, { onError() {} }, createPeerLookup)
const server = Bun.serve({
  hostname: process.env.HOSTNAME_TO_BIND ?? '127.0.0.1',
  port: 0,
  fetch(request, self) {
    const found = fingerprinter.of(request, self, request)
    return Response.json(found.toJSON())
  },
})
console.log(`listening on port ${server.port}`)
