"""What is made once and only read afterwards, below `$XDG_CACHE_HOME/ntpd-rs/vm-tests`. Knows not what it is."""

from __future__ import annotations

import fcntl
import os
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from .errors import EXIT_INTERRUPTED, CannotRun, Interrupted
from .namespaces import run_in_namespaces

# Root images, root archives, kernels with their modules.
KINDS = ("ext4", "tar", "kernel")
UNUSED_SECONDS = 30 * 86400

# Makes the thing at its second path, with a directory to work in; returns an exit code.
Maker = Callable[[Path, Path], int]


def cache_directory() -> Path:
    """Where things are kept: outside the checkout, shared by every checkout of this user."""
    base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(base) / "ntpd-rs" / "vm-tests"


def cached(name: str, what: str, make: Maker, log: Path) -> Path:
    """Returns what has this name; makes it first where the cache does not have it."""
    cache = cache_directory()
    cache.mkdir(parents=True, exist_ok=True)
    path = cache / name
    with locked(cache / "lock"):
        remove_unused(cache, path)
        if not path.exists():
            started = time.monotonic()
            print(f"building {what} …", flush=True)
            build(path, make, log)
            print(f"built {path.name} in {time.monotonic() - started:.0f} s", flush=True)
        # The copy-on-write files remember their image's mtime, so the use is noted beside it.
        used_mark(path).touch()
    return path


def used_mark(path: Path) -> Path:
    """The file whose mtime says when something was last used."""
    return path.with_name(f"{path.name}.used")


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """One builder at a time; the lock goes with the process that holds it."""
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def remove_unused(cache: Path, keep: Path) -> None:
    """Removes what a killed build left and what no run has used for a month."""
    for half_made in (*cache.glob("*.building"), *cache.glob("*.part")):
        remove(half_made)
    for path in (path for kind in KINDS for path in cache.glob(f"*.{kind}")):
        mark = used_mark(path)
        last_used = (mark if mark.exists() else path).stat().st_mtime
        if path != keep and time.time() - last_used > UNUSED_SECONDS:
            remove(path)
            mark.unlink(missing_ok=True)


def remove(path: Path) -> None:
    """Removes a file or a directory, if it is there."""
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def build(path: Path, make: Maker, log: Path) -> None:
    """Makes a thing in private namespaces, under another name until it is whole."""
    directory = path.with_suffix(".building")
    part = path.with_suffix(".part")
    code = run_in_namespaces(lambda: make(directory, part), network=False)
    try:
        if code == EXIT_INTERRUPTED:
            raise Interrupted("a signal")
        if code != 0:
            raise CannotRun(
                f"{path.name} could not be built (a Debian mirror must be reachable); the log is {log}, it ends:\n"
                + "\n".join(log.read_text(errors="replace").splitlines()[-8:])
            )
        part.rename(path)
    finally:
        remove(directory)
        remove(part)
