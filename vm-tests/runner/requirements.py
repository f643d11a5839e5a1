"""What the machine that runs the stories must have, and which apt line supplies it. Installs nothing."""

from __future__ import annotations

import os
import platform
import shutil
from pathlib import Path

from .errors import CannotRun

# Program → Debian package that has it; a backend has its own beside these.
PROGRAMS = {
    "mmdebstrap": "mmdebstrap",
    "mke2fs": "e2fsprogs",
    "systemd-nspawn": "systemd-container",
    "ip": "iproute2",
    "mount": "mount",
    "chroot": "coreutils",
}


def check_machine(of_backend: dict[str, str]) -> None:
    """Raises CannotRun with everything that is missing, and what to do, in one message."""
    missing = missing_packages(of_backend)
    problems = []
    if platform.machine() != "x86_64":
        problems.append(f"The test machines exist for x86-64 only, this is {platform.machine()}.")
    if missing:
        problems.append(f"Packages are missing; as root: apt-get install --no-install-recommends {' '.join(missing)}")
    if os.geteuid() != 0:
        problems.append(
            "Root is needed (a private network namespace with taps, a root file system with its owners); "
            "run it as root, for instance with: sudo vm-tests/run"
        )
    elif not Path("/dev/net/tun").exists():
        problems.append("/dev/net/tun is missing; as root: modprobe tun")
    if problems:
        raise CannotRun("\n".join(problems))


def missing_packages(of_backend: dict[str, str]) -> list[str]:
    """The Debian packages that would have to be installed."""
    # The directories of root's programs are not in everybody's PATH.
    path = os.environ.get("PATH", "") + ":/usr/sbin:/sbin"
    programs = {**PROGRAMS, **of_backend}
    return sorted({package for program, package in programs.items() if shutil.which(program, path=path) is None})
