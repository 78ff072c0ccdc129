/** The client of `first-request.ts`: reads `PORT IDLE CONNECTIONS CHURN`, prints the server's figures. */
import { connect, type Socket } from 'node:net'

for await (const line of console) {
  const [port, idle, connections, churn] = line.split(' ').map(Number) as [number, number, number, number]

  const open = (): Promise<Socket> =>
    new Promise((resolve, reject) => {
      const socket = connect({ port, host: '127.0.0.1' })
      socket.once('error', reject)
      socket.once('connect', () => resolve(socket))
    })
  const ask = (socket: Socket, path: string): Promise<string> =>
    new Promise((resolve) => {
      socket.once('data', (data) => resolve(String(data)))
      socket.write(`GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`)
    })

  const held: Socket[] = []
  while (held.length < idle) {
    const some = await Promise.all(Array.from({ length: Math.min(100, idle - held.length) }, open))
    for (const socket of some) await ask(socket, '/held')
    held.push(...some)
  }
  // Time for the table to get to know those that stay.
  const control = await open()
  await Bun.sleep(1000 + idle * 0.8)

  const short = async (): Promise<void> => {
    const socket = await open()
    await ask(socket, '/')
    socket.destroy()
  }
  for (let i = 0; i < 500; i++) await short()
  await ask(control, '/reset')
  for (let i = 0; i < connections; i++) {
    await short()
    if (churn && i % 20 === 0) {
      const at = Math.floor(Math.random() * held.length)
      held[at]!.destroy()
      const fresh = await open()
      await ask(fresh, '/held')
      held[at] = fresh
    }
  }
  const answer = await ask(control, '/figures')
  console.log(answer.slice(answer.indexOf('\r\n\r\n') + 4))
}
