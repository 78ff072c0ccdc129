/**
 * A server of Web requests on Node: `@hono/node-server`, which the application has, or is told to install.
 * @module
 */
import type { Server } from 'node:http'
import { createRequire } from 'node:module'
import { nodeAllows, settlesWithin } from './common.ts'
import { type ListenOptions, PermissionError, type RequestHandler, type RunningServer } from './types.ts'

/** What is used of `@hono/node-server`. */
interface NodeServer {
  createAdaptorServer(options: {
    fetch: (request: Request, env: unknown) => Response | Promise<Response>
    createServer?: unknown
    serverOptions?: object
    overrideGlobalObjects?: boolean
  }): Server
}

/** Starts a server. Rejects where the address cannot be bound, or the package is not installed. */
export async function listenOnNode(options: ListenOptions, handler: RequestHandler): Promise<RunningServer> {
  // listen() would throw in a later turn, where only the process hears of it.
  if (!nodeAllows('net')) throw new PermissionError('start Node with --allow-net', '--allow-net')
  const { hostname, port, tls, http2, idleTimeout } = options
  const require = createRequire(import.meta.url)
  let adapter: NodeServer
  try {
    adapter = require('@hono/node-server') as NodeServer
  } catch (error) {
    throw new Error('Node has no server of Web requests: install @hono/node-server (npm install @hono/node-server)', {
      cause: error,
    })
  }
  const secure = http2 === true ? require('node:http2').createSecureServer : require('node:https').createServer
  const server = adapter.createAdaptorServer({
    fetch: handler,
    overrideGlobalObjects: false,
    ...(tls === undefined ? {} : { createServer: secure, serverOptions: { ...tls, allowHTTP1: true } }),
  })
  if (idleTimeout !== undefined) server.keepAliveTimeout = idleTimeout * 1000
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, hostname, () => {
      server.off('error', reject)
      resolve()
    })
  })
  // The kernel could not accept a connection (ENOMEM, ENOBUFS): without a listener Node ends the process for it.
  server.on('error', () => {})
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error(`Cannot tell where "${hostname}" is bound`)
  return { hostname: address.address, port: address.port, server, stop: (grace = 0) => stop(server, grace) }
}

/** Requests in flight end within `grace` milliseconds; idle connections end at once. */
async function stop(server: Server, grace: number): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()))
  const { closeIdleConnections, closeAllConnections } = server as Partial<Server>
  closeIdleConnections?.call(server)
  if (grace > 0 && (await settlesWithin(grace, closed))) return
  closeAllConnections?.call(server)
  await settlesWithin(1000, closed)
}
