/**
 * Run by server.test.ts: serves its environment variable GREETING, or ends or stays silent as HOW says.
 * @module
 */
if (import.meta.main) {
  if (process.env.HOW === 'end') {
    console.error('cannot start today')
    process.exit(7)
  }
  if (process.env.HOW === 'ignore-term') process.on('SIGTERM', () => {})
  const server = Bun.serve({ hostname: '127.0.0.1', port: 0, fetch: () => new Response(process.env.GREETING) })
  if (process.env.HOW !== 'silent') console.log(`listening on 127.0.0.1:${server.port}`)
}
