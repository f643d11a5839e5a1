"""The second disk of every node, read-only: our binaries, units and the guest's half of the runner."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from .errors import WrongUse

BINARIES = ("ntp-daemon", "ntp-ctl", "ntp-metrics-exporter")
MEGABYTE = 1 << 20
SPARE_MEGABYTES = 8


def make_tools_disk(directory: Path, vm_tests: Path, binaries: Path) -> Path:
    """Makes the disk image; the binaries are stripped copies, so that the image stays small."""
    staging = directory / "tools"
    shutil.copytree(vm_tests / "guest", staging / "guest")
    shutil.copy2(vm_tests / "runner/tsc.py", staging / "guest/tsc.py")
    shutil.copytree(vm_tests / "units", staging / "units")
    (staging / "bin").mkdir()
    for name in BINARIES:
        source = binaries / name
        if not source.exists():
            raise WrongUse(f"{source} is missing; build it: cargo build --release --bins (or give --binaries DIR)")
        shutil.copy2(source, staging / "bin" / name)
        if shutil.which("strip"):
            subprocess.run(["strip", str(staging / "bin" / name)], check=True)
    size = sum(path.stat().st_size for path in staging.rglob("*") if path.is_file())
    image = directory / "tools.ext4"
    make = ["mke2fs", "-q", "-F", "-t", "ext4", "-O", "^has_journal", "-L", "tools", "-d", str(staging), str(image)]
    subprocess.run([*make, f"{size // MEGABYTE * 11 // 10 + SPARE_MEGABYTES}M"], check=True, stdout=subprocess.DEVNULL)
    shutil.rmtree(staging)
    return image
