/**
 * Runs under Deno with a list of programs in `--allow-run`: a script that says nothing, and what is left of it. Printed as
 * JSON. `deno run ... --allow-run=ROOT/asleep fixture-deno-list.ts ROOT`.
 * @module
 */
import { createCgi } from '../../src/cgi/plain.ts'

const [root] = (globalThis as unknown as { Deno: { readonly args: readonly string[] } }).Deno.args
const scripts = createCgi({ root: root!, limits: { headerTime: 500, graceTime: 200 }, onError() {} })
const { status } = await scripts(new Request('http://localhost/asleep'))
for (let waited = 0; scripts.status().running > 0 && waited < 5_000; waited += 10) {
  await new Promise((resolve) => setTimeout(resolve, 10))
}
const { running } = scripts.status()
await scripts.close()
console.log(JSON.stringify({ status, running }))
