#!/usr/bin/env python3
"""Runs in a test node as `node-clock`: sets this node's own kernel clock wrong, on purpose.

node-clock step SECONDS | frequency PPM | leap insert | leap none | show | own
"""

import ctypes
import os
import sys
import time

ADJ_FREQUENCY, ADJ_STATUS, ADJ_SETOFFSET, ADJ_NANO = 0x0002, 0x0010, 0x0100, 0x2000
STA_INS, STA_UNSYNC = 0x0010, 0x0040
SCALED_PPM = 65536
# Of the numbers at the end, TAI − UTC.
TAI = 8


class Timex(ctypes.Structure):
    """struct timex of Linux on 64-bit machines (adjtimex(2))."""

    _fields_ = (
        ("modes", ctypes.c_uint),
        ("offset", ctypes.c_long),
        ("frequency", ctypes.c_long),
        ("maximum_error", ctypes.c_long),
        ("estimated_error", ctypes.c_long),
        ("status", ctypes.c_int),
        ("constant", ctypes.c_long),
        ("precision", ctypes.c_long),
        ("tolerance", ctypes.c_long),
        ("seconds", ctypes.c_long),
        ("subseconds", ctypes.c_long),
        ("tick", ctypes.c_long),
        ("pps", ctypes.c_long * 4),
        ("tail", ctypes.c_int * 24),
    )


def adjust(timex: Timex) -> int:
    """clock_adjtime(CLOCK_REALTIME); returns the kernel's clock state, 5 is TIME_ERROR (not synchronized)."""
    libc = ctypes.CDLL(None, use_errno=True)
    state = int(libc.clock_adjtime(0, ctypes.byref(timex)))
    if state < 0:
        error = ctypes.get_errno()
        raise OSError(error, os.strerror(error))
    return state


def main() -> None:
    """One change or one look."""
    timex = Timex()
    if sys.argv[1:] == ["own"]:
        # Against the raw clock, which nothing sets: only this node's own steps and slews change it.
        print(time.clock_gettime(time.CLOCK_REALTIME) - time.clock_gettime(time.CLOCK_MONOTONIC_RAW))
        return
    match sys.argv[1:]:
        case ["step", seconds]:
            whole, part = divmod(round(float(seconds) * 1e9), 10**9)
            timex.modes = ADJ_SETOFFSET | ADJ_NANO
            timex.seconds, timex.subseconds = whole, part
        case ["frequency", ppm]:
            timex.modes = ADJ_FREQUENCY
            timex.frequency = round(float(ppm) * SCALED_PPM)
        case ["leap", "insert" | "none" as which]:
            # At the end of the day, UTC. A step of the clock takes it back.
            timex.modes = ADJ_STATUS
            timex.status = STA_UNSYNC | (STA_INS if which == "insert" else 0)
        case ["show"]:
            pass
        case _:
            sys.exit(__doc__)
    state = adjust(timex)
    unsynchronized = bool(timex.status & STA_UNSYNC)
    print(
        f"state={state} unsynchronized={int(unsynchronized)} frequency_ppm={timex.frequency / SCALED_PPM:.3f} "
        f"tick={timex.tick} maximum_error_us={timex.maximum_error} estimated_error_us={timex.estimated_error} "
        f"tai={timex.tail[TAI]}"
    )


main()
