"""Runs the whole script again in namespaces of its own, without the right to set a clock. Starts no server.

The kernel does the cleaning: the script becomes process 1 of a process namespace, so everything that it
starts ends with it, even if it is killed; the network goes with the last process in it.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from types import FrameType

INSIDE = "NTPD_RS_BENCH_INSIDE"
EXIT_CANNOT_RUN = 77
NICE = -15
# Most machines have one of them that nothing which is measured looks into.
MOUNT_POINTS = ("/mnt", "/media", "/srv")
# CAP_SYS_TIME.
SYS_TIME = 1 << 25


class CannotRun(Exception):
    """Something that is needed is missing on this machine; the message says what to do about it."""


class BenchFailure(Exception):
    """A server or the generator did not do what it had to."""


def is_inside() -> bool:
    """Whether this is the inner run."""
    return INSIDE in os.environ


def check_machine(*needed: str) -> None:
    """Fails if the script cannot run here; it needs these tools besides its own."""
    if os.geteuid() != 0:
        raise CannotRun("network namespaces need root")
    for tool in ("unshare", "setpriv", "ip", "mount", "taskset", *needed):
        if not shutil.which(tool):
            raise CannotRun(f"{tool} is not installed (packages util-linux, iproute2 and nftables have them)")


def run_inside() -> int:
    """The same command line once more, in new namespaces; its exit code."""
    # Each dies with the one before it, and the namespace with its first process.
    command = ["setpriv", "--bounding-set=-sys_time", "--inh-caps=-sys_time", "--pdeathsig=KILL", "--"]
    command += ["unshare", "--net", "--pid", "--mount-proc", "--fork", "--kill-child=KILL", "--"]
    probe = subprocess.run([*command, "true"], capture_output=True, text=True, check=False)
    if probe.returncode != 0:
        raise CannotRun(f"namespaces cannot be made here: {probe.stderr.strip()}")
    child = subprocess.Popen([*command, sys.executable, *sys.argv], env={**os.environ, INSIDE: "1"})

    # SIGKILL, for unshare ignores the others while it waits.
    def end(_number: int, _frame: FrameType | None) -> None:
        child.kill()

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, end)
    code = child.wait()
    return code if code >= 0 else 128 - code


def prepare_inside(in_use: Sequence[Path]) -> Path:
    """A folder that goes with the namespace, and hides none of those in use.

    The loopback comes up, and what else runs here disturbs less. Refuses to go on if a clock could be set.
    """
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(("CapPrm:", "CapEff:", "CapBnd:")) and int(line.split()[1], 16) & SYS_TIME:
            raise BenchFailure("refused: this process could set the clock")
    ip("link set lo up")
    # Where the kernel shares out CPUs by session first, it is the session that needs the better share.
    with suppress(OSError):
        os.setsid()
        Path("/proc/self/autogroup").write_text(str(NICE))
    os.nice(NICE)
    for point in map(Path, MOUNT_POINTS):
        if point.is_dir() and not any(each.is_relative_to(point) for each in in_use):
            subprocess.run(["mount", "-t", "tmpfs", "tmpfs", point], check=True)
            return point
    raise CannotRun(f"none of {', '.join(MOUNT_POINTS)} is there to mount temporary files on")


def ip(arguments: str) -> None:
    """One `ip` command."""
    subprocess.run(["ip", *arguments.split()], check=True)
