"""The run's log: lines for the person who watches, details for the file only."""

from __future__ import annotations

import time
from pathlib import Path


class Log:
    """Writes `run.log` of one story; times are seconds since its start."""

    def __init__(self, path: Path) -> None:
        self.started = time.monotonic()
        self.file = path.open("w", buffering=1)

    def line(self, text: str) -> None:
        """A line on the terminal and in the file."""
        stamped = f"[{time.monotonic() - self.started:6.1f}] {text}"
        print(stamped, flush=True)
        self.file.write(stamped + "\n")

    def detail(self, text: str) -> None:
        """Text for the file only."""
        self.file.write(f"[{time.monotonic() - self.started:6.1f}] {text.rstrip()}\n")

    def close(self) -> None:
        """Closes the file."""
        self.file.close()
