"""The cached root file systems: a Debian suite with a list of packages, as ext4 images, or as archives for containers.

An image is made once per suite, list of packages, kernel and recipe, below `$XDG_CACHE_HOME/ntpd-rs/vm-tests`, and is
only ever read afterwards: a node writes to a copy-on-write file of its own, a container to a copy. Nothing is mounted.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from .errors import EXIT_INTERRUPTED, CannotRun, Interrupted
from .namespaces import run_in_namespaces
from .requirements import uml_kernel
from .story import Root

BASE_PACKAGES = (
    "systemd",
    "systemd-sysv",
    "dbus",
    "udev",
    "kmod",
    "iproute2",
    "iputils-ping",
    "python3-minimal",
    "libpython3-stdlib",
)
# Services that a test node never needs; without them it boots in two thirds of the time.
MASKED_UNITS = (
    "apt-daily.timer",
    "apt-daily-upgrade.timer",
    "dpkg-db-backup.timer",
    "e2scrub_all.timer",
    "e2scrub_reap.service",
    "fstrim.timer",
    "getty.target",
    "getty@tty1.service",
    "serial-getty@tty0.service",
    "systemd-update-utmp.service",
    "systemd-update-utmp-runlevel.service",
    "dev-hugepages.mount",
    "sys-fs-fuse-connections.mount",
    "dev-mqueue.mount",
    "sys-kernel-debug.mount",
    "sys-kernel-tracing.mount",
    "systemd-pcrphase.service",
    # Nothing here waits for a device; modules that a story loads still get their udev events.
    "systemd-udev-trigger.service",
    "systemd-logind.service",
    "systemd-networkd.service",
    "systemd-networkd.socket",
    "systemd-network-generator.service",
    "chrony-wait.service",
    "systemd-binfmt.service",
    "proc-sys-fs-binfmt_misc.automount",
    "systemd-random-seed.service",
    "systemd-journal-flush.service",
    "modprobe@drm.service",
    "modprobe@fuse.service",
    "modprobe@efi_pstore.service",
    "cron.service",
)
# Time services that Debian starts when their package is installed; a story starts the one that it wants.
TIME_SERVICES = ("chrony.service", "systemd-timesyncd.service", "ntpsec.service")
IMAGE_SIZE = "1G"
UNUSED_SECONDS = 30 * 86400

AGENT_UNIT = """\
[Unit]
Description=Root shell of the test runner, on the first serial line
DefaultDependencies=no
After=systemd-remount-fs.service systemd-tmpfiles-setup-dev.service
Conflicts=shutdown.target
Before=shutdown.target

[Service]
ExecStartPre=/bin/mkdir -p /run/vm-test
ExecStartPre=/bin/mount -o ro /dev/ubdb /run/vm-test
ExecStart=/usr/bin/python3 /run/vm-test/guest/agent.py /dev/ttyS0
KillMode=process
"""

CLOCK_UNIT = """\
[Unit]
Description=Reports this node's clock to the test runner, on the second serial line
DefaultDependencies=no
Requires=vm-test-agent.service
After=vm-test-agent.service
Conflicts=shutdown.target
Before=shutdown.target

[Service]
ExecStart=/usr/bin/python3 /run/vm-test/guest/clock_report.py /dev/ttyS1
Nice=-10
"""


MACHINE_UNITS = {"vm-test-agent.service": AGENT_UNIT, "vm-test-clock.service": CLOCK_UNIT}

# A container has no serial lines, and its clock is not its own.
CONTAINER_UNITS = {
    "vm-test-agent.service": """\
[Unit]
Description=Root shell of the test runner, on a socket of its directory
DefaultDependencies=no
Conflicts=shutdown.target
Before=shutdown.target

[Service]
ExecStart=/usr/bin/python3 /run/vm-test/guest/agent.py /run/vm-test-line/agent
KillMode=process
"""
}


def cache_directory() -> Path:
    """Where images are kept: outside the checkout, shared by every checkout of this user."""
    base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(base) / "ntpd-rs" / "vm-tests"


def image_key(root: Root) -> str:
    """A name that changes with anything that the image is made of."""
    kernel, modules = uml_kernel()
    recipe = hashlib.sha256(Path(__file__).read_bytes()).hexdigest()
    text = "\n".join([root.suite, *all_packages(root), str(kernel.stat().st_size), modules.name, recipe])
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def all_packages(root: Root) -> list[str]:
    """What an image holds: the base and what the story's node asks for, in order."""
    return sorted({*BASE_PACKAGES, *root.packages})


