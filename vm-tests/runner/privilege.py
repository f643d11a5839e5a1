"""Gives up the right to set the clock before anything else is started. Keeps every other right."""

from __future__ import annotations

import ctypes
import os
import sys
from pathlib import Path

PR_CAPBSET_DROP = 24
CAP_SYS_TIME = 25
STARTED_ANEW = "NTPD_RS_VM_TESTS_STARTED_ANEW"


def may_set_the_clock() -> bool:
    """Whether this process, or one that it starts, could set this machine's clock."""
    for line in Path("/proc/self/status").read_text().splitlines():
        name, _, value = line.partition(":")
        if name in ("CapBnd", "CapEff", "CapPrm") and int(value, 16) >> CAP_SYS_TIME & 1:
            return True
    return False


def drop_the_right_to_set_the_clock() -> None:
    """Drops CAP_SYS_TIME from the bounding set and starts the runner anew, so that no process has it.

    A node's clock belongs to its own kernel, which grants the right to its own processes; this
    machine's clock is out of reach of the runner, of its children and of every mistake in a story.
    """
    if not may_set_the_clock():
        return
    if os.environ.get(STARTED_ANEW):
        raise RuntimeError("CAP_SYS_TIME could not be dropped")
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(PR_CAPBSET_DROP, CAP_SYS_TIME, 0, 0, 0) != 0:
        error = ctypes.get_errno()
        raise OSError(error, f"dropping CAP_SYS_TIME: {os.strerror(error)}")
    os.environ[STARTED_ANEW] = "1"
    os.execv(sys.executable, [sys.executable, *sys.argv])
