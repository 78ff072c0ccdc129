/**
 * Numbers of the Linux system call interface, as on x86-64 and arm64 (the machines Bun and Deno run on).
 * Names are those of the kernel headers named beside them.
 * @module
 */

/** Socket levels and options (asm-generic/socket.h, linux/in.h, linux/in6.h, linux/tcp.h). */
export const SOL_SOCKET = 1
export const SO_TYPE = 3
export const SO_RCVBUF = 8
export const SO_ATTACH_FILTER = 26
export const SO_ACCEPTCONN = 30
export const SO_RCVBUFFORCE = 33
export const SO_LOCK_FILTER = 44
export const SO_COOKIE = 57
export const IPPROTO_IP = 0
export const IP_MULTICAST_TTL = 33
export const IPPROTO_IPV6 = 41
export const IPV6_MULTICAST_HOPS = 18
export const IPPROTO_TCP = 6
export const TCP_DEFER_ACCEPT = 9
export const TCP_INFO = 11
export const TCP_SAVE_SYN = 27
export const TCP_SAVED_SYN = 28

/** Address families (linux/socket.h) and socket types (linux/net.h). */
export const AF_INET = 2
export const AF_INET6 = 10
export const SOCK_STREAM = 1
export const SOCK_DGRAM = 2
export const SOCK_RAW = 3
export const SOCK_NONBLOCK = 0x800
export const SOCK_CLOEXEC = 0x80000
export const MSG_DONTWAIT = 0x40

/** Netlink (linux/netlink.h, linux/sock_diag.h, linux/rtnetlink.h). */
export const AF_NETLINK = 16
export const SOL_NETLINK = 270
export const NETLINK_ROUTE = 0
export const NETLINK_SOCK_DIAG = 4
export const NETLINK_GET_STRICT_CHK = 12

/** Packet sockets (linux/if_packet.h, linux/if_ether.h). */
export const AF_PACKET = 17
export const SOL_PACKET = 263
export const PACKET_RX_RING = 5
export const PACKET_STATISTICS = 6
export const PACKET_VERSION = 10
export const PACKET_IGNORE_OUTGOING = 23
export const ETH_P_ALL = 0x0003
export const ETH_P_IP = 0x0800
export const ETH_P_IPV6 = 0x86dd

/** Memory (asm-generic/mman-common.h). */
export const PROT_READ = 1
export const PROT_WRITE = 2
export const MAP_SHARED = 1

/** Names and numbers of interfaces (linux/sockios.h). */
export const SIOCGIFNAME = 0x8910
export const SIOCGIFINDEX = 0x8933

/** When the packet received last came (asm-generic/sockios.h). */
export const SIOCGSTAMPNS = 0x8907

/** Octets waiting to be read (asm-generic/ioctls.h). */
export const FIONREAD = 0x541b

/** openat (linux/fcntl.h). */
export const AT_FDCWD = -100
export const O_CLOEXEC = 0x80000

/** inotify (linux/inotify.h). */
export const IN_CLOEXEC = 0x80000
export const IN_NONBLOCK = 0x800
export const IN_CLOSE_WRITE = 0x8
export const IN_CLOSE_NOWRITE = 0x10
export const IN_Q_OVERFLOW = 0x4000

/** poll (asm-generic/poll.h). POLLNVAL: the number is not open. */
export const POLLIN = 0x1
export const POLLOUT = 0x4
export const POLLHUP = 0x10
export const POLLNVAL = 0x20
export const POLLWRNORM = 0x100
export const POLLWRBAND = 0x200

/** epoll (linux/eventpoll.h). EPOLLERR and EPOLLHUP need not be asked for. */
export const EPOLL_CLOEXEC = 0x80000
export const EPOLL_CTL_ADD = 1
export const EPOLL_CTL_DEL = 2
export const EPOLLIN = 0x1
export const EPOLLOUT = 0x4
export const EPOLLERR = 0x8
export const EPOLLHUP = 0x10
export const EPOLLET = 0x8000_0000

/** Error numbers this library tells apart or names (asm-generic/errno-base.h, errno.h). */
export const ERRNO = {
  EPERM: 1,
  ENOENT: 2,
  EINTR: 4,
  EBADF: 9,
  EAGAIN: 11,
  ENOMEM: 12,
  EACCES: 13,
  EEXIST: 17,
  ENODEV: 19,
  EINVAL: 22,
  EMFILE: 24,
  ENOSPC: 28,
  ENOSYS: 38,
  ENOTSOCK: 88,
  ENOPROTOOPT: 92,
  EPROTONOSUPPORT: 93,
  EOPNOTSUPP: 95,
  EAFNOSUPPORT: 97,
  ENETDOWN: 100,
  ENOBUFS: 105,
  ENOTCONN: 107,
} as const

/** The kernel's name of an error number; `errno N` for one this library has no name for. */
export function errnoName(errno: number): string {
  return Object.entries(ERRNO).find(([, number]) => number === errno)?.[0] ?? `errno ${errno}`
}
