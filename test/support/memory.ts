/**
 * Memory of other processes.
 * @module
 */
import { readFileSync } from 'node:fs'

/** Resident memory of a process, MiB. */
export function residentMemory(pid: number): number {
  return Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))![1]) / 1024
}
