"""Tests of the verbs for the NixOS test driver, with a driver whose machines are threads of this process."""

from __future__ import annotations

import socket
import tempfile
import threading
import time
import unittest
from collections.abc import Sequence
from pathlib import Path

from runner.clock_verbs import CLOCK_NAMES
from runner.nixos import DriverMachine, begin, end, host_clock

VM_TESTS = Path(__file__).resolve().parent.parent
SECOND = 10**9


class Machine:
    """Its raw clock began at another moment, and its clock is ahead; it answers as `clock_report.py` does."""

    def __init__(self, name: str, directory: Path, boot: int, ahead: int) -> None:
        self.name = name
        self.state_dir = directory / name
        self.state_dir.mkdir()
        self.boot = boot
        self.ahead = ahead

    def start(self) -> None:
        """Answers whoever connects."""
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(str(self.state_dir / "clock.sock"))
        self.listener.listen()
        threading.Thread(target=self.answer, daemon=True).start()

    def answer(self) -> None:
        """One line for each byte, until the other end goes."""
        line, _ = self.listener.accept()
        with line, self.listener:
            while byte := line.recv(1):
                raw = host_clock() - self.boot
                real = 5000 * SECOND + host_clock() + self.ahead
                # Its counter began anew as well: no good for bounds.
                numbers = (raw, raw, real, 1000, raw, 17, raw, host_clock() - self.boot)
                line.sendall(f"{byte.decode()} {' '.join(map(str, numbers))}\n".encode())

    def connect(self) -> None:
        """Takes no commands."""

    def wait_for_unit(self, unit: str) -> None:
        """Is there at once."""

    def succeed(self, *commands: str) -> str:
        """Says what it was asked."""
        return " && ".join(commands)


class Log:
    """Keeps what it is told."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def info(self, *args: object) -> None:
        """A line."""
        self.lines.append(" ".join(map(str, args)))


class Driver:
    """The driver with two machines, of which the client is 2 s ahead."""

    def __init__(self, directory: Path) -> None:
        self.out_dir = directory
        self.logger = Log()
        self.both = [
            Machine("server", directory, boot=7 * SECOND, ahead=0),
            Machine("client", directory, boot=9 * SECOND, ahead=2 * SECOND),
        ]

    @property
    def machines(self) -> Sequence[DriverMachine]:
        """Both."""
        return self.both

    def start_all(self) -> None:
        """Has them answer."""
        for machine in self.both:
            machine.start()


class Verbs(unittest.TestCase):
    """A story in the NixOS driver."""

    def test_true_errors_are_known_and_kept(self) -> None:
        """Two seconds ahead, told within a millisecond, though neither raw clock nor counter began together."""
        with tempfile.TemporaryDirectory() as directory:
            driver = Driver(Path(directory))
            verbs = begin(driver, "title", "server")
            driver.start_all()
            for machine in driver.machines:
                machine.connect()
            time.sleep(1.2)
            self.assertAlmostEqual(verbs.clocks.clock_errors(driver.both[1], 2)[-1], 2, delta=0.001)
            verbs.log.line("a line")
            end(verbs)
            self.assertIn("a line", driver.logger.lines)
            self.assertIn("client", (driver.out_dir / "clock.csv").read_text())
            self.assertTrue((driver.out_dir / "clock.svg").exists())

    def test_scripts_get_every_name(self) -> None:
        """The prelude in Nix has all verbs about clocks, and each machine can show."""
        prelude = (VM_TESTS / "nixos/story.nix").read_text()
        for name in CLOCK_NAMES:
            self.assertIn(f"verbs.clocks.{name}", prelude)
        self.assertIn("log, thorough, bound = verbs.log, verbs.thorough, verbs.bound", prelude)
        with tempfile.TemporaryDirectory() as directory:
            driver = Driver(Path(directory))
            verbs = begin(driver, "title", None)
            self.assertEqual((verbs.thorough, verbs.bound), (False, 0.005))
            self.assertEqual(driver.both[0].show("ls"), "ls")  # type: ignore[attr-defined]


if __name__ == "__main__":
    unittest.main()
