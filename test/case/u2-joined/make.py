# SPDX-License-Identifier: Apache-2.0
from unified2 import T0, buffer, event, extra, packet, write


def e(n, **more):
    return event(n, "10.0.0.1", "10.0.0.2", **more)


write("one.u2", packet(9, b"no event"), e(1), extra(1, 9, b"/"), packet(1, b"a"), e(2), packet(2, b"b"), packet(1, b"late"), e(3))
write("two.u2", buffer(2, b"of the other file"), packet(3, b"c", sensor=1), packet(3, b"d", second=T0 + 1), e(1), packet(1, b"again"),
      packet(3, b"e", at=T0 + 60))
