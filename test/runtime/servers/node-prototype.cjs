/**
 * What somebody else may have done to the prototype of functions, by `PROTOTYPE`: `frozen`, `taken` (a `pointer` is there already), `watched`.
 * `node --require ./node-prototype.cjs`. On exit the process says on standard error what has become of it.
 */
const { PROTOTYPE } = process.env
if (PROTOTYPE === 'frozen') Object.freeze(Function.prototype)
if (PROTOTYPE === 'taken') Object.defineProperty(Function.prototype, 'pointer', { value: 'taken', writable: true, configurable: true })
const before = JSON.stringify(Object.getOwnPropertyDescriptor(Function.prototype, 'pointer'))
process.on('exit', () => {
  const after = JSON.stringify(Object.getOwnPropertyDescriptor(Function.prototype, 'pointer'))
  process.stderr.write(before === after ? 'as before' : `${before} before, ${after} after`)
})
