import { expect, test } from 'bun:test'
import { Server, Socket } from 'node:net'
import { AcceptedServers } from '../../src/capture/accepted-servers.ts'
import { ThreadOptions } from '../../src/capture/thread-options.ts'

function accepted(server?: Server): Socket {
  const socket = new Socket()
  return server === undefined ? socket : Object.assign(socket, { server })
}

test('a connection counts once, whether it was looked at before all were or the server counts it', () => {
  const options = new ThreadOptions()
  const servers = new AcceptedServers({}, options, () => undefined)
  const server = Object.assign(new Server(), { _connections: 3, _handle: {} })
  const [early, other] = [accepted(server), accepted()]
  for (const socket of [early, other]) {
    servers.placeOf(socket)
    servers.count(socket)
  }
  expect(servers.connections).toBe(2)
  options.join({ syn: true, tcpInfo: 'request', deferAccept: 'keep', maxConnections: 16 }, true)
  expect(options.early).toBe(true)
  // Three of the server, and one that no server counts.
  expect(servers.connections).toBe(4)
  servers.count(accepted(server))
  expect(servers.connections).toBe(4)
  for (const socket of [early, other]) socket.emit('close')
  expect(servers.connections).toBe(3)
})

test('a connection that a server was only given is counted by itself, and the server is not held', () => {
  const options = new ThreadOptions()
  options.join({ syn: true, tcpInfo: 'request', deferAccept: 'keep', maxConnections: 16 }, true)
  const servers = new AcceptedServers({}, options, () => undefined)
  const server = new Server()
  const socket = accepted(server)
  servers.placeOf(socket).isVerified = true
  expect(servers.placeOf(socket).isVerified).toBe(true)
  servers.count(socket)
  expect([servers.connections, server.listenerCount('close')]).toEqual([1, 0])
  socket.emit('close')
  expect(servers.connections).toBe(0)
})

test('a place is verified once, and has no listener where the system calls are not there', () => {
  const servers = new AcceptedServers({}, new ThreadOptions(), () => undefined)
  const server = new Server()
  const place = servers.placeOf(accepted(server))
  place.isVerified = true
  servers.meet(3, server)
  expect(servers.placeOf(accepted(server))).toBe(place)
  expect([servers.armed, servers.mayDefer, servers.problem]).toEqual([[], false, undefined])
  expect(servers.placeOf(accepted()).isVerified).toBe(false)
})
