/**
 * Run by netns.test.ts as a process of its own: makes a namespace with a command in it, says their names and ends in the
 * way its argument names, without closing anything.
 * @module
 */
import { createNetns } from './netns.ts'

if (import.meta.main) {
  const ns = createNetns()
  const child = ns.spawn(['sleep', '300'])
  console.log(`${ns.name} ${child.pid}`)
  const how = process.argv[2]
  if (how === 'exit') process.exit(0)
  if (how === 'throw') throw new Error('as asked')
  if (how === 'term') process.kill(process.pid, 'SIGTERM')
  if (how === 'kill') process.kill(process.pid, 'SIGKILL')
}
