"""What the test of pf.os needs of Linux: SYNs on loopback, and fingerprints taken out of the kernel again.

  pf-os.py send         three connections of this machine's own, then two SYNs as zmap sends them by default
  pf-os.py remove FILE  removes from the kernel what nft has loaded of a pf.os file: it is the kernel's, not the namespace's
"""
import socket
import struct
import sys


def checksum(octets):
    total = sum(struct.unpack('!%dH' % (len(octets) // 2), octets))
    total = (total >> 16) + (total & 0xFFFF)
    return ~(total + (total >> 16)) & 0xFFFF


def send():
    listener = socket.socket()
    listener.bind(('127.0.0.1', 0))
    listener.listen()
    port = listener.getsockname()[1]
    for _ in range(3):
        socket.create_connection(('127.0.0.1', port)).close()
    home = socket.inet_aton('127.0.0.1')
    options = bytes([2, 4, 5, 0xB4, 1, 3, 3, 8, 1, 1, 4, 2])
    tcp = struct.pack('!HHIIBBHHH', 40000, port, 12345, 0, 8 << 4, 2, 65535, 0, 0) + options
    pseudo = home * 2 + struct.pack('!BBH', 0, 6, len(tcp))
    tcp = tcp[:16] + struct.pack('!H', checksum(pseudo + tcp)) + tcp[18:]
    ip = struct.pack('!BBHHHBBH4s4s', 0x45, 0, 20 + len(tcp), 4321, 0, 64, 6, 0, home, home)
    raw = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
    for _ in range(2):
        raw.sendto(ip + tcp, ('127.0.0.1', 0))


KIND = {'N': (1, 1), 'M': (2, 4), 'W': (3, 3), 'S': (4, 2), 'T': (8, 10), 'E': (0, 1)}
PLAIN, MSS, MTU, MODULO = range(4)


def value(text):
    if text in ('', '*'):
        return PLAIN, 0
    rules = {'S': MSS, 'T': MTU, '%': MODULO}
    return (rules[text[0]], int(text[1:])) if text[0] in rules else (PLAIN, int(text))


def finger(line):
    """struct nf_osf_user_finger of a line, as nft writes it."""
    window, ttl, df, size, order, genre, version, subtype, _ = line.split(':', 8)
    words = [] if order == '.' else order.split(',')
    options = b''.join(struct.pack('=HHII', *KIND[word[0]], *value(word[1:])) for word in words)
    names = b''.join(name.encode()[:31].ljust(32, b'\0') for name in (genre, version, subtype))
    head = struct.pack('=IIBBHHH', *value(window), int(ttl), int(df), int(size), 0, len(words))
    return head + names + options.ljust(40 * 12, b'\0')


def remove(path):
    netlink = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 12)
    netlink.bind((0, 0))
    for line in open(path):
        if line.startswith('#') or line.strip() == '':
            continue
        octets = finger(line.rstrip('\n'))
        attribute = struct.pack('=HH', 4 + len(octets), 1) + octets
        attribute += b'\0' * (-len(attribute) % 4)
        body = struct.pack('=BBH', 0, 0, 0) + attribute
        # NFNL_SUBSYS_OSF, OSF_MSG_REMOVE; NLM_F_REQUEST and NLM_F_ACK
        netlink.send(struct.pack('=IHHII', 16 + len(body), (5 << 8) | 1, 5, 1, 0) + body)
        netlink.recv(4096)


if sys.argv[1] == 'send':
    send()
else:
    remove(sys.argv[2])
