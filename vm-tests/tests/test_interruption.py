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

from runner.image import cache_directory
from runner.run_directory import runs_directory

RUN = Path(__file__).resolve().parent.parent / "run"
WANTED = "NTPD_RS_VM_TESTS_BOOT"


def kernels() -> set[str]:
    """The process ids of all User-mode Linux kernels and their helpers."""
    found = set()
    for process in Path("/proc").glob("[0-9]*/comm"):
        try:
            if process.read_text().strip() == "linux.uml":
                found.add(process.parent.name)
        except OSError:
            continue
    return found


@unittest.skipUnless(os.environ.get(WANTED), f"boots nodes; {WANTED}=1 asks for it")
class Interruption(unittest.TestCase):
    """A run that is told to end, or killed."""

    def interrupted(self, number: signal.Signals) -> tuple[int, str]:
        """Sends a signal to a run whose nodes are up; its exit code and what it printed."""
        before = kernels()
        with tempfile.TemporaryDirectory() as output:
            command = [sys.executable, str(RUN), "basic", "--output", output]
            with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
                assert process.stdout is not None
                printed = ""
                while "server: takes commands" not in printed:
                    line = process.stdout.readline()
                    self.assertTrue(line, f"the run ended before it could be interrupted: {printed}")
                    printed += line
                self.assertTrue(kernels() - before)
                process.send_signal(number)
                printed += process.stdout.read()
        deadline = time.monotonic() + 10
        # The kernel ends the processes of a namespace by and by.
        while (left := kernels() - before) and time.monotonic() < deadline:
            time.sleep(0.1)
        self.assertEqual(left, set())
        return process.returncode, printed

    def test_a_run_that_is_interrupted_leaves_nothing(self) -> None:
        """No process, no disk; taps and mounts are in namespaces that went with the processes."""
        for number in (signal.SIGINT, signal.SIGTERM):
            code, printed = self.interrupted(number)
            self.assertEqual(code, 130, printed)
            self.assertEqual(list(runs_directory(cache_directory()).glob("*")), [])

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
