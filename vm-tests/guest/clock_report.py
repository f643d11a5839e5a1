"""Runs in a test node: answers each byte on the line with this node's clocks; changes nothing.

The answer is `BYTE ARRIVED RAW REALTIME WIDTH LEFT`, in nanoseconds: CLOCK_REALTIME when CLOCK_MONOTONIC_RAW
showed RAW, known to half of WIDTH (the narrowest of a few attempts). ARRIVED and LEFT are the raw clock when
the byte came and when the answer went; with the runner's own two readings they bound the raw clocks' distance.
"""

import os
import sys
import time
import tty

ATTEMPTS = 5


def read_clocks() -> tuple[int, int, int]:
    """The raw clock, the real-time clock at that moment, and the width of the bracket around it."""
    best = (0, 0, 1 << 62)
    for _ in range(ATTEMPTS):
        before = time.clock_gettime_ns(time.CLOCK_MONOTONIC_RAW)
        real = time.clock_gettime_ns(time.CLOCK_REALTIME)
        after = time.clock_gettime_ns(time.CLOCK_MONOTONIC_RAW)
        if after - before < best[2]:
            best = ((before + after) // 2, real, after - before)
    return best


def main() -> None:
    """Serves the line for ever; the moment of arrival is read first, for the runner's pairing of clocks."""
    line = os.open(sys.argv[1], os.O_RDWR | os.O_NOCTTY)
    tty.setraw(line)
    read_clocks()
    while True:
        asked = os.read(line, 1)
        arrived = time.clock_gettime_ns(time.CLOCK_MONOTONIC_RAW)
        raw, real, width = read_clocks()
        left = time.clock_gettime_ns(time.CLOCK_MONOTONIC_RAW)
        os.write(line, f"{asked.decode()} {arrived} {raw} {real} {width} {left}\n".encode())


main()
