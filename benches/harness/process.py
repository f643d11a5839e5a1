"""A server that runs while it is measured: started on given CPUs, ended by its process id. Measures nothing."""

from __future__ import annotations

import os
import subprocess
import tempfile
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from .isolation import BenchFailure


class Running:
    """A started process; `end` before the script does."""

    def __init__(self, name: str, command: Sequence[str], cpus: Sequence[int]) -> None:
        self.name = name
        self.log = tempfile.TemporaryFile()  # noqa: SIM115 — lives as long as the process
        pinned = ["taskset", "--cpu-list", ",".join(map(str, cpus)), *command]
        self.child = subprocess.Popen(pinned, stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log)

    @property
    def pid(self) -> int:
        """All commands on the way exec the next, so this is the server's own."""
        return self.child.pid

    def check(self) -> None:
        """Fails, with what the process wrote, if it has ended."""
        if self.child.poll() is not None:
            raise BenchFailure(f"{self.name} ended with {self.child.returncode}:\n{self.output()}")

    def output(self) -> str:
        """What it wrote, the end of it."""
        self.log.seek(0)
        return self.log.read().decode(errors="replace")[-4000:]

    def end(self) -> None:
        """Ends it, politely at first."""
        if self.child.poll() is None:
            self.child.terminate()
            try:
                self.child.wait(5)
            except subprocess.TimeoutExpired:
                self.child.kill()
                self.child.wait()
        self.log.close()

    def threads(self) -> list[tuple[int, str]]:
        """Every thread with its name."""
        found = []
        for task in sorted(Path(f"/proc/{self.pid}/task").iterdir(), key=lambda path: int(path.name)):
            found.append((int(task.name), (task / "comm").read_text().strip()))
        return found

    def pin_each(self, prefix: str, cpus: Sequence[int]) -> None:
        """Gives each thread whose name begins so one CPU of its own; fails unless there are as many."""
        workers = [thread for thread, name in self.threads() if name.startswith(prefix)]
        if len(workers) != len(cpus):
            raise BenchFailure(f"{self.name} has {len(workers)} threads {prefix}*, not {len(cpus)}: {self.threads()}")
        for thread, cpu in zip(workers, cpus, strict=True):
            os.sched_setaffinity(thread, {cpu})

    def resident_kib(self) -> int:
        """Memory that it holds."""
        return self.status_kib("VmRSS")

    def peak_kib(self) -> int:
        """The most that it ever held."""
        return self.status_kib("VmHWM")

    def status_kib(self, field: str) -> int:
        """What the kernel says of its memory."""
        for line in Path(f"/proc/{self.pid}/status").read_text().splitlines():
            if line.startswith(f"{field}:"):
                return int(line.split()[1])
        raise BenchFailure(f"{self.name}: no {field}")

    def cpu_ns(self) -> int:
        """What all its threads spent on a CPU so far."""
        tasks = Path(f"/proc/{self.pid}/task").iterdir()
        return sum(int((task / "schedstat").read_text().split()[0]) for task in tasks)

    def spent_ns(self) -> int:
        """What it, its children and theirs spent on CPUs so far, threads that have ended included."""
        return sum(time.clock_gettime_ns(cpu_clock(process)) for process in family(self.pid))


def cpu_clock(pid: int) -> int:
    """The clock of a whole process (clock_getcpuclockid(3))."""
    return (~pid << 3) | 2


def family(pid: int) -> list[int]:
    """The process, its children, and theirs."""
    children: dict[int, list[int]] = {}
    for status in Path("/proc").glob("[0-9]*/stat"):
        # Some other process may end just now.
        with suppress(FileNotFoundError, ProcessLookupError):
            # After the name, which may hold anything, come the state and the parent.
            parent = int(status.read_text().rpartition(")")[2].split()[1])
            children.setdefault(parent, []).append(int(status.parent.name))
    found = [pid]
    for each in found:
        found += children.get(each, [])
    return found
