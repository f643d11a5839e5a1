"""The true error of each node's clock, from its own raw clock and the runner's. Reads sockets, sets nothing.

User-mode Linux takes its time from the host's CLOCK_MONOTONIC, so CLOCK_MONOTONIC_RAW in a node is that
clock plus a constant fixed at boot. Every exchange of one byte bounds the constant from both sides; the
bounds of a whole run meet within some ten microseconds. With it, `REALTIME − (RAW − constant)` of two nodes
at one moment differ by exactly the difference of their clocks, with no network between them.
"""

from __future__ import annotations

import bisect
import socket
import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass, field

INTERVAL_SECONDS = 1.0
NANOSECONDS = 1e-9
# A bracket wider than this was interrupted in the middle and says too little about the clock.
WIDEST_BRACKET_NANOSECONDS = 200_000


@dataclass(frozen=True)
class Sample:
    """One reading: the node's raw and real-time clocks at one moment, in nanoseconds."""

    raw: int
    real: int
    width: int


@dataclass
class BootRecord:
    """All readings of one node between a boot and its end, and the bounds of `raw − host`."""

    node: str
    samples: list[Sample] = field(default_factory=list)
    lowest: int = -(1 << 62)
    highest: int = 1 << 62

    def add(self, sent: int, arrived: int, sample: Sample, left: int, received: int) -> None:
        """Takes one exchange: host sent, node arrived, node's reading, node left, host received."""
        self.lowest = max(self.lowest, left - received)
        self.highest = min(self.highest, arrived - sent)
        if sample.width <= WIDEST_BRACKET_NANOSECONDS:
            self.samples.append(sample)

    @property
    def constant(self) -> int:
        """The best estimate of `raw − host`, in nanoseconds."""
        return (self.lowest + self.highest) // 2

    @property
    def uncertainty_seconds(self) -> float:
        """Half the distance of the bounds: what every error of this record may be off by."""
        return (self.highest - self.lowest) / 2 * NANOSECONDS

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


class ClockRecorder:
    """Asks every running node for its clocks once a second, in a thread of its own."""

    def __init__(self) -> None:
        self.boots: list[BootRecord] = []
        self.lock = threading.Lock()
        self.lines: dict[str, tuple[socket.socket, BootRecord]] = {}
        self.stopped = threading.Event()
        self.thread = threading.Thread(target=self.run, name="clock-recorder", daemon=True)

    def start(self) -> None:
        """Starts the thread."""
        self.thread.start()

    def stop(self) -> None:
        """Ends the thread; what was recorded stays."""
        self.stopped.set()
        if self.thread.is_alive():
            self.thread.join(5)

    def add(self, node: str, line: socket.socket) -> None:
        """A node has booted: asks on this line from now on."""
        line.settimeout(0.5)
        boot = BootRecord(node)
        with self.lock:
            self.boots.append(boot)
            self.lines[node] = (line, boot)

    def remove(self, node: str) -> None:
        """The node has ended; its record stays."""
        with self.lock:
            self.lines.pop(node, None)

    def run(self) -> None:
        """One round per interval, the nodes one after another: at 15 µs a clock reading, they do not disturb."""
        number = 0
        while not self.stopped.wait(INTERVAL_SECONDS):
            number += 1
            with self.lock:
                lines = list(self.lines.values())
            for line, boot in lines:
                # A node that is booting, busy or gone does not answer; the next round asks again.
                try:
                    exchange(line, boot, str(number % 10))
                except (OSError, ValueError):
                    continue

    def errors(self, node: str, truth: str) -> list[tuple[float, float]]:
        """The node's true errors so far, over all its boots: (host time, seconds ahead of the truth)."""
        with self.lock:
            boots = [BootRecord(b.node, list(b.samples), b.lowest, b.highest) for b in self.boots]
        return sorted(self.pairs(boots, node, truth))

    @staticmethod
    def pairs(boots: list[BootRecord], node: str, truth: str) -> Iterable[tuple[float, float]]:
        """All pairs of a boot of the node and a boot of the truth; those apart in time give nothing."""
        for boot in boots:
            for true in boots:
                if boot.node == node and true.node == truth and boot.samples and true.samples:
                    yield from differences(boot, true)

    def uncertainty(self, node: str, truth: str) -> float:
        """How far all errors of the node may be off, in seconds (the worst of its boots)."""
        found = [b.uncertainty_seconds for b in self.boots if b.node in (node, truth) and b.samples]
        return sum(sorted(found)[-2:])


def exchange(line: socket.socket, boot: BootRecord, token: str) -> None:
    """One byte there, one line back; an answer to an earlier byte is thrown away."""
    sent = time.monotonic_ns()
    line.sendall(token.encode())
    answer = b""
    while True:
        answer += line.recv(4096)
        received = time.monotonic_ns()
        *lines, answer = answer.split(b"\n")
        for text in lines:
            fields = text.split()
            if len(fields) == 6 and fields[0].decode() == token:
                arrived, raw, real, width, left = (int(field) for field in fields[1:])
                boot.add(sent, arrived, Sample(raw, real, width), left, received)
                return
