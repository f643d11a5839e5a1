"""What the machine that runs the stories must have, and which apt line supplies it. Installs nothing."""

from __future__ import annotations

import os
import platform
import shutil
from pathlib import Path

from .errors import CannotRun

# Program → Debian package that has it.
PROGRAMS = {
    "linux.uml": "user-mode-linux",
    "mmdebstrap": "mmdebstrap",
    "mke2fs": "e2fsprogs",
    "systemd-nspawn": "systemd-container",
    "ip": "iproute2",
    "mount": "mount",
    "chroot": "coreutils",
}
MODULES = Path("/usr/lib/uml/modules")


def check_machine() -> None:
    """Raises CannotRun with everything that is missing, and what to do, in one message."""
    missing = missing_packages()
    problems = []
    if platform.machine() != "x86_64":
        problems.append(f"User-mode Linux exists for x86 only, this is {platform.machine()}.")
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


def missing_packages() -> list[str]:
    """The Debian packages that would have to be installed."""
    # The directories of root's programs are not in everybody's PATH.
    path = os.environ.get("PATH", "") + ":/usr/sbin:/sbin"
    return sorted({package for program, package in PROGRAMS.items() if shutil.which(program, path=path) is None})


def uml_kernel() -> tuple[Path, Path]:
    """The User-mode Linux kernel and the directory of its modules."""
    kernel = shutil.which("linux.uml")
    modules = sorted(MODULES.iterdir()) if MODULES.is_dir() else []
    if kernel is None or not modules:
        raise CannotRun("User-mode Linux or its modules are missing; as root: apt-get install user-mode-linux")
    return Path(kernel), modules[-1]
