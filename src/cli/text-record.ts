/**
 * Records as text for people.
 * @module
 */

import type { Output } from './output.ts'
import type { RecordWriter } from './record.ts'

/** Text for people. */
export function createTextWriter(out: Output, _color: boolean): RecordWriter {
  return {
    record: ({ syn }) => out.text(`${JSON.stringify(syn, undefined, 2)}\n`),
    error: () => {},
  }
}
