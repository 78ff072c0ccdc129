"""Opens connections one after the other from one port, each with an MSS of its own, and asks for what it is.

    python3 reconnect.py OWN_ADDRESS HOST PORT COUNT

Every third gives up as soon as it has asked. All end with a reset, so that the port is free at once.
"""

import socket
import struct
import sys

own, host, port, count = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
for i in range(count):
    mss = 600 + i % 700
    client = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    client.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    client.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, mss)
    client.settimeout(5)
    client.bind((own, 40000))
    client.connect((host, port))
    client.sendall(f"GET /json?mss={mss} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
    if i % 3 and not client.recv(65536):
        sys.exit(f"closed at {i}")
    client.close()
