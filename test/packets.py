# SPDX-License-Identifier: Apache-2.0
"""packets.py: captures written packet by packet, for cases and crash tests. Only what tests need, from Python's own
library.

A frame is bytes; times are whole nanoseconds since 1970. Addresses are text, and their form says whether IPv4 or IPv6
is meant. Checksums are right, so that other programs read these files without complaint.

    with Pcap("a.pcap") as c:
        t = Tcp(c, "10.0.0.1", 40000, "10.0.0.2", 80)
        t.handshake(T0, rtt=10 * MS)
        t.send(T0 + SECOND, "a", b"GET /")
        c.add(T0 + 2 * SECOND, ether(udp("10.0.0.1", 5353, "10.0.0.2", 53, dns(7))))

    packets.py show DIR        the P2 files of a folder, readable: names of the shipped layouts, zeros and nulls
                               left out
    packets.py check DIR       whole sets only: files and marker; gives their number"""
import ipaddress
import os
import re
import struct
import sys

US, MS, SECOND = 10**3, 10**6, 10**9
MINUTE = 60 * SECOND
T0 = 1763719200 * SECOND  # a full minute
FIN, SYN, RST, PSH, ACK, URG = 1, 2, 4, 8, 16, 32
ETHERNET, RAW, SLL = 1, 101, 113
MAC_A, MAC_B = "02:00:00:00:00:0a", "02:00:00:00:00:0b"


# --- headers ----------------------------------------------------------------------------------------------------------

