import { expect, test } from 'bun:test'
import { onProcessEnd, onSignal } from '../../src/runtime/process-end.ts'

/** Runs a script with `onProcessEnd` at hand, in a process of its own. */
function run(script: string): { readonly output: string; readonly signal: unknown; readonly code: number } {
  const path = JSON.stringify(new URL('../../src/runtime/process-end.ts', import.meta.url).pathname)
  const { stdout, signalCode, exitCode } = Bun.spawnSync([
    process.execPath,
    '-e',
    `import { onProcessEnd, onSignal } from ${path}\n${script}`,
  ])
  return { output: stdout.toString(), signal: signalCode, code: exitCode }
}

const WAIT = "setTimeout(() => console.log('still here'), 200)"

test('onProcessEnd runs at a plain end, and not when it was taken back', () => {
  expect(run("onProcessEnd(() => console.log('end'))").output).toBe('end\n')
  expect(run("onProcessEnd(() => console.log('end'))()").output).toBe('')
})

test('onProcessEnd runs at a signal, which then ends the process', () => {
  const ended = run(`onProcessEnd(() => console.log('end')); process.kill(process.pid, 'SIGTERM'); ${WAIT}`)
  expect(ended).toMatchObject({ output: 'end\n', signal: 'SIGTERM' })
})

test('onProcessEnd leaves alone signals that do not count as the end', () => {
  const ended = run(`onProcessEnd(() => console.log('end'), { signals: ['SIGINT'] }); onSignal('SIGHUP', () => {})
    process.kill(process.pid, 'SIGHUP'); ${WAIT}`)
  expect(ended).toMatchObject({ output: 'still here\nend\n', code: 0 })
})

test('where the application listens too, the process goes on: "run" runs all the same, "skip" does not', () => {
  for (const [ifOthersListen, output] of [
    ['run', 'end\nstill here\nend\n'],
    ['skip', 'still here\nend\n'],
  ]) {
    const script = `process.on('SIGTERM', () => {})
      onProcessEnd(() => console.log('end'), { ifOthersListen: '${ifOthersListen}' })
      process.kill(process.pid, 'SIGTERM'); ${WAIT}`
    expect(run(script)).toMatchObject({ output, code: 0 })
  }
})

test('everything is removed with the last registration', () => {
  const before = ['exit', 'SIGTERM', 'SIGINT', 'SIGHUP'].map((name) => process.listenerCount(name))
  const undo = [onProcessEnd(() => {}), onProcessEnd(() => {}), onSignal('SIGHUP', () => {})]
  for (const one of undo) one()
  expect(['exit', 'SIGTERM', 'SIGINT', 'SIGHUP'].map((name) => process.listenerCount(name))).toEqual(before)
})
