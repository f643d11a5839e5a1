"""Interrupts a real run in the middle and looks for what it left. Boots nodes, so only on demand."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
import unittest
from pathlib import Path

from runner.backends import BACKENDS
from runner.cache import cache_directory
from runner.container import GROUP_PREFIX
from runner.requirements import missing_packages
from runner.run_directory import remove_leftovers, runs_directory

RUN = Path(__file__).resolve().parent.parent / "run"
WANTED = "NTPD_RS_VM_TESTS_BOOT"
KINDS = ("net", "mnt", "pid")
# A control group file system is mounted where nothing else sees it, for this machine may have none.
LIST_GROUPS = f"mount -t cgroup2 none /mnt && find /mnt -depth -type d -name '{GROUP_PREFIX}*'"


def descendants(process: int) -> set[int]:
    """A process and all that it has started, directly or not."""
    parents = {}
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            parents[int(status.parent.name)] = int(status.read_text().rpartition(")")[2].split()[1])
        except OSError:
            continue
    found = {process}
    while more := {child for child, parent in parents.items() if parent in found} - found:
        found |= more
    return found


def namespaces(processes: set[int] | None = None) -> set[str]:
    """The namespaces that these processes are in, or any process of this machine."""
    found = set()
    everybody = {int(directory.name) for directory in Path("/proc").glob("[0-9]*")}
    for process in everybody if processes is None else processes:
        for kind in KINDS:
            try:
                found.add(os.readlink(f"/proc/{process}/ns/{kind}"))
            except OSError:
                continue
    return found


def mounts() -> set[str]:
    """What is mounted where, as this process sees it; a namespace that is kept by a mount is among them."""
    return {line.split(" ", 3)[3] for line in Path("/proc/self/mountinfo").read_text().splitlines()}


def groups() -> set[str]:
    """The control groups of containers of ours."""
    listed = subprocess.run(["unshare", "--mount", "sh", "-c", LIST_GROUPS], capture_output=True, text=True, check=True)
    return set(listed.stdout.split())


@unittest.skipUnless(os.environ.get(WANTED), f"boots nodes; {WANTED}=1 asks for it")
class Interruption(unittest.TestCase):
    """A run that is told to end, or killed."""

    def interrupted(
        self, number: signal.Signals, story: str = "basic", ready: str = "server", backend: str = "uml"
    ) -> tuple[int, str]:
        """Sends a signal to a run of which a node is up; its exit code and what it printed."""
        own, mounted = namespaces({os.getpid()}), mounts()
        with tempfile.TemporaryDirectory() as output:
            command = [sys.executable, str(RUN), story, "--output", output, "--backend", backend]
            with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
                assert process.stdout is not None
                printed = ""
                while f"{ready}: takes commands" not in printed:
                    line = process.stdout.readline()
                    self.assertTrue(line, f"the run ended before it could be interrupted: {printed}")
                    printed += line
                started = descendants(process.pid)
                made = namespaces(started) - own
                self.assertGreater(len(started), 3, "no node was running")
                self.assertGreaterEqual(len(made), len(KINDS), "it was to have namespaces of its own")
                process.send_signal(number)
                printed += process.stdout.read()
        deadline = time.monotonic() + 10
        # The kernel ends the processes of a namespace by and by.
        while (left := made & namespaces()) and time.monotonic() < deadline:
            time.sleep(0.1)
        self.assertEqual(left, set(), "its namespaces, and so the processes in them")
        self.assertEqual(mounts(), mounted)
        return process.returncode, printed

    def test_a_run_that_is_interrupted_leaves_nothing(self) -> None:
        """No process, namespace or mount, and no disk."""
        for number in (signal.SIGINT, signal.SIGTERM):
            code, printed = self.interrupted(number)
            self.assertEqual(code, 130, printed)
            self.assertEqual(list(runs_directory(cache_directory()).glob("*")), [])

    @unittest.skipIf(missing_packages(BACKENDS["qemu"].programs), "QEMU is not installed")
    def test_emulated_machines_leave_nothing_either(self) -> None:
        """Neither when they are told to end nor when they are killed, but for disks in the second case."""
        self.assertEqual(self.interrupted(signal.SIGINT, backend="qemu")[0], 130)
        self.assertEqual(list(runs_directory(cache_directory()).glob("*")), [])
        self.assertEqual(self.interrupted(signal.SIGKILL, backend="qemu")[0], -signal.SIGKILL)
        self.assertEqual(len(remove_leftovers(cache_directory())), 1)

    def test_a_container_that_is_interrupted_leaves_no_control_group_either(self) -> None:
        """They do not go with a namespace."""
        before = groups()
        code, printed = self.interrupted(signal.SIGINT, "container-bookworm", "box")
        self.assertEqual(code, 130, printed)
        self.assertEqual(groups() - before, set())

    def test_a_run_that_is_killed_leaves_only_its_disks_and_the_next_one_removes_them(self) -> None:
        """And says so."""
        code, _ = self.interrupted(signal.SIGKILL)
        self.assertEqual(code, -signal.SIGKILL)
        left = list(runs_directory(cache_directory()).glob("*"))
        self.assertEqual(len(left), 1)
        with tempfile.TemporaryDirectory() as output:
            command = [sys.executable, str(RUN), "basic", "--prepare", "--output", output]
            said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        self.assertIn(f"removed what a killed run left: {left[0]}", said)


if __name__ == "__main__":
    unittest.main()