def checksum(data):
    if len(data) % 2:
        data += b"\0"
    n = sum(struct.unpack(">%dH" % (len(data) // 2), data))
    while n >> 16:
        n = (n & 0xffff) + (n >> 16)
    return ~n & 0xffff


def address(text):
    return ipaddress.ip_address(text).packed


def mac(text):
    return bytes.fromhex(text.replace(":", ""))


def ether(payload, src=MAC_A, dst=MAC_B, vlans=(), kind=None):
    """vlans: ids, outermost first; of several the outer ones are 802.1ad. kind: what the payload's version does not
    say."""
    if kind is None:
        kind = 0x86dd if payload[0] >> 4 == 6 else 0x0800
    tags = b""
    for i, v in enumerate(vlans):
        tags += struct.pack(">HH", 0x88a8 if i < len(vlans) - 1 else 0x8100, v)
    return mac(dst) + mac(src) + tags + struct.pack(">H", kind) + payload


def ip(src, dst, protocol, payload, ttl=64, ident=0, offset=0, more=False, length=None):
    """IPv4 or IPv6 by the addresses. offset (bytes) and more make it a fragment; length overrides what the header
    says."""
    s, d = address(src), address(dst)
    if len(s) == 4:
        head = struct.pack(">BBHHHBBH4s4s", 0x45, 0, 20 + len(payload) if length is None else length, ident,
                           offset // 8 | (0x2000 if more else 0), ttl, protocol, 0, s, d)
        return head[:10] + struct.pack(">H", checksum(head)) + head[12:] + payload
    if offset or more:
        payload = struct.pack(">BBHI", protocol, 0, offset | more, ident) + payload
        protocol = 44
    size = len(payload) if length is None else length
    return struct.pack(">IHBB16s16s", 6 << 28, size, protocol, ttl, s, d) + payload


def pseudo(src, dst, protocol, length):
    s = address(src)
    return s + address(dst) + (struct.pack(">HH", protocol, length) if len(s) == 4
                               else struct.pack(">II", length, protocol))


def tcp(src, sport, dst, dport, seq, ack, flags, payload=b"", window=65535, options=b"", **more):
    options += b"\0" * (-len(options) % 4)
    head = struct.pack(">HHIIBBHHH", sport, dport, seq % 2**32, ack % 2**32, (20 + len(options)) // 4 << 4, flags,
                       window, 0, 0)
    whole = head + options + payload
    n = checksum(pseudo(src, dst, 6, len(whole)) + whole)
    return ip(src, dst, 6, whole[:16] + struct.pack(">H", n) + whole[18:], **more)


def udp_datagram(src, sport, dst, dport, payload):
    whole = struct.pack(">HHHH", sport, dport, 8 + len(payload), 0) + payload
    n = checksum(pseudo(src, dst, 17, len(whole)) + whole) or 0xffff
    return whole[:6] + struct.pack(">H", n) + whole[8:]


def udp(src, sport, dst, dport, payload=b"", **more):
    return ip(src, dst, 17, udp_datagram(src, sport, dst, dport, payload), **more)


def fragments(src, dst, protocol, payload, size, ident=1, ttl=64):
    """A datagram in parts of at most `size` bytes (a multiple of 8), in order."""
    return [ip(src, dst, protocol, payload[at:at + size], ttl, ident, at, at + size < len(payload))
            for at in range(0, len(payload), size)]


def dns(ident, response=False, rcode=0, name="example.org"):
    """A query of type A, or its answer (without records)."""
    flags = 0x8180 | rcode if response else 0x0100
    labels = b"".join(bytes([len(p)]) + p.encode() for p in name.split("."))
    return struct.pack(">HHHHHH", ident, flags, 1, 0, 0, 0) + labels + b"\0" + struct.pack(">HH", 1, 1)


def icmp(src, dst, kind, code, rest, payload=b"", **more):
    """rest: the 4 bytes behind the checksum (id and sequence of an echo)."""
    whole = struct.pack(">BBHI", kind, code, 0, rest) + payload
    six = len(address(src)) == 16
    n = checksum((pseudo(src, dst, 58, len(whole)) if six else b"") + whole)
    return ip(src, dst, 58 if six else 1, whole[:2] + struct.pack(">H", n) + whole[4:], **more)


def ping(src, dst, ident, number, reply=False, payload=b"x" * 56, **more):
    kind = (129 if reply else 128) if len(address(src)) == 16 else (0 if reply else 8)
    return icmp(src, dst, kind, 0, ident << 16 | number, payload, **more)


def arp(src, dst, reply=False, src_mac=MAC_A, dst_mac="ff:ff:ff:ff:ff:ff"):
    body = struct.pack(">HHBBH", 1, 0x0800, 6, 4, 2 if reply else 1) + mac(src_mac) + address(src)
    body += mac(dst_mac if reply else "00:00:00:00:00:00") + address(dst)
    return ether(body, src_mac, dst_mac, kind=0x0806)


# --- files ------------------------------------------------------------------------------------------------------------

class Pcap:
    """A savefile. nano, big: its clock and byte order; snap: bytes kept of a frame."""

    def __init__(self, to, link=ETHERNET, nano=False, big=False, snap=262144):
        self.file = open(to, "wb") if isinstance(to, str) else to
        self.order, self.unit, self.snap = ">" if big else "<", 1 if nano else 1000, snap
        magic = 0xa1b23c4d if nano else 0xa1b2c3d4
        self.file.write(struct.pack(self.order + "IHHiIII", magic, 2, 4, 0, 0, snap, link))

    def add(self, time, frame, length=None):
        """length: what the frame had on the wire."""
        kept = frame[:self.snap]
        self.file.write(struct.pack(self.order + "IIII", time // SECOND, time % SECOND // self.unit, len(kept),
                                    length or len(frame)) + kept)

    def raw(self, data):
        self.file.write(data)

    def close(self):
        self.file.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


class Pcapng(Pcap):
    """One section; interfaces: [(link, digits of its clock)]."""

    def __init__(self, to, interfaces=((ETHERNET, 6),), big=False, snap=262144):
        self.file = open(to, "wb") if isinstance(to, str) else to
        self.order, self.snap, self.digits = ">" if big else "<", snap, [d for _, d in interfaces]
        self.block(0x0a0d0d0a, struct.pack(self.order + "IHHq", 0x1a2b3c4d, 1, 0, -1))
        for link, digits in interfaces:
            option = struct.pack(self.order + "HHB3xHH", 9, 1, digits, 0, 0)
            self.block(1, struct.pack(self.order + "HHI", link, 0, snap) + option)

    def block(self, kind, body):
        body += b"\0" * (-len(body) % 4)
        total = struct.pack(self.order + "I", 12 + len(body))
        self.file.write(struct.pack(self.order + "I", kind) + total + body + total)

    def add(self, time, frame, length=None, interface=0):
        kept = frame[:self.snap]
        ticks = time // 10 ** (9 - self.digits[interface])
        self.block(6, struct.pack(self.order + "IIIII", interface, ticks >> 32, ticks & 0xffffffff, len(kept),
                                  length or len(frame)) + kept)


# --- conversations ----------------------------------------------------------------------------------------------------

class Tcp:
    """A connection that remembers its sequence numbers. Ends are "a" (the first address) and "b"; `link` makes frames
    of packets."""

    def __init__(self, capture, a, aport, b, bport, link=ether, aseq=1000, bseq=5000, attl=64, bttl=64):
        self.capture, self.link = capture, link
        self.end = {"a": (a, aport, b, bport), "b": (b, bport, a, aport)}
        self.ttl = {"a": attl, "b": bttl}
        self.next = {"a": aseq, "b": bseq}
        self.last = {}  # end: (sequence number, flags, payload) sent last
        self.acked = {"a": 0, "b": 0}

    def segment(self, time, end, seq, flags, payload=b"", **more):
        other = "b" if end == "a" else "a"
        ack = more.pop("ack", self.acked[end] or self.next[other]) if flags & ACK else 0
        self.capture.add(time, self.link(tcp(*self.end[end], seq, ack, flags, payload, ttl=self.ttl[end], **more)))

    def send(self, time, end, payload=b"", flags=PSH | ACK, **more):
        """The next bytes of that end (SYN and FIN count as one)."""
        self.last[end] = self.next[end], flags, payload
        self.segment(time, end, self.next[end], flags, payload, **more)
        self.next[end] += len(payload) + bool(flags & SYN) + bool(flags & FIN)

    def ack(self, time, end, **more):
        self.segment(time, end, self.next[end], ACK, **more)

    def again(self, time, end, **more):
        """What that end sent last, once more."""
        seq, flags, payload = self.last[end]
        self.segment(time, end, seq, flags, payload, **more)

    def skip(self, end, length):
        """Bytes that were sent and not captured."""
        self.next[end] += length

    def handshake(self, time, rtt=10 * MS, last=1 * MS):
        """SYN, SYN-ACK rtt later, ACK `last` after that."""
        self.send(time, "a", flags=SYN)
        self.send(time + rtt, "b", flags=SYN | ACK)
        self.ack(time + rtt + last, "a")

    def finish(self, time, step=1 * MS):
        """FIN of a, FIN of b, the last ACK."""
        self.send(time, "a", flags=FIN | ACK)
        self.send(time + step, "b", flags=FIN | ACK)
        self.ack(time + 2 * step, "a")


# --- reading P2 files -------------------------------------------------------------------------------------------------

def columns(layouts=None):
    """{"tcp": [names]} of the shipped layouts."""
    path = layouts or os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "conf", "layouts", "p2.yaml")
    out, now = {}, None
    with open(path, encoding="utf-8") as f:
        for line in f:
            m = re.search(r"layout: p2-(\w+)", line)
            if m:
                now = out.setdefault(m.group(1), [])
            m = re.search(r"- \{ name: (\w+)", line)
            if m and now is not None:
                now.append(m.group(1))
    return out


def sets(folder):
    """{start: {"tcp": path, ..., "marker": path}}"""
    out = {}
    for name in os.listdir(folder):
        m = re.fullmatch(r"_(\w+)_@(\d+)|__@(\d+)\.finished", name)
        if m:
            out.setdefault(int(m.group(2) or m.group(3)), {})[m.group(1) or "marker"] = os.path.join(folder, name)
    return out


def records(folder):
    """(start, file, [values]) of every line, in order of start and file."""
    for start, files in sorted(sets(folder).items()):
        for kind in ("tcp", "udp", "other", "arp", "eth"):
            if kind in files:
                with open(files[kind], encoding="utf-8", newline="\n") as f:
                    for line in f:
                        yield start, kind, line.rstrip("\n").split(" ")


def show(folder):
    """Pairs of columns (...SrcToDst, ...DstToSrc) as one, a/b; zeros and nulls left out."""
    names = columns()
    for start, kind, values in sorted(records(folder),
                                      key=lambda r: (r[0], ("tcp udp other arp eth").split().index(r[1]), r[2])):
        if kind not in names:
            print(start, kind, *values)
            continue
        if len(values) != len(names[kind]):
            print(start, kind, "HAS %d COLUMNS, NOT %d:" % (len(values), len(names[kind])), *values)
            continue
        row, text, done = dict(zip(names[kind], values)), [], set()
        for name, value in row.items():
            other = name.replace("SrcToDst", "DstToSrc") if "SrcToDst" in name else None
            if name in done:
                continue
            if other in row:
                done.add(other)
                if {value, row[other]} - {"0", "-", "0,0,0,0,0,0,0"}:
                    text.append("%s=%s/%s" % (name.replace("SrcToDst", ""), value, row[other]))
            elif value not in ("0", "-"):
                text.append("%s=%s" % (name, value))
        print("%d %s %s" % (start, kind, "\n    ".join([" ".join(text[:9]), " ".join(text[9:])]).rstrip()))


def check(folder):
    found = sets(folder)
    for start, files in sorted(found.items()):
        lack = {"tcp", "udp", "other", "marker"} - set(files)
        if lack:
            print("%d lacks %s" % (start, ", ".join(sorted(lack))))
        elif os.path.getsize(files["marker"]) or any(os.stat(f).st_mtime_ns > os.stat(files["marker"]).st_mtime_ns
                                                     for f in files.values()):
            print("%d: the marker is not empty, or not the last" % start)
    print("%d sets" % len(found))


if __name__ == "__main__":
    {"show": show, "check": check}[sys.argv[1]](sys.argv[2])
