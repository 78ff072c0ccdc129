/**
 * Octets that are spooled until all of them are there: in memory while they are few, then in a temporary file without a name, of which
 * nothing can stay behind.
 * @module
 */
import { type FileSystem, fileSystem, temporaryDirectory } from '../runtime/files.ts'

/** Octets that are kept in memory. */
const IN_MEMORY = 262_144
/** Octets that are read from the file at once. */
const PIECE = 65_536

/** A spooled body. On Deno a file needs `--allow-write`. */
export class Spool {
  readonly #fs: FileSystem = fileSystem()
  #memory: Uint8Array[] = []
  #descriptor: number | undefined
  #length = 0

  get length(): number {
    return this.#length
  }

  /** Adds octets. They must not be changed afterwards. */
  append(octets: Uint8Array): void {
    if (this.#descriptor === undefined && this.#length + octets.length <= IN_MEMORY) {
      this.#memory.push(octets)
      this.#length += octets.length
      return
    }
    this.#write(this.#descriptor ?? this.#open(), octets)
  }

  /** Everything from the beginning. Called once. The spool is discarded when the stream ends or is cancelled. */
  read(): ReadableStream<Uint8Array> {
    const memory = this.#memory
    const descriptor = this.#descriptor
    let position = 0
    this.#memory = []
    return new ReadableStream<Uint8Array>(
      {
        pull: async (controller) => {
          if (descriptor === undefined) {
            const next = memory.shift()
            if (next !== undefined) controller.enqueue(next)
            if (memory.length === 0) controller.close()
            return
          }
          const piece = new Uint8Array(PIECE)
          const taken = await this.#read(descriptor, piece, position).catch((error) => {
            this.discard()
            throw error
          })
          position += taken
          if (taken > 0) controller.enqueue(piece.subarray(0, taken))
          else {
            this.discard()
            controller.close()
          }
        },
        cancel: () => this.discard(),
      },
      { highWaterMark: 0 },
    )
  }

  /** Frees memory and file. */
  discard(): void {
    this.#memory = []
    if (this.#descriptor === undefined) return
    const descriptor = this.#descriptor
    this.#descriptor = undefined
    this.#fs.close(descriptor, () => {})
  }

  /** A file that only this process can open, because its name is removed at once. */
  #open(): number {
    const fs = this.#fs
    const path = `${temporaryDirectory()}/tcpfingerprint-${crypto.randomUUID()}`
    const { O_RDWR, O_CREAT, O_EXCL } = fs.constants
    const descriptor = fs.openSync(path, O_RDWR | O_CREAT | O_EXCL, 0o600)
    // From here on `discard` closes it, whatever fails.
    this.#descriptor = descriptor
    fs.unlinkSync(path)
    const memory = this.#memory
    this.#memory = []
    this.#length = 0
    for (const octets of memory) this.#write(descriptor, octets)
    return descriptor
  }

  /** Synchronous, because octets would pile up while a thread of the runtime writes. */
  #write(descriptor: number, octets: Uint8Array): void {
    for (let done = 0; done < octets.length; ) {
      const taken = this.#fs.writeSync(descriptor, octets, done, octets.length - done, this.#length)
      if (taken <= 0) throw new Error('Cannot spool a body: nothing was taken')
      done += taken
      this.#length += taken
    }
  }

  #read(descriptor: number, piece: Uint8Array, position: number): Promise<number> {
    return new Promise((resolve, reject) => {
      this.#fs.read(descriptor, piece, 0, piece.length, position, (error, count) => {
        if (error) reject(error)
        else resolve(count)
      })
    })
  }
}
