/**
 * The error of a refused system call.
 * @module
 */

/**
 * A system call on a socket failed.
 *
 * @see the manual page of `syscall` for what `code` means there
 */
export class SocketError extends Error {
  override readonly name = 'SocketError'
  /** The kernel's name of `errno`: `ENOTCONN`, `ENOPROTOOPT`, `EBADF` ... */
  readonly code: string
  readonly errno: number
  /** The call that failed. */
  readonly syscall: string
  /** The socket option asked for, where there was one. */
  readonly option: string | undefined
  readonly fd: number
  constructor(action: string, facts: { code: string; errno: number; syscall: string; option?: string; fd: number }) {
    const which = facts.fd < 0 ? 'descriptor' : `descriptor ${facts.fd}`
    super(`${action} ${which}: ${facts.syscall} failed with ${facts.code}`)
    this.code = facts.code
    this.errno = facts.errno
    this.syscall = facts.syscall
    this.option = facts.option
    this.fd = facts.fd
  }
}
