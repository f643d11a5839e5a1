"""The true error of each node's clock, from its own raw clock and the runner's. Asks no node itself.

User-mode Linux takes its time from the host's CLOCK_MONOTONIC, so CLOCK_MONOTONIC_RAW in a node is that
clock plus a constant fixed at boot. Every exchange of one byte bounds the constant from both sides, by when it
was sent and received and, closer, by the processor's counter, which a node's programs read as the runner does.
With the constant, `REALTIME − (RAW − constant)` of two nodes at one moment differ by exactly the difference of
their clocks, with no network between them.
"""

from __future__ import annotations

import bisect
from dataclasses import dataclass, field

NANOSECONDS = 1e-9
# A bracket wider than this was interrupted in the middle and says too little about the clock.
WIDEST_BRACKET_NANOSECONDS = 200_000
# How far apart the runner's readings of its clock and of the counter may be.
HOST_READING = 2_000


@dataclass(frozen=True)
class Sample:
    """One reading: the node's raw and real-time clocks at one moment, in nanoseconds."""

    raw: int
    real: int
    width: int


@dataclass
class Bounds:
    """What `raw − host` must lie between, in nanoseconds: every observation narrows it."""

    lowest: int = -(1 << 62)
    highest: int = 1 << 62

    def narrow(self, lowest: int, highest: int) -> None:
        """Takes one observation."""
        self.lowest = max(self.lowest, lowest)
        self.highest = min(self.highest, highest)

    @property
    def width(self) -> int:
        """How far the bounds are apart; less than nothing where observations contradict each other."""
        return self.highest - self.lowest

    def within(self, other: Bounds) -> bool:
        """Whether these are bounds at all and agree with others."""
        return max(self.lowest, other.lowest) <= min(self.highest, other.highest)


@dataclass(frozen=True)
class Exchange:
    """One question and answer: the runner's clock and counter around it, the node's readings in it."""

    sent: int
    sent_counter: int
    arrived: int
    before: int
    counter: int
    after: int
    left: int
    received_counter: int
    received: int

    @property
    def counter_on_host(self) -> int | None:
        """The runner's clock when the node read the counter; nothing where the two counters are not one."""
        if not self.sent_counter <= self.counter <= self.received_counter:
            return None
        counted = self.received_counter - self.sent_counter
        return self.sent + (self.received - self.sent) * (self.counter - self.sent_counter) // max(counted, 1)


@dataclass
class BootRecord:
    """All readings of one node between a boot and its end, and what they say about `raw − host`."""

    node: str
    samples: list[Sample] = field(default_factory=list)
    by_line: Bounds = field(default_factory=Bounds)
    by_counter: Bounds = field(default_factory=Bounds)

    def add(self, exchange: Exchange, sample: Sample) -> None:
        """Takes one exchange and the reading that it carried."""
        self.by_line.narrow(exchange.left - exchange.received, exchange.arrived - exchange.sent)
        host = exchange.counter_on_host
        if host is not None:
            self.by_counter.narrow(exchange.before - host - HOST_READING, exchange.after - host + HOST_READING)
        if sample.width <= WIDEST_BRACKET_NANOSECONDS:
            self.samples.append(sample)

    @property
    def bounds(self) -> Bounds:
        """The counter's bounds where they make sense (it is a tenth as wide), else those of the line."""
        usable = self.by_counter.width < self.by_line.width and self.by_counter.within(self.by_line)
        return self.by_counter if usable else self.by_line

    @property
    def constant(self) -> int:
        """The best estimate of `raw − host`, in nanoseconds."""
        return (self.bounds.lowest + self.bounds.highest) // 2

    @property
    def uncertainty_seconds(self) -> float:
        """Half the distance of the bounds: what every error of this record may be off by."""
        return self.bounds.width / 2 * NANOSECONDS

    def against_host(self) -> list[tuple[int, int]]:
        """Each sample as (host's monotonic clock, node's real time minus it), in nanoseconds."""
        constant = self.constant
        return [(sample.raw - constant, sample.real - sample.raw + constant) for sample in self.samples]


def differences(node: BootRecord, truth: BootRecord) -> list[tuple[float, float]]:
    """The node's clock minus the true one: pairs of host time and error, in seconds.

    The truth is interpolated to the moments of the node's samples; those outside of it are left out.
    """
    reference = truth.against_host()
    moments = [moment for moment, _ in reference]
    errors = []
    for moment, offset in node.against_host():
        after = bisect.bisect_left(moments, moment)
        if 0 < after < len(moments):
            (t0, o0), (t1, o1) = reference[after - 1], reference[after]
            true = o0 + (o1 - o0) * (moment - t0) / (t1 - t0)
            errors.append((moment * NANOSECONDS, (offset - true) * NANOSECONDS))
    return errors
