"""Makes a small disk of a directory. Mounts nothing."""

from __future__ import annotations

import subprocess
from pathlib import Path

MEGABYTE = 1 << 20
SPARE_MEGABYTES = 8
BLOCK = 4096


def make_disk(label: str, directory: Path, disk: Path) -> None:
    """An ext4 file system with what is in the directory, and little more; nodes find it by its label."""
    size = sum(-(-path.stat().st_size // BLOCK) * BLOCK for path in directory.rglob("*") if path.is_file())
    make = ["mke2fs", "-q", "-F", "-t", "ext4", "-O", "^has_journal", "-L", label, "-d", str(directory), str(disk)]
    megabytes = size // MEGABYTE * 11 // 10 + SPARE_MEGABYTES
    subprocess.run([*make, f"{megabytes}M"], check=True, stdout=subprocess.DEVNULL)
