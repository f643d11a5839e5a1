"""The verbs about a node's true clock error, for scripts. The readings come from the clock record."""

from __future__ import annotations

import itertools
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from .clock_recorder import ClockRecorder
from .errors import StoryFailure
from .plot import write_plot

# The names of these verbs in a script.
CLOCK_NAMES = ("clock_error", "clock_errors", "clock_record", "clock_steps", "wait_for_clock")
# Two samples of the true error this far apart mean that the clock was stepped in between.
STEP_SECONDS = 0.05
# How long the error must stay within its bound before the clock counts as right.
HOLD_SECONDS = 10.0


class Named(Protocol):
    """A machine, of whatever driver."""

    @property
    def name(self) -> str:
        """Its name in the story."""


class Lines(Protocol):
    """A log; `started` is by the recorder's clock."""

    @property
    def started(self) -> float:
        """When the story began."""

    def line(self, text: str) -> None:
        """A line for whoever watches."""


@dataclass
class ClockVerbs:
    """Errors are in seconds, positive when the node's clock is ahead of the truth node's."""

    title: str
    truth: str | None
    bound: float
    recorder: ClockRecorder
    log: Lines
    # What scripts watched, for the report.
    watched: list[dict[str, Any]] = field(default_factory=list)
    # How well each node's errors are known, in seconds; told at the end.
    known_to: dict[str, float] = field(default_factory=dict)

    def clock_record(self, machine: Named, since: float = 0.0) -> list[tuple[float, float]]:
        """The true errors of a node since a time.monotonic(): pairs of that time and error."""
        if self.truth is None:
            raise StoryFailure("no node of this story is the truth")
        return [pair for pair in self.recorder.errors(machine.name, self.truth) if pair[0] >= since]

    def clock_errors(self, machine: Named, seconds: float) -> list[float]:
        """Watches a node for this long and returns its true errors, one a second."""
        errors = self._readings(machine, seconds)
        sizes = sorted(abs(error) for error in errors)
        self.watched.append(
            {"node": machine.name, "seconds": seconds, "worst": sizes[-1], "median": sizes[len(sizes) // 2]}
        )
        return errors

    def _readings(self, machine: Named, seconds: float) -> list[float]:
        started = self.recorder.now()
        time.sleep(seconds)
        errors = [error for _, error in self.clock_record(machine, started)]
        if len(errors) < seconds / 2:
            raise StoryFailure(f"{machine.name}: only {len(errors)} readings of its clock in {seconds:.0f} s")
        return errors

    def clock_error(self, machine: Named) -> float:
        """The true error of a node's clock now."""
        return self._readings(machine, 4.0)[-1]

    def clock_steps(self, machine: Named, since: float = 0.0) -> list[float]:
        """The steps that the node's clock has made since a time.monotonic(): the size of each."""
        record = self.clock_record(machine, since)
        changes = [after - before for (_, before), (_, after) in itertools.pairwise(record)]
        return [change for change in changes if abs(change) >= STEP_SECONDS]

    def wait_for_clock(self, machine: Named, within: float, timeout: float) -> float:
        """Waits until the true error is within a bound and has been for 10 s; returns how long it took to be."""
        started = self.recorder.now()
        while True:
            time.sleep(1)
            record = self.clock_record(machine, started)
            outside = [moment for moment, error in record if abs(error) > within]
            took = outside[-1] - started if outside else 0.0
            if record and record[-1][0] - started - took >= HOLD_SECONDS:
                self.log.line(f"{machine.name}: true error within {within * 1e3:g} ms after {took:.0f} s")
                return took
            if took > timeout or self.recorder.now() - started > timeout + HOLD_SECONDS:
                last = f"it is {record[-1][1] * 1e3:.3f} ms" if record else "its clock could not be read"
                raise StoryFailure(
                    f"{machine.name}: true error not within {within * 1e3:g} ms after {timeout:.0f} s: {last}"
                )

    def keep(self, names: list[str], output: Path) -> None:
        """Writes `clock.csv` (node, seconds of the story, true error in seconds) and `clock.svg`."""
        truth = self.truth
        if truth is None:
            return
        rows = ["node,seconds,true_error_seconds"]
        series = {}
        for name in names:
            record = [(at - self.log.started, error) for at, error in self.recorder.errors(name, truth)]
            if record and name != truth:
                series[name] = record
                rows += [f"{name},{at:.3f},{error:.9f}" for at, error in record]
                self.known_to[name] = self.recorder.uncertainty(name, truth)
                self.log.line(f"{name}: true errors are known to ±{self.known_to[name] * 1e6:.0f} µs")
        (output / "clock.csv").write_text("\n".join(rows) + "\n")
        write_plot(output / "clock.svg", f"{self.title}: true clock error", series, self.bound)
