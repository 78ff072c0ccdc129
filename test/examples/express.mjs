import express from 'express'
import { createFingerprinter } from 'tcpfingerprint/node'

const fp = createFingerprinter()
const app = express()
app.get('/', (req, res) => res.json(fp.fromNode(req)))

const server = app.listen(Number(process.env.PORT ?? 3000), () => {
  console.log(`listening on port ${server.address().port}`)
})
