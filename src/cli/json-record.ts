/**
 * Records as lines of JSON.
 * @module
 */
import type { Output } from './output.ts'
import type { RecordWriter } from './record.ts'

/** Lines of JSON. */
export function createJsonWriter(out: Output): RecordWriter {
  return {
    record: ({ syn, file, frame, tunnel }) =>
      out.text(`${JSON.stringify(file === undefined ? syn : { file, frame, tunnel, ...syn.toJSON() })}\n`),
    error: (error, file, frame) => out.text(`${JSON.stringify({ file, frame, error })}\n`),
  }
}
