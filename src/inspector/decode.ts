/**
 * Pasted and linked dumps: what they say, as JSON and for the page. The decoders are loaded with the first dump.
 * @module
 */
import type { Database } from '../label/database.ts'
import type { Label } from '../label/match.ts'
import type { DecodeError } from '../wire/errors.ts'
import type { Decoded, DumpKind } from './dump.ts'

/** Octets of a form that are read: a dump of `MAX_PASTE` characters, three octets for each where all are escaped. */
const MAX_BODY = 200_000

/** A dump as it was sent. */
export interface SentDump {
  readonly text: string
  readonly kind: DumpKind
}

/** What a dump says, or why it cannot be decoded. */
export interface DumpAnswer {
  readonly status: 200 | 400 | 413
  readonly decoded: Decoded | undefined
  readonly label: Label | undefined
  readonly error: DecodeError | 'too-large' | undefined
  /** The answer for programs. */
  readonly record: object
}

function kindOf(text: string | null | undefined): DumpKind {
  return text === 'syn' || text === 'tcp-info' ? text : 'auto'
}

/** The dump of a link: `?decode=HEX&kind=syn`. */
export function linkedDump(text: string, kind: string | undefined): SentDump {
  return { text, kind: kindOf(kind) }
}

/** The dump of a form, or of a body of text; `undefined` where the body is too large. */
export async function readDump(request: Request): Promise<SentDump | undefined> {
  if (Number(request.headers.get('content-length') ?? 0) > MAX_BODY) return undefined
  const octets: Uint8Array[] = []
  let length = 0
  if (request.body !== null) {
    for await (const chunk of request.body as unknown as AsyncIterable<Uint8Array>) {
      length += chunk.length
      if (length > MAX_BODY) return undefined
      octets.push(chunk)
    }
  }
  const body = new TextDecoder().decode(await new Blob(octets as BlobPart[]).arrayBuffer())
  const type = request.headers.get('content-type') ?? ''
  const form = type.startsWith('text/plain') ? new URLSearchParams([['dump', body]]) : new URLSearchParams(body)
  return { text: form.get('dump') ?? '', kind: kindOf(form.get('kind')) }
}

/**
 * Decodes a dump.
 *
 * @param dump `undefined` for a body that was too large
 * @param database where labels come from; false for none, `undefined` for the project's own signatures
 */
export async function explainDump(
  dump: SentDump | undefined,
  database: Database | false | undefined,
): Promise<DumpAnswer> {
  const [{ decodeDump, MAX_PASTE }, { fingerprints }, { defaultDatabase }, { match }] = await Promise.all([
    import('./dump.ts'),
    import('../fingerprint/index.ts'),
    import('../label/default.ts'),
    import('../label/match.ts'),
  ])
  const nothing = { decoded: undefined, label: undefined }
  if (dump === undefined || dump.text.length > MAX_PASTE) {
    const record = { error: { reason: 'too-long', offset: 0 } }
    return { ...nothing, status: 413, error: 'too-large', record }
  }
  const result = decodeDump(dump.text, dump.kind)
  if (!result.ok) return { ...nothing, status: 400, error: result.error, record: { error: result.error } }
  const decoded = result.value
  if (decoded.kind === 'tcp-info') {
    const { more, ...record } = decoded
    return { status: 200, decoded, label: undefined, error: undefined, record }
  }
  const { syn } = decoded
  const label = database === false ? undefined : match(database ?? defaultDatabase(), syn)
  const record = { ...syn.toJSON(), fingerprints: fingerprints(syn), label }
  return { status: 200, decoded, label, error: undefined, record }
}
