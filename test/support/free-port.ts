/**
 * Ports.
 * @module
 */

/** A port of 127.0.0.1 on which nothing listens now. Another process may take it before it is used. */
export function freePort(): number {
  const server = Bun.listen({ hostname: '127.0.0.1', port: 0, socket: { data() {} } })
  server.stop(true)
  return server.port
}
