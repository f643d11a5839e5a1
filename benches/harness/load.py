"""One run of the load generator, and what it found."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from .isolation import BenchFailure

Figures = dict[str, float]


def command(program: Path, port: int, cpu: int, *options: str) -> list[str]:
    """The generator on its CPU."""
    return ["taskset", "--cpu-list", str(cpu), str(program), f"127.0.0.1:{port}", "--json", *options]


class Generators:
    """Several generators that run at once."""

    def __init__(self, commands: Sequence[list[str]]) -> None:
        self.children = [
            subprocess.Popen(each, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for each in commands
        ]

    def results(self, seconds: float) -> list[Figures]:
        """What each found, when all are done; or an error."""
        outputs = [child.communicate(timeout=seconds + 30) for child in self.children]
        found = []
        for child, (output, errors) in zip(self.children, outputs, strict=True):
            if child.returncode != 0:
                raise BenchFailure(f"ntp-load: {errors.strip()}")
            found.append({name: float(value) for name, value in json.loads(output).items()})
        return found

    def end(self) -> None:
        """Ends those that still run."""
        for child in self.children:
            if child.poll() is None:
                child.kill()
                child.wait()


@contextmanager
def started(commands: Sequence[list[str]]) -> Iterator[Generators]:
    """The generators, which end with the block."""
    generators = Generators(commands)
    try:
        yield generators
    finally:
        generators.end()


def run(commands: Sequence[list[str]], seconds: float) -> list[Figures]:
    """All of them to their end."""
    with started(commands) as generators:
        return generators.results(seconds)


def wait_until_answering(program: Path, port: int, cpu: int) -> None:
    """Returns when the server there gives time."""
    run([command(program, port, cpu, "--wait=10", "--seconds=0.01", "--warm-up=0", "--outstanding=1")], 10)
