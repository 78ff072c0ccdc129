/**
 * Connections of which nobody asks for the cookie, for longer than that is read without being asked; then some who ask. Prints what they
 * got, as JSON.
 */
import { once } from 'node:events'
import { createServer } from 'node:http'
import { connect } from 'node:net'
import { setTimeout as wait } from 'node:timers/promises'
import { createFingerprinter } from 'tcpfingerprint/node'

const fp = createFingerprinter()
const views = new Map()
const server = createServer((request, response) => {
  const view = fp.fromNode(request)
  views.set(request.url, view)
  const asked = request.url.startsWith('/ask') ? factsOf(view) : view.syn.tcp.mss
  response.end(JSON.stringify(asked))
})
server.listen(0, '127.0.0.1')
await once(server, 'listening')
const { port } = server.address()

function factsOf({ connection, syn, timing, peer }) {
  const { handshakeRtt, firstDataDelayMilliseconds: delay, acceptTimeMilliseconds: at, handshakeTimeToLive } = timing
  return {
    cookie: typeof connection?.cookie,
    request: connection?.request,
    isSyn: syn.tcp.sourcePort === peer.port && peer.address === '127.0.0.1',
    rtt: handshakeRtt?.provenance,
    delay,
    at,
    timeToLive: handshakeTimeToLive,
  }
}

async function open() {
  const socket = connect(port, '127.0.0.1')
  await once(socket, 'connect')
  return socket
}

async function ask(socket, path) {
  socket.write(`GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`)
  const [answer] = await once(socket, 'data')
  return JSON.parse(String(answer).split('\r\n\r\n')[1])
}

const openConnections = () => new Promise((resolve) => server.getConnections((_, count) => resolve(count)))

/** Ends a connection, and waits until the server has closed it. */
async function close(socket) {
  const before = await openConnections()
  socket.destroy()
  while ((await openConnections()) === before) await wait(1)
}

const early = await open()
await ask(early, '/early')
await close(early)
for (let i = 0; i < 1010; i++) {
  const socket = await open()
  await ask(socket, '/other')
  await close(socket)
}
const [gone, kept, first] = [await open(), await open(), await open()]
await ask(gone, '/gone')
await ask(kept, '/kept')
await close(gone)
await wait(50)
const before = Date.now()
const facts = { first: await ask(first, '/ask/first') }
facts.kept = await ask(kept, '/ask/kept')
facts.gone = factsOf(views.get('/gone'))
facts.early = factsOf(views.get('/early'))
const later = await open()
await ask(later, '/later')
await close(later)
facts.later = factsOf(views.get('/later'))
// Milliseconds from the accept to the first question.
for (const one of Object.values(facts)) one.waited = before - one.at
console.log(JSON.stringify(facts))
process.exit()
