"""The root file systems: a Debian suite with a list of packages, as ext4 images, or as archives for containers.

An image is made once per suite, list of packages and recipe, serves every kernel, and is only ever read afterwards: a
node writes to a copy-on-write file of its own, a container to a copy. Nothing is mounted.
"""

from __future__ import annotations

import hashlib
import shutil
import subprocess
from pathlib import Path

from .cache import cached
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

AGENT_UNIT = """\
[Unit]
Description=Root shell of the test runner
DefaultDependencies=no
After=systemd-remount-fs.service systemd-tmpfiles-setup-dev.service
Conflicts=shutdown.target
Before=shutdown.target

[Service]
%sExecStart=/usr/bin/python3 /run/vm-test/guest/agent.py /run/vm-test-line/agent
KillMode=process
"""

# What a container is given from outside.
OF_MACHINES = """\
ExecStartPre=/bin/mkdir -p /run/vm-test
ExecStartPre=/bin/mount -o ro LABEL=tools /run/vm-test
ExecStartPre=/run/vm-test/guest/find-lines.sh
"""

CLOCK_UNIT = """\
[Unit]
Description=Reports this node's clock to the test runner
DefaultDependencies=no
Requires=vm-test-agent.service
After=vm-test-agent.service
Conflicts=shutdown.target
Before=shutdown.target

[Service]
ExecStart=/usr/bin/python3 /run/vm-test/guest/clock_report.py /run/vm-test-line/clock
Nice=-10
"""

MACHINE_UNITS = {"vm-test-agent.service": AGENT_UNIT % OF_MACHINES, "vm-test-clock.service": CLOCK_UNIT}
# A container's clock is not its own.
CONTAINER_UNITS = {"vm-test-agent.service": AGENT_UNIT % ""}


def image_key(root: Root) -> str:
    """A name that changes with anything that the image is made of."""
    recipe = hashlib.sha256(Path(__file__).read_bytes()).hexdigest()
    text = "\n".join([root.suite, *all_packages(root), recipe])
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def all_packages(root: Root) -> list[str]:
    """What an image holds: the base and what the story's node asks for, in order."""
    return sorted({*BASE_PACKAGES, *root.packages})


def prepare_image(root: Root, log: Path) -> Path:
    """Returns the image of this root; makes it first where the cache does not have it."""
    kind = "tar" if root.container else "ext4"
    what = f"the {root.suite} .{kind} image with {' '.join(root.packages) or 'the base packages'}"
    return cached(
        f"{root.suite}-{image_key(root)}.{kind}",
        what,
        lambda directory, part: build_inside(directory, part, root, log),
        log,
    )


def build_inside(directory: Path, part: Path, root: Root, log: Path) -> int:
    """mmdebstrap, our units, then an image or an archive of the directory."""
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
    """Makes a test node of a plain Debian root: agent, nothing that starts a time service."""
    units = root / "etc/systemd/system"
    wanted = units / "sysinit.target.wants"
    wanted.mkdir(parents=True, exist_ok=True)
    # Where a machine mounts those of its kernel.
    (root / "lib/modules").mkdir(parents=True, exist_ok=True)
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
