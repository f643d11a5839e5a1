"""Runs a function in namespaces of its own, which end with it whatever happens. Knows nothing of machines.

The kernel does the cleaning: when the first process of a process namespace ends, every other process
in it is killed; the network namespace with its bridge and taps and the mount namespace with its mounts
go when their last process is gone. That holds for SIGKILL too, so a killed run leaves only files.
"""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import traceback
from collections.abc import Callable
from types import FrameType

from .errors import EXIT_FAILED, EXIT_INTERRUPTED, Interrupted

CLONE_NEWNS = 0x0002_0000
CLONE_NEWPID = 0x2000_0000
CLONE_NEWNET = 0x4000_0000
PR_SET_PDEATHSIG = 1
# What the inner process may take to end its nodes after an interruption.
GRACE_SECONDS = 30
ENDING_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

libc = ctypes.CDLL(None, use_errno=True)


def raise_interrupted(number: int, _frame: FrameType | None) -> None:
    """The handler of every ending signal; a second one must not break the clean-up off."""
    for each in ENDING_SIGNALS:
        signal.signal(each, signal.SIG_IGN)
    raise Interrupted(signal.Signals(number).name)


def run_in_namespaces(main: Callable[[], int], *, network: bool) -> int:
    """Runs `main` in new mount and process namespaces (and network, if asked) and returns its exit code."""
    child = os.fork()
    if child == 0:
        os._exit(enter_and_run(main, network=network))
    return wait_for(child)


def wait_for(child: int) -> int:
    """Waits for a child; an ending signal is passed on once, and followed by SIGKILL after a grace."""

    def pass_on(_number: int, _frame: FrameType | None) -> None:
        os.kill(child, signal.SIGTERM)
        signal.alarm(GRACE_SECONDS)

    def kill(_number: int, _frame: FrameType | None) -> None:
        os.kill(child, signal.SIGKILL)

    previous = {number: signal.signal(number, pass_on) for number in ENDING_SIGNALS}
    previous[signal.SIGALRM] = signal.signal(signal.SIGALRM, kill)
    try:
        _, status = os.waitpid(child, 0)
    finally:
        signal.alarm(0)
        for number, handler in previous.items():
            signal.signal(number, handler)
    code = os.waitstatus_to_exitcode(status)
    return code if code >= 0 else 128 - code


def enter_and_run(main: Callable[[], int], *, network: bool) -> int:
    """In the forked child: enters the namespaces and becomes the parent of the process that runs `main`."""
    die_with_parent()
    flags = CLONE_NEWNS | CLONE_NEWPID | (CLONE_NEWNET if network else 0)
    if libc.unshare(flags) != 0:
        error = ctypes.get_errno()
        print(f"unshare: {os.strerror(error)}", file=sys.stderr)
        return EXIT_FAILED
    first = os.fork()
    if first == 0:
        os._exit(run_as_first_process(main))
    return wait_for(first)


def run_as_first_process(main: Callable[[], int]) -> int:
    """As process 1 of the namespace: every exception ends here, as an exit code."""
    die_with_parent()
    for number in ENDING_SIGNALS:
        signal.signal(number, raise_interrupted)
    try:
        subprocess.run(["mount", "--make-rprivate", "/"], check=True)
        subprocess.run(["mount", "-t", "proc", "proc", "/proc"], check=True)
        code = main()
    except Interrupted as error:
        print(f"interrupted by {error}", file=sys.stderr)
        code = EXIT_INTERRUPTED
    except Exception:  # noqa: BLE001 — nothing is above this frame that could report it
        traceback.print_exc()
        code = EXIT_FAILED
    sys.stdout.flush()
    sys.stderr.flush()
    return code


def die_with_parent() -> None:
    """SIGKILL for this process when its parent ends, so that a killed run takes everything with it."""
    if libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_PDEATHSIG)")
