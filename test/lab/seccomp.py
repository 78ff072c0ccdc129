"""Runs a command to which the kernel refuses a system call, as a container's seccomp profile may.

    python3 seccomp.py getpeername EPERM COMMAND...
    python3 seccomp.py getsockopt:2=57 ENOPROTOOPT COMMAND...   only where its third argument is 57 (SO_COOKIE)
"""

import ctypes
import errno
import os
import platform
import struct
import sys

NUMBERS = {
    "x86_64": {
        "getpeername": 52, "getsockopt": 55, "inotify_add_watch": 254, "poll": 7, "epoll_create1": 291, "socket": 41,
    },
    "aarch64": {
        "getpeername": 205, "getsockopt": 209, "inotify_add_watch": 27, "poll": 73, "epoll_create1": 20, "socket": 198,
    },
}
PR_SET_SECCOMP, PR_SET_NO_NEW_PRIVS, SECCOMP_MODE_FILTER = 22, 38, 2
LOAD_WORD, JUMP_IF_EQUAL, RETURN = 0x20, 0x15, 0x06
ALLOW, REFUSE = 0x7FFF0000, 0x00050000


def instruction(code, yes, no, value):
    return struct.pack("HBBI", code, yes, no, value)


what, error, *command = sys.argv[1:]
name, _, condition = what.partition(":")
index, _, value = condition.partition("=")
tests = [(0, NUMBERS[platform.machine()][name])]
if condition:
    tests.append((16 + 8 * int(index), int(value)))
program = b""
for left, (offset, number) in zip(range(len(tests) - 1, -1, -1), tests):
    program += instruction(LOAD_WORD, 0, 0, offset)
    program += instruction(JUMP_IF_EQUAL, 0, 2 * left + 1, number)
program += instruction(RETURN, 0, 0, REFUSE | getattr(errno, error))
program += instruction(RETURN, 0, 0, ALLOW)

buffer = ctypes.create_string_buffer(program, len(program))
descriptor = ctypes.create_string_buffer(struct.pack("HxxxxxxQ", len(program) // 8, ctypes.addressof(buffer)))
libc = ctypes.CDLL(None, use_errno=True)
if libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) or libc.prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, descriptor, 0, 0):
    sys.exit(f"prctl: {os.strerror(ctypes.get_errno())}")
os.execvp(command[0], command)
