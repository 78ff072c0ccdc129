/**
 * Octets put aside: in memory while they are few, then in a file that has no name, so that nothing of it can stay behind.
 * @module
 */
import type { Spool } from './runtime-parts.ts'

type FileSystem = typeof import('node:fs')

const IN_MEMORY = 262_144
const PIECE = 65_536

/** A spool whose file, where it needs one, is made in `directory`. */
export function openSpool(fs: FileSystem, directory: string): Spool {
  return new FileSpool(fs, directory)
}

class FileSpool implements Spool {
  readonly #fs: FileSystem
  readonly #directory: string
  #memory: Uint8Array[] = []
  #descriptor: number | undefined
  #length = 0

  constructor(fs: FileSystem, directory: string) {
    this.#fs = fs
    this.#directory = directory
  }

  get length(): number {
    return this.#length
  }

  append(octets: Uint8Array): void {
    if (this.#descriptor === undefined && this.#length + octets.length <= IN_MEMORY) {
      this.#memory.push(octets)
      this.#length += octets.length
      return
    }
    this.#descriptor ??= this.#open()
    this.#write(this.#descriptor, octets)
  }

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
          const taken = await this.#read(descriptor, piece, position)
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

  discard(): void {
    this.#memory = []
    if (this.#descriptor === undefined) return
    const descriptor = this.#descriptor
    this.#descriptor = undefined
    this.#fs.close(descriptor, () => {})
  }

  /** A file that only this process can open, gone from its directory at once. */
  #open(): number {
    const fs = this.#fs
    const path = `${this.#directory}/tcpfingerprint-${crypto.randomUUID()}`
    const { O_RDWR, O_CREAT, O_EXCL } = fs.constants
    const descriptor = fs.openSync(path, O_RDWR | O_CREAT | O_EXCL, 0o600)
    fs.unlinkSync(path)
    const memory = this.#memory
    this.#memory = []
    this.#length = 0
    for (const octets of memory) this.#write(descriptor, octets)
    return descriptor
  }

  /** At once: a thread would take longer, and octets that wait for it pile up. */
  #write(descriptor: number, octets: Uint8Array): void {
    for (let done = 0; done < octets.length; ) {
      const taken = this.#fs.writeSync(descriptor, octets, done, octets.length - done, this.#length)
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