def prepare_image(root: Root, log: Path) -> Path:
    """Returns the image of this root; makes it first where the cache does not have it."""
    cache = cache_directory()
    cache.mkdir(parents=True, exist_ok=True)
    image = cache / f"{root.suite}-{image_key(root)}.{'tar' if root.container else 'ext4'}"
    with locked(cache / "lock"):
        remove_unused(cache, image)
        if not image.exists():
            started = time.monotonic()
            packages = " ".join(root.packages) or "the base packages"
            print(f"building the {root.suite} {image.suffix} image with {packages} …", flush=True)
            build(image, root, log)
            print(f"built {image.name} in {time.monotonic() - started:.0f} s", flush=True)
        # The copy-on-write files remember their image's mtime, so the use is noted beside it.
        used_mark(image).touch()
    return image


def used_mark(image: Path) -> Path:
    """The file whose mtime says when an image was last used."""
    return image.with_name(f"{image.name}.used")


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """One builder at a time; the lock goes with the process that holds it."""
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def remove_unused(cache: Path, keep: Path) -> None:
    """Removes what a killed build left and images that no run has used for a month."""
    for half_made in cache.glob("*.building"):
        shutil.rmtree(half_made, ignore_errors=True)
    for half_made in cache.glob("*.part"):
        half_made.unlink()
    for image in (*cache.glob("*.ext4"), *cache.glob("*.tar")):
        mark = used_mark(image)
        last_used = (mark if mark.exists() else image).stat().st_mtime
        if image != keep and time.time() - last_used > UNUSED_SECONDS:
            image.unlink()
            mark.unlink(missing_ok=True)


def build(image: Path, root: Root, log: Path) -> None:
    """Makes an image in private namespaces, under another name until it is whole."""
    directory = image.with_suffix(".building")
    part = image.with_suffix(".part")
    code = run_in_namespaces(lambda: build_inside(directory, part, root, log), network=False)
    try:
        if code == EXIT_INTERRUPTED:
            raise Interrupted("a signal")
        if code != 0:
            raise CannotRun(
                f"the root image could not be built (a Debian mirror must be reachable); the log is {log}, it ends:\n"
                + "\n".join(log.read_text(errors="replace").splitlines()[-8:])
            )
        part.rename(image)
    finally:
        shutil.rmtree(directory, ignore_errors=True)
        part.unlink(missing_ok=True)


def build_inside(directory: Path, part: Path, root: Root, log: Path) -> int:
    """mmdebstrap, our units, the kernel's modules, then an image or an archive of the directory."""
    bootstrap = [
        "mmdebstrap",
        "--mode=root",
        "--variant=minbase",
        f"--include={','.join(all_packages(root))}",
        "--dpkgopt=path-exclude=/usr/share/man/*",
        "--dpkgopt=path-exclude=/usr/share/doc/*",
        "--dpkgopt=path-exclude=/usr/share/locale/*",
        # A mirror may be a snapshot of some day.
        '--aptopt=Acquire::Check-Valid-Until "false"',
        root.suite,
        str(directory),
    ]
    with log.open("w") as output:
        if subprocess.run(bootstrap, stdout=output, stderr=output, check=False).returncode != 0:
            return 1
        adapt_root(directory, container=root.container)
        if root.container:
            make = ["tar", "--create", "--numeric-owner", "--xattrs", f"--file={part}", f"--directory={directory}", "."]
        else:
            make = ["mke2fs", "-q", "-F", "-t", "ext4", "-O", "^has_journal", "-L", "root"]
            make += ["-d", str(directory), str(part), IMAGE_SIZE]
        return subprocess.run(make, stdout=output, stderr=output, check=False).returncode


def adapt_root(root: Path, *, container: bool) -> None:
    """Makes a test node of a plain Debian root: agent, modules, nothing that starts a time service."""
    units = root / "etc/systemd/system"
    wanted = units / "sysinit.target.wants"
    wanted.mkdir(parents=True, exist_ok=True)
    if not container:
        _, modules = uml_kernel()
        shutil.copytree(modules, root / "lib/modules" / modules.name, symlinks=True)
        subprocess.run(["chroot", str(root), "depmod", modules.name], check=True)
    for name, text in (CONTAINER_UNITS if container else MACHINE_UNITS).items():
        (units / name).write_text(text)
        (wanted / name).symlink_to(f"../{name}")
    for name in MASKED_UNITS:
        (units / name).unlink(missing_ok=True)
        (units / name).symlink_to("/dev/null")
    for link in units.glob("*.wants/*"):
        if link.name in TIME_SERVICES:
            link.unlink()
    (root / "etc/fstab").write_text("")
    (root / "etc/resolv.conf").write_text("")
    # Each node is given its name at boot.
    (root / "etc/hostname").unlink(missing_ok=True)
    # Any id will do (each node is given its own at boot); without one, the first boot would enable every service.
    (root / "etc/machine-id").write_text("0123456789abcdef0123456789abcdef\n")
    shutil.rmtree(root / "boot", ignore_errors=True)
    (root / "boot").mkdir()
