"""What the stories use beside the verbs of the NixOS test driver. Knows that driver by its shape alone; boots nothing.

Under KVM the raw clock of a machine is the host's raw clock plus a constant, as both count the same oscillator. So true
errors are told here as they are of User-mode Linux. The lines are unix sockets of QEMU, which bound the constant.
"""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol

from .backends import BACKENDS
from .clock_recorder import ClockRecorder
from .clock_verbs import ClockVerbs

CONNECT_SECONDS = 10.0


class DriverLog(Protocol):
    """The driver's log."""

    def info(self, *args: object) -> None:
        """A line for whoever watches."""


class DriverMachine(Protocol):
    """A machine of the driver."""

    name: str
    state_dir: Path

    def connect(self) -> None:
        """Waits until it takes commands."""

    def succeed(self, *commands: str) -> str:
        """Runs commands that must succeed."""

    def wait_for_unit(self, unit: str) -> None:
        """Waits until it is active."""


class NixOSDriver(Protocol):
    """The driver."""

    out_dir: Path

    @property
    def logger(self) -> DriverLog:
        """Its log."""

    @property
    def machines(self) -> Sequence[DriverMachine]:
        """All machines."""


def host_clock() -> int:
    """The host's raw clock, which nobody steers: nanoseconds."""
    return time.clock_gettime_ns(time.CLOCK_MONOTONIC_RAW)


class StoryLog:
    """The driver's log, by the name that stories and verbs have for a line."""

    def __init__(self, logger: DriverLog, started: float) -> None:
        self.logger = logger
        self.started = started

    def line(self, text: str) -> None:
        """A line for whoever watches."""
        self.logger.info(text)


class StoryVerbs:
    """What a story has that the driver has not, or has otherwise; `story.nix` gives them their names."""

    thorough = False
    # Its machines may be emulated in software.
    bound = BACKENDS["qemu"].bound

    def __init__(self, driver: NixOSDriver, title: str, truth: str | None) -> None:
        self.driver = driver
        self.recorder = ClockRecorder(host_clock)
        self.log = StoryLog(driver.logger, self.recorder.now())
        self.clocks = ClockVerbs(title, truth, self.bound, self.recorder, self.log)
        self.lines: dict[str, socket.socket] = {}

    def with_clocks(self, machine: DriverMachine) -> Callable[[], None]:
        """The machine's `connect`, which its first command calls: from then on its clocks are recorded."""
        connect = machine.connect

        def connect_and_listen() -> None:
            connect()
            if machine.name not in self.lines:
                self.lines[machine.name] = connected(machine.state_dir / "clock.sock")
                machine.wait_for_unit("clock-report.service")
                self.recorder.add(machine.name, self.lines[machine.name])

        return connect_and_listen


def begin(driver: NixOSDriver, title: str, truth: str | None) -> StoryVerbs:
    """Before the script: gives each machine what the driver's has not."""
    verbs = StoryVerbs(driver, title, truth)
    for machine in driver.machines:
        # Here every command is seen in the log.
        vars(machine).update(show=machine.succeed, connect=verbs.with_clocks(machine))
    verbs.recorder.start()
    return verbs


def end(verbs: StoryVerbs) -> None:
    """After the script: keeps the record of the clocks among the results; fails if they could not be known."""
    verbs.recorder.stop()
    for line in verbs.lines.values():
        line.close()
    verbs.clocks.keep([machine.name for machine in verbs.driver.machines], verbs.driver.out_dir)


def connected(path: Path) -> socket.socket:
    """A line to a machine's clocks. QEMU makes the socket when it starts."""
    deadline = time.monotonic() + CONNECT_SECONDS
    while True:
        line = socket.socket(socket.AF_UNIX)
        try:
            line.connect(str(path))
        except OSError:
            line.close()
            if time.monotonic() >= deadline:
                raise
            time.sleep(0.1)
        else:
            return line
