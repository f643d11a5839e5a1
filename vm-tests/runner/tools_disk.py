"""What every node sees at /run/vm-test, read-only: our programs, units, packages, and the guest's half of the run."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from .disk import make_disk
from .errors import WrongUse

BINARIES = ("ntp-daemon", "ntp-ctl", "ntp-metrics-exporter")


@dataclass(frozen=True)
class Tools:
    """The same files twice: the second disk of a machine, and a directory that is bound into a container."""

    directory: Path
    disk: Path


@dataclass(frozen=True)
class Ours:
    """Where our programs and our Debian packages are; `packages` is nothing where no node asks for them."""

    binaries: Path
    packages: Path | None


def make_tools(directory: Path, vm_tests: Path, ours: Ours) -> Tools:
    """Makes directory and disk; the programs are stripped copies, so that the disk stays small."""
    staging = directory / "tools"
    shutil.copytree(vm_tests / "guest", staging / "guest")
    shutil.copy2(vm_tests / "runner/tsc.py", staging / "guest/tsc.py")
    shutil.copytree(vm_tests / "units", staging / "units")
    for name in ("dbus", "systemd"):
        shutil.copytree(vm_tests.parent / name, staging / name)
    copy_programs(ours.binaries, staging / "bin")
    if ours.packages is not None:
        copy_packages(ours.packages, staging / "packages")
    disk = directory / "tools.ext4"
    make_disk("tools", staging, disk)
    return Tools(staging, disk)


def copy_programs(binaries: Path, target: Path) -> None:
    """Our programs, which nodes without our package link into /usr/bin."""
    target.mkdir()
    for name in BINARIES:
        source = binaries / name
        if not source.exists():
            raise WrongUse(f"{source} is missing; build it: cargo build --release --bins (or give --binaries DIR)")
        shutil.copy2(source, target / name)
        if shutil.which("strip"):
            subprocess.run(["strip", str(target / name)], check=True)


def copy_packages(packages: Path, target: Path) -> None:
    """Our Debian packages: this version's and the older ones to upgrade from."""
    found = sorted(packages.glob("*.deb"))
    if not found:
        make = f"packaging/build --deb --older --profile release --output {packages}"
        raise WrongUse(f"there is no .deb in {packages}; make it: {make} (or give --packages DIR)")
    target.mkdir()
    for package in found:
        shutil.copy2(package, target / package.name)
