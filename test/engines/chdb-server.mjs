/**
 * ClickHouse's own engine (the npm package `chdb`) behind as much of its HTTP interface as the store uses: run by Node.
 *
 * `node chdb-server.mjs PATH-OF-CHDB DATA-DIRECTORY`. Statements run one after the other, as the engine in process wants it. A
 * body below `query=` follows its statement; other parameters are settings. Prints the port.
 */
import { createServer } from 'node:http'
import { pathToFileURL } from 'node:url'

const [, , chdb, directory] = process.argv
const { Session } = await import(pathToFileURL(`${chdb}/index.mjs`).href)
const session = new Session(directory)
/** Of the server only: this engine knows no asynchronous inserts. */
const SERVER_ONLY = /^(query|async_insert|wait_for_async_insert|database)$/

/** How long every answer takes, and the status that it has: for tests of an engine in trouble. */
let trouble = { status: 0, milliseconds: 0 }

createServer((request, response) => {
  const url = new URL(request.url, 'http://localhost')
  const parts = []
  request.on('data', (part) => parts.push(part))
  request.on('end', async () => {
    const body = Buffer.concat(parts).toString()
    if (url.pathname === '/trouble') {
      trouble = { ...trouble, ...JSON.parse(body) }
      return response.end()
    }
    if (trouble.milliseconds > 0) await new Promise((resolve) => setTimeout(resolve, trouble.milliseconds))
    if (trouble.status !== 0) {
      response.statusCode = trouble.status
      return response.end('Code: 999. In trouble')
    }
    const query = url.searchParams.get('query')
    let statement = query === null ? body : `${query}\n${body}`
    const settings = [...url.searchParams].filter(([name]) => !SERVER_ONLY.test(name)).map((one) => one.join('='))
    if (settings.length > 0 && /^\s*SELECT/.test(statement)) {
      statement = statement.replace(/ FORMAT JSONEachRow\s*$/, ` SETTINGS ${settings.join(', ')}$&`)
    } else if (settings.length > 0) statement += ` SETTINGS ${settings.join(', ')}`
    try {
      response.end(session.query(statement, 'JSONEachRow'))
    } catch (error) {
      response.statusCode = 400
      response.end(String(error.message))
    }
  })
}).listen(0, '127.0.0.1', function () {
  console.log(`listening on port ${this.address().port}`)
})
