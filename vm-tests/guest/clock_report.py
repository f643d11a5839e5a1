"""Runs in a test node: answers each byte on the line with this node's clocks; changes nothing.

The answer is one line of numbers after the byte itself, in nanoseconds except COUNTER:
`BYTE ARRIVED RAW REALTIME WIDTH BEFORE COUNTER AFTER LEFT`.
CLOCK_REALTIME when CLOCK_MONOTONIC_RAW showed RAW, known to half of WIDTH; the raw clock before and after the
time stamp counter showed COUNTER; the raw clock when the byte came (ARRIVED) and when the answer went (LEFT).
"""

import os
import sys
import time
import tty
from collections.abc import Callable

from tsc import counter

ATTEMPTS = 5


def raw() -> int:
    """CLOCK_MONOTONIC_RAW."""
    return time.clock_gettime_ns(time.CLOCK_MONOTONIC_RAW)


def realtime() -> int:
    """CLOCK_REALTIME."""
    return time.clock_gettime_ns(time.CLOCK_REALTIME)


def bracket(read: Callable[[], int]) -> tuple[int, int, int]:
    """A clock's reading between two of the raw clock: the closest of a few attempts."""
    attempts = [(raw(), read(), raw()) for _ in range(ATTEMPTS)]
    return min(attempts, key=lambda attempt: attempt[2] - attempt[0])


def main() -> None:
    """Serves the line for ever."""
    read_counter = counter()
    line = os.open(sys.argv[1], os.O_RDWR | os.O_NOCTTY)
    if os.isatty(line):
        tty.setraw(line)
    bracket(realtime), bracket(read_counter)
    while True:
        asked = os.read(line, 1)
        arrived = raw()
        before, real, after = bracket(realtime)
        counted = bracket(read_counter)
        numbers = (arrived, (before + after) // 2, real, after - before, *counted, raw())
        os.write(line, f"{asked.decode()} {' '.join(map(str, numbers))}\n".encode())


main()
