/**
 * Which descriptor has which inotify watch, by either number. Not two `Map`s: on Bun they take 130 octets for each watch, this 20.
 * @module
 */
import { grown } from '../grown.ts'

/** One per watcher. */
export class Watches {
  /** By descriptor: its watch, one added; 0 for none. */
  #watch = new Uint32Array(256)
  // Descriptors in lists by the lower bits of their watch, one added to each; 0 ends a list. The kernel gives watches in ascending order.
  #first = new Uint32Array(256)
  #next = new Uint32Array(256)
  /** How many there are. */
  size = 0

  /** True if the descriptor has a watch. */
  has(fd: number): boolean {
    return this.#watch[fd]! > 0
  }

  /** The descriptor of a watch, -1 for none. */
  fdOf(watch: number): number {
    let fd = this.#first[this.#place(watch)]! - 1
    while (fd >= 0 && this.#watch[fd] !== watch + 1) fd = this.#next[fd]! - 1
    return fd
  }

  /** The descriptor has this watch from now on, which no other has. */
  add(fd: number, watch: number): void {
    this.delete(fd)
    if (fd >= this.#watch.length) {
      this.#watch = grown(this.#watch, fd + 1)
      this.#next = grown(this.#next, fd + 1)
      this.#first = new Uint32Array(this.#watch.length)
      for (const one of this.all()) this.#link(one)
    }
    this.#watch[fd] = watch + 1
    this.#link(fd)
    this.size++
  }

  #place(watch: number): number {
    return watch & (this.#first.length - 1)
  }

  #link(fd: number): void {
    const place = this.#place(this.#watch[fd]! - 1)
    this.#next[fd] = this.#first[place]!
    this.#first[place] = fd + 1
  }

  /** Takes a descriptor's watch from it: that, -1 for none. */
  delete(fd: number): number {
    if (!this.has(fd)) return -1
    const watch = this.#watch[fd]! - 1
    const next = this.#next[fd]!
    const place = this.#place(watch)
    let before = this.#first[place]! - 1
    if (before === fd) this.#first[place] = next
    else {
      while (this.#next[before] !== fd + 1) before = this.#next[before]! - 1
      this.#next[before] = next
    }
    this.#watch[fd] = 0
    this.size--
    return watch
  }

  /** The descriptors, in a list of the caller's own. */
  all(): number[] {
    return [...this.#watch.keys()].filter((fd) => this.has(fd))
  }
}
