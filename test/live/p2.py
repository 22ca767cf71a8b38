#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""p2.py: weir p2 on an interface: what was sent equals what was counted plus what was declared lost.

A pair of veth interfaces in a network namespace of its own (unshare -rn: no privileges needed where the kernel allows
user namespaces). Frames are sent by a packet socket into one end while weir listens at the other; SIGTERM ends it.

    p2.py [--weir BINARY] [--packets N]      ./dev test leaves it out where no namespace can be made"""
import argparse
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
import packets  # noqa: E402
import run as runner  # noqa: E402


def ip(*words):
    subprocess.run(["ip"] + list(words), check=True)


def wait_until_listening(p):
    for line in p.stderr:
        if b"listening" in line:
            return True
    return False


def inside(weir, count):
    """Runs in the namespace; gives the faults found."""
    ip("link", "add", "va", "type", "veth", "peer", "name", "vb")
    for end in ("va", "vb"):
        with open("/proc/sys/net/ipv6/conf/%s/disable_ipv6" % end, "w", encoding="ascii") as f:
            f.write("1")  # no neighbour discovery of the kernel's own
        ip("link", "set", end, "up", "arp", "off")
    folder = tempfile.mkdtemp(prefix="weir-live-")
    stats = os.path.join(folder, "stats.json")
    p = subprocess.Popen([weir, "p2", "-i", "vb", "-d", os.path.join(folder, "p2"), "--stats", stats],
                         stderr=subprocess.PIPE)
    if not wait_until_listening(p):
        return ["weir does not listen, exit code %d" % p.wait()]
    with open("/proc/%d/status" % p.pid, encoding="ascii") as f:
        held = int(next(l for l in f if l.startswith("CapEff")).split()[1], 16) & (1 << 12 | 1 << 13)
    s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
    s.bind(("va", 0))
    for i in range(count):
        s.send(packets.ether(packets.udp("10.0.0.1", 1000 + i % 500, "10.0.0.%d" % (2 + i % 50), 53, b"x" * (i % 200))))
    time.sleep(0.5)
    p.send_signal(signal.SIGTERM)
    words = p.stderr.read().decode()
    code = p.wait()
    with open(stats, encoding="utf-8") as f:
        told = json.load(f)
    lines = [dict(zip(packets.columns()[kind], v)) for _, kind, v in packets.records(os.path.join(folder, "p2"))]
    written = sum(int(r["numPktsSrcToDst"]) + int(r["numPktsDstToSrc"]) for r in lines)
    lost = told["capture"]["dropped_kernel"] + told["capture"]["dropped_interface"]
    print("sent %d, counted %d, in lines %d, lost %d" % (count, told["packets"], written, lost))
    faults = ["CAP_NET_RAW or CAP_NET_ADMIN is still held"] if held else []
    if code != 0:
        faults.append("exit code %d: %s" % (code, words))
    if told["packets"] + lost != count or written != told["packets"]:
        faults.append("the figures do not add up: %s" % told)
    if any("marker" not in files for files in packets.sets(os.path.join(folder, "p2")).values()):
        faults.append("a set without its marker")
    return faults


def main():
    p = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    p.add_argument("--weir")
    p.add_argument("--packets", type=int, default=20000)
    p.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
    a = p.parse_args()
    weir = runner.find_weir(a.weir)
    if a.inside:
        faults = inside(weir, a.packets)
        print("\n".join(faults + ["live: %d passed, %d failed" % (not faults, bool(faults))]))
        return 1 if faults else 0
    return subprocess.run(["unshare", "-rn", sys.executable, os.path.abspath(__file__), "--inside", "--weir", weir,
                           "--packets", str(a.packets)], check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
