/** Lets koffi find the C library under one name alone, `LIBC_NAME`, as on a system that has no other: `node --require ./node-libc.cjs`. */
const koffi = require('koffi')
const { load } = koffi
koffi.load = (name) => {
  if (name !== process.env.LIBC_NAME) throw new Error(`${name}: cannot open shared object file: No such file or directory`)
  return load('libc.so.6')
}
