"""Asks the nodes for their clocks, once a second, and keeps what they answer. Computes no error itself."""

from __future__ import annotations

import copy
import socket
import threading
import time
from collections.abc import Callable, Iterable

from .clock_record import NANOSECONDS, BootRecord, Exchange, Sample, differences
from .errors import StoryFailure
from .tsc import counter

INTERVAL_SECONDS = 1.0


class ClockRecorder:
    """Asks every running node for its clocks once a second, in a thread of its own."""

    def __init__(self, host_clock: Callable[[], int] = time.monotonic_ns) -> None:
        self.host_clock = host_clock
        self.boots: list[BootRecord] = []
        self.lock = threading.Lock()
        self.lines: dict[str, tuple[socket.socket, BootRecord]] = {}
        self.lie: tuple[str, float, tuple[float, float]] | None = None
        self.counter = counter()
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
                    exchange(line, boot, str(number % 10), self.clock_and_counter)
                except (OSError, ValueError):
                    continue

    def now(self) -> float:
        """The host's clock, as records have it, in seconds."""
        return self.host_clock() * NANOSECONDS

    def clock_and_counter(self) -> tuple[int, int]:
        """The host's clock and the counter at one moment: the closest of a few attempts."""
        attempts = [(self.host_clock(), self.counter(), self.host_clock()) for _ in range(3)]
        before, counted, after = min(attempts, key=lambda attempt: attempt[2] - attempt[0])
        return (before + after) // 2, counted

    def errors(self, node: str, truth: str) -> list[tuple[float, float]]:
        """The node's true errors so far, over all its boots: (host time, seconds ahead of the truth)."""
        with self.lock:
            boots = copy.deepcopy(self.boots)
        pairs = sorted(self.pairs(boots, node, truth))
        if self.lie is None or self.lie[0] != truth:
            return pairs
        _, seconds, (began, ended) = self.lie
        # While it began, the difference of two readings is neither the one nor the other.
        told = [
            (at, error) for at, error in pairs if not -INTERVAL_SECONDS < at - began < ended - began + INTERVAL_SECONDS
        ]
        return [(at, error + seconds if at > began else error) for at, error in told]

    def lies(self, truth: str, seconds: float, when: tuple[float, float]) -> None:
        """A node whose clock is the truth is no longer: it was set ahead, within these two moments."""
        self.lie = (truth, seconds, when)

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
        worst = sum(sorted(found)[-2:])
        if worst < 0:
            raise StoryFailure("the raw clocks of the nodes are not this machine's: true errors cannot be known")
        return worst


def exchange(line: socket.socket, boot: BootRecord, token: str, read: Callable[[], tuple[int, int]]) -> None:
    """One byte there, one line back; an answer to an earlier byte is thrown away."""
    sent, sent_counter = read()
    line.sendall(token.encode())
    answer = b""
    while True:
        answer += line.recv(4096)
        received, received_counter = read()
        *lines, answer = answer.split(b"\n")
        for text in lines:
            byte, *numbers = text.decode().split()
            if byte == token and len(numbers) == 8:
                arrived, raw, real, width, before, counted, after, left = map(int, numbers)
                boot.add(
                    Exchange(sent, sent_counter, arrived, before, counted, after, left, received_counter, received),
                    Sample(raw, real, width),
                )
                return
