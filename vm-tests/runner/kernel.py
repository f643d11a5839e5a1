"""The kernels that nodes boot, each with a disk of its modules, which fits any root image. Boots nothing."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from .cache import cached
from .disk import make_disk
from .errors import CannotRun

UML_MODULES = Path("/usr/lib/uml/modules")
# Debian's kernel for machines in somebody's cloud has NVMe and ext4 built in, so it boots without an initramfs.
CLOUD_PACKAGE = "linux-image-cloud-amd64"
# depmod comes along with the kernel's package, and reads compressed modules with this.
FOR_DEPMOD = ("base-files", "liblzma5")


@dataclass(frozen=True)
class Kernel:
    """What is booted, and the disk that becomes the node's /lib/modules."""

    program: Path
    modules: Path


def recipe(*parts: str) -> str:
    """A name that changes with anything that a kernel's directory is made of."""
    text = "\n".join([*parts, hashlib.sha256(Path(__file__).read_bytes()).hexdigest()])
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def uml_kernel(_suite: str, log: Path) -> Kernel:
    """The one of Debian's package user-mode-linux, for nodes of any suite."""
    program = shutil.which("linux.uml")
    versions = sorted(UML_MODULES.iterdir()) if UML_MODULES.is_dir() else []
    if program is None or not versions:
        raise CannotRun("User-mode Linux or its modules are missing; as root: apt-get install user-mode-linux")

    def make(directory: Path, part: Path) -> int:
        shutil.copytree(versions[-1], directory / versions[-1].name, symlinks=True)
        part.mkdir()
        make_disk("modules", directory, part / "modules.ext4")
        return 0

    name = f"uml-{recipe(versions[-1].name, str(Path(program).stat().st_size))}.kernel"
    return Kernel(Path(program), cached(name, "a disk of the modules of User-mode Linux", make, log) / "modules.ext4")


def cloud_kernel(suite: str, log: Path) -> Kernel:
    """The suite's own kernel for clouds; its package is unpacked and installed nowhere."""

    def make(directory: Path, part: Path) -> int:
        packages = ",".join((CLOUD_PACKAGE, *FOR_DEPMOD))
        unpack = ["mmdebstrap", "--mode=root", "--variant=extract", f"--include={packages}"]
        unpack += ['--aptopt=Acquire::Check-Valid-Until "false"', suite, str(directory)]
        with log.open("w") as output:
            if subprocess.run(unpack, stdout=output, stderr=output, check=False).returncode != 0:
                return 1
            # A metapackage brings one kernel.
            (image,) = (directory / "boot").glob("vmlinuz-*")
            depmod = ["chroot", str(directory), "depmod", image.name.removeprefix("vmlinuz-")]
            if subprocess.run(depmod, stdout=output, stderr=output, check=False).returncode != 0:
                return 1
        part.mkdir()
        shutil.copy(image, part / "vmlinuz")
        make_disk("modules", directory / "lib/modules", part / "modules.ext4")
        return 0

    made = cached(f"cloud-{suite}-{recipe(suite)}.kernel", f"a kernel of {suite} for QEMU", make, log)
    return Kernel(made / "vmlinuz", made / "modules.ext4")
