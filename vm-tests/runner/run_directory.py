"""The directory of a run under way: disks and sockets. Finds and removes what killed runs have left."""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def runs_directory(cache: Path) -> Path:
    """Where the directories of runs are."""
    return cache / "runs"


def remove_leftovers(cache: Path) -> list[Path]:
    """Removes the directories of runs that no process holds any more; returns which they were.

    Processes, taps and mounts of such a run are gone already: its namespaces ended with it.
    """
    removed = []
    for directory in sorted(runs_directory(cache).glob("*")):
        handle = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            continue
        finally:
            os.close(handle)
        shutil.rmtree(directory)
        removed.append(directory)
    return removed


@contextmanager
def run_directory(cache: Path, story: str) -> Iterator[Path]:
    """A directory for one run, held by a lock that goes with this process, and removed at the end."""
    runs = runs_directory(cache)
    runs.mkdir(parents=True, exist_ok=True)
    directory = Path(tempfile.mkdtemp(prefix=f"{story}-", dir=runs))
    handle = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    fcntl.flock(handle, fcntl.LOCK_EX)
    try:
        yield directory
    finally:
        shutil.rmtree(directory, ignore_errors=True)
        os.close(handle)
