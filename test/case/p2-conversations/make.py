# SPDX-License-Identifier: Apache-2.0
from packets import ACK, FIN, MS, PSH, RST, SECOND, SYN, T0, Pcap, Pcapng, Tcp, dns, ether, udp

A, B = "10.0.0.1", "10.0.0.2"


def conversation(c):
    t = Tcp(c, A, 40000, B, 80, attl=64, bttl=57)
    t.handshake(T0 + SECOND)
    t.send(T0 + 2 * SECOND, "a", b"q" * 100)
    t.send(T0 + 2 * SECOND + 30 * MS, "b", b"r" * 1000)          # covers the request: 30 ms
    t.ack(T0 + 2 * SECOND + 32 * MS, "a")                        # covers the reply: 2 ms
    t.send(T0 + 3 * SECOND, "b", b"r" * 500)
    t.ack(T0 + 3 * SECOND + 20 * MS, "a")                        # 20 ms
    t.again(T0 + 3 * SECOND + 200 * MS, "b")                     # sent again: 500 bytes
    t.ack(T0 + 3 * SECOND + 201 * MS, "a")                       # acknowledged again: a duplicate ACK, no round trip
    t.segment(T0 + 20 * SECOND, "b", t.next["b"] - 1, ACK, b"\0")  # a keep-alive is no retransmission
    t.ack(T0 + 20 * SECOND + 1 * MS, "a")
    t.send(T0 + 21 * SECOND, "a", flags=FIN | ACK)
    t.send(T0 + 21 * SECOND + 4 * MS, "b", flags=FIN | ACK)      # covers the FIN: 4 ms
    t.ack(T0 + 21 * SECOND + 5 * MS, "a")                        # 1 ms


def handshakes_that_fail(c):
    t = Tcp(c, A, 40001, "10.0.0.3", 23)
    t.send(T0 + 22 * SECOND, "a", flags=SYN)
    t.segment(T0 + 22 * SECOND + 3 * MS, "b", 0, RST | ACK, window=0)
    t = Tcp(c, A, 40002, "10.0.0.4", 23)
    t.send(T0 + 23 * SECOND, "a", flags=SYN)
    t.again(T0 + 24 * SECOND, "a")


def names(c):
    for i, (wait, rcode) in enumerate(((5 * MS, 0), (15 * MS, 3))):
        at = T0 + (25 + i) * SECOND
        c.add(at, ether(udp("10.0.0.1", 5000 + i, "10.0.0.53", 53, dns(i, name="a.example"))))
        c.add(at + wait, ether(udp("10.0.0.53", 53, "10.0.0.1", 5000 + i, dns(i, True, rcode, "a.example"))))


def write(capture):
    with capture as c:
        conversation(c)
        handshakes_that_fail(c)
        names(c)


write(Pcap("a.pcap"))
write(Pcap("b.pcap", nano=True))
write(Pcap("c.pcap", big=True))
write(Pcapng("d.pcapng"))
write(Pcapng("e.pcapng", interfaces=((1, 3),), big=True))
