import { expect, test } from 'bun:test'

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

/** Counts of listeners before, with what `register` does, and after it was taken back. */
function listeners(register: string): readonly number[][] {
  const { output } = run(`const events = ['exit', 'SIGTERM', 'SIGINT', 'SIGHUP', 'SIGUSR2']
    const count = () => events.map((name) => process.listenerCount(name))
    const counts = [count()]
    const undo = ${register}
    counts.push(count())
    for (const one of undo) one()
    console.log(JSON.stringify([...counts, count()]))`)
  return JSON.parse(output)
}

test('everything is removed with the last registration', () => {
  const [before, , after] = listeners("[onProcessEnd(() => {}), onProcessEnd(() => {}), onSignal('SIGHUP', () => {})]")
  expect(after).toEqual(before!)
})

test('many may register: one listener for exit and for each signal', () => {
  const [before, between, after] = listeners(
    "Array.from({ length: 20 }, () => [onProcessEnd(() => {}), onSignal('SIGUSR2', () => {})]).flat()",
  )
  expect(between).toEqual(before!.map((count) => count + 1))
  expect(after).toEqual(before!)
})

test('each that registered runs once, in order, also when another throws', () => {
  const { output, code } = run(`onProcessEnd(() => console.log(1))
    onProcessEnd(() => { console.log(2); throw new Error('two') })
    const undo = onProcessEnd(() => console.log(3)); onProcessEnd(() => console.log(4)); undo()`)
  expect(output).toBe('1\n2\n4\n')
  expect(code).not.toBe(0)
})

test('what was registered last runs after listeners that the application had by then', () => {
  const script = `onProcessEnd(() => console.log('ours')); process.on('exit', () => console.log('theirs'))`
  expect(run(script).output).toBe('ours\ntheirs\n')
  expect(run(`${script}; onProcessEnd(() => console.log('last'))`).output).toBe('theirs\nours\nlast\n')
})

test('a signal waits for all, and a second one for none', () => {
  const waits = (milliseconds: number): string =>
    `onProcessEnd(() => new Promise((done) => setTimeout(() => { console.log(${milliseconds}); done() }, ${milliseconds})));`
  const kill = `process.kill(process.pid, 'SIGTERM');`
  expect(run(`onProcessEnd(() => console.log('now')); ${waits(60)} ${waits(30)} ${kill}; ${WAIT}`)).toMatchObject({
    output: 'now\n30\n60\n',
    signal: 'SIGTERM',
  })
  expect(run(`${waits(60)} ${waits(30)} ${kill}; setTimeout(() => { ${kill} }, 10); ${WAIT}`)).toMatchObject({
    output: '',
    signal: 'SIGTERM',
  })
})

test('a signal that is only told ends nothing, whoever else awaits the end', () => {
  const ended = run(`onProcessEnd(() => console.log('end')); onSignal('SIGHUP', () => console.log('told'))
    process.kill(process.pid, 'SIGHUP'); ${WAIT}`)
  expect(ended).toMatchObject({ output: 'end\ntold\nstill here\nend\n', code: 0 })
})
