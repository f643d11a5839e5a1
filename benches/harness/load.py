"""One run of the load generator, and what it found."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Sequence
from pathlib import Path

from .isolation import BenchFailure

Figures = dict[str, float]


def command(program: Path, port: int, cpu: int, *options: str) -> list[str]:
    """The generator on its CPU."""
    return ["taskset", "--cpu-list", str(cpu), str(program), f"127.0.0.1:{port}", "--json", *options]


def run(commands: Sequence[list[str]], seconds: float) -> list[Figures]:
    """Several generators at once; all of them, or an error."""
    children = [subprocess.Popen(each, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for each in commands]
    try:
        outputs = [child.communicate(timeout=seconds + 30) for child in children]
    finally:
        for child in children:
            if child.poll() is None:
                child.kill()
                child.wait()
    found = []
    for child, (output, errors) in zip(children, outputs, strict=True):
        if child.returncode != 0:
            raise BenchFailure(f"ntp-load: {errors.strip()}")
        found.append({name: float(value) for name, value in json.loads(output).items()})
    return found


def wait_until_answering(program: Path, port: int, cpu: int) -> None:
    """Returns when the server there gives time."""
    run([command(program, port, cpu, "--wait=10", "--seconds=0.01", "--warm-up=0", "--outstanding=1")], 10)
