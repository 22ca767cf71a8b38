# SPDX-License-Identifier: Apache-2.0
"""unified2.py: unified2 files written record by record, for cases, crash tests and benches. Only Python's own library.

A record is bytes; a file is their sum. Addresses are text, and their form says which family's types are meant.

    u2 = event(1, "10.0.0.1", "10.0.0.2", sid=2003, gid=1) + packet(1, b"...") + extra(1, 9, b"/index.html")
    spool("dir", "snort.u2", 1763719200, u2)"""
import ipaddress
import os
import struct

T0 = 1763719200
PACKET, BUFFER, EVENT, EVENT6, VLAN, VLAN6, EXTRA, APP, APP6, APPS, EVENT3 = 2, 3, 7, 72, 104, 105, 110, 111, 112, 113, 114


def record(kind, body, length=None):
    """length: what the header says instead of the truth."""
    return struct.pack(">II", kind, len(body) if length is None else length) + body


def address(text):
    return ipaddress.ip_address(text).packed


def event(number, src, dst, sid=1, gid=1, rev=1, second=T0, us=0, sensor=0, sport=1024, dport=80, protocol=6, class_id=1,
          priority=2, flags=(0, 0, 0), vlan=None, app=None, mpls=0, policy=0, rest=b""):
    """Types 7 and 72; with vlan 104 and 105; with app (bytes of 16 or 64) 111 and 112. flags: impact flag, impact, blocked."""
    s, d = address(src), address(dst)
    body = struct.pack(">9I", sensor, number, second, us, sid, gid, rev, class_id, priority) + s + d
    body += struct.pack(">HHBBBB", sport, dport, protocol, *flags)
    if vlan is not None or app is not None:
        body += struct.pack(">IHH", mpls, vlan or 0, policy) + (app or b"")
    four = EVENT if vlan is None and app is None else VLAN if app is None else APP
    six = {EVENT: EVENT6, VLAN: VLAN6, APP: APP6}
    return record(four if len(s) == 4 else six[four], body + rest)


def event3(number, src, dst, sid=1, gid=1, rev=1, second=T0, us=0, sport=1024, dport=80, protocol=6, class_id=1, priority=2,
           policies=(0, 0, 0), mpls=0, vlan=0, status=0, action=1, app=b"", http=None):
    """Type 114. src, dst: None where there is none. http: (request size, response size, method, version, agent, referer, detail)."""
    def side(text):
        if text is None:
            return 0, bytes(16)
        a = address(text)
        return (4, b"\0" * 10 + b"\xff\xff" + a) if len(a) == 4 else (6, a)
    (sv, s), (dv, d) = side(src), side(dst)
    body = struct.pack(">12I", 0, number, second, us, gid, sid, rev, class_id, priority, *policies) + s + d
    body += struct.pack(">IHHHHBBBB64s", mpls, sport, dport, vlan, 0, sv << 4 | dv, protocol, status, action, app)
    if http is not None:
        body += struct.pack(">II80s16s256s256s256s", *http)
    return record(EVENT3, body)


def packet(number, data, second=T0, us=0, at=None, sensor=0, link=1, said=None, kind=PACKET):
    """at: the packet's own second."""
    return record(kind, struct.pack(">7I", sensor, number, second, second if at is None else at, us, link,
                                    len(data) if said is None else said) + data)


def buffer(number, data, **more):
    return packet(number, data, kind=BUFFER, **more)


def extra(number, kind, data, second=T0, sensor=0):
    return record(EXTRA, struct.pack(">8I", 4, 32 + len(data), sensor, number, second, kind, 1, len(data) + 8) + data)


def apps(second, entries, width=64):
    """entries: (name, bytes of the initiator, bytes of the responder)"""
    body = struct.pack(">II", second, len(entries))
    for name, sent, answered in entries:
        body += name.ljust(width, b"\0") + struct.pack(">II", sent, answered)
    return record(APPS, body)


def write(path, *records):
    with open(path, "wb") as f:
        f.write(b"".join(records))


def spool(folder, base, stamp, *records):
    """A file as Snort names it; gives its path."""
    os.makedirs(folder, exist_ok=True)
    path = os.path.join(folder, "%s.%d" % (base, stamp))
    write(path, *records)
    return path
