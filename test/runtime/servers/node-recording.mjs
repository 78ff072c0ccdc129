/**
 * A server on Node that records every connection into the store of STORE, under the account that the request says. The twin of
 * `test/engines/servers/recording.ts`; `/status` is the store's.
 */
import { createServer } from 'node:http'
import { createFingerprinter } from 'tcpfingerprint/node'
import { openStore } from 'tcpfingerprint/store'

const fp = createFingerprinter()
const store = openStore({ url: process.env.STORE })
const server = createServer((request, response) => {
  const { pathname, searchParams } = new URL(request.url, 'http://x')
  store.observe(fp.fromNode(request), { account: searchParams.get('account') ?? undefined })
  response.end(pathname === '/status' ? JSON.stringify(store.status()) : 'Hello\n')
})
server.listen(0, process.env.HOST ?? '127.0.0.1', () => console.log(`listening on port ${server.address().port}`))
