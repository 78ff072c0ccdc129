/**
 * The server of `test/lab/json-server.ts` on Node, bundled by the test that starts it: `node:http`, `https` or `http2` with HTTP/1.1
 * beside it. Arguments: `TLS=1`, `HTTP2=1`.
 * @module
 */
import { createServer } from 'node:http'
import { createSecureServer } from 'node:http2'
import { createServer as createTlsServer } from 'node:https'
import { createFingerprinter, type NodeRequest } from '../../../src/node.ts'
import { TEST_CERTIFICATE } from '../../support/certificate.ts'

const has = (word: string): boolean => process.argv.includes(word)
const fp = createFingerprinter()
const answer = (request: NodeRequest, response: { end(text: string): unknown }): void => {
  if (request.url === '/healthz') {
    response.end('ok')
    return
  }
  const found = fp.fromNode(request)
  response.end(JSON.stringify({ ...found.toJSON(), env: fp.env(found) }))
}
const server = !has('TLS=1')
  ? createServer(answer)
  : has('HTTP2=1')
    ? createSecureServer({ ...TEST_CERTIFICATE, allowHTTP1: true }, answer)
    : createTlsServer(TEST_CERTIFICATE, answer)
server.listen(0, '127.0.0.1', () => console.log(`listening on port ${(server.address() as { port: number }).port}`))
