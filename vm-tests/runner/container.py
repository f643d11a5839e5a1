"""One node as a systemd-nspawn container: its root directory, its control group, its line, its end. Knows no verbs.

It shares the kernel, and the clock, of the machine that runs the stories. Nothing in it may set that: the runner has
given the right up, and nspawn is told to drop it as well.
"""

from __future__ import annotations

import os
import socket
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

from .errors import CannotRun, StoryFailure
from .network import BRIDGE
from .process import END_SECONDS, NodeProcess, machine_id
from .story import Node

GROUPS = Path("/sys/fs/cgroup")
GROUP_PREFIX = "ntpd-rs-vm-tests-"


@dataclass
class ContainerProcess(NodeProcess):
    """A running container, and where its agent will call. Its clock is the machine's, so it has no line for that."""

    listener: socket.socket
    group: Path

    def open_agent_line(self, timeout: float) -> socket.socket:
        """The agent's call, which comes when the container has booted so far."""
        self.listener.settimeout(timeout)
        try:
            line, _ = self.listener.accept()
        except TimeoutError:
            raise StoryFailure("the container did not boot") from None
        return line

    def kill(self) -> None:
        """Ends all its processes at once: those in it would outlive nspawn."""
        if self.running():
            (self.group / "cgroup.kill").write_text("1")
        super().kill()

    def close(self) -> None:
        """Closes the line's end and removes the control groups, once they are empty: its processes end by and by."""
        self.listener.close()
        deadline = time.monotonic() + END_SECONDS
        while not remove_groups(self.group) and time.monotonic() < deadline:
            time.sleep(0.05)


def boot_container(node: Node, archive: Path, tools: Path, directory: Path) -> ContainerProcess:
    """Starts the container; its root and console log are in `directory` and outlast a reboot."""
    root = directory / "root"
    if not root.exists():
        root.mkdir()
        subprocess.run(["tar", "--extract", "--numeric-owner", "--xattrs", f"--file={archive}", "-C", root], check=True)
    listener = listen(directory / "line")
    group = make_group(f"{directory.parent.name}-{node.name}")
    command = [
        "systemd-nspawn",
        "--quiet",
        "--boot",
        f"--directory={root}",
        f"--machine={node.name}",
        f"--hostname={node.name}",
        f"--uuid={machine_id(node)}",
        f"--bind-ro={tools}:/run/vm-test",
        f"--bind={directory / 'line'}:/run/vm-test-line",
        f"--network-bridge={BRIDGE}",
        "--drop-capability=CAP_SYS_TIME",
        # The machine has no service manager of ours to ask; the control group is made above.
        "--register=no",
        "--keep-unit",
        "--console=pipe",
        "--resolv-conf=off",
        "--timezone=off",
        "--link-journal=no",
    ]
    with (directory / "console.log").open("ab") as console:
        process = subprocess.Popen(
            ["sh", "-c", 'echo $$ > "$0/cgroup.procs" && exec "$@"', str(group), *command],
            stdin=subprocess.DEVNULL,
            stdout=console,
            stderr=console,
            start_new_session=True,
        )
    return ContainerProcess(process, None, listener, group)


def listen(directory: Path) -> socket.socket:
    """A socket for the agent to call, in a directory that the container will see."""
    directory.mkdir(exist_ok=True)
    path = directory / "agent"
    path.unlink(missing_ok=True)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    # The path of a socket has 107 characters, and that of a run may have more.
    handle = os.open(directory, os.O_PATH)
    try:
        listener.bind(f"/proc/self/fd/{handle}/agent")
    finally:
        os.close(handle)
    listener.listen(1)
    return listener


def prepare_for_containers() -> None:
    """In the run's own mount namespace: control groups of version 2, and a /run for nspawn's own files."""
    for arguments in (["-t", "cgroup2", "none", str(GROUPS)], ["-t", "tmpfs", "tmpfs", "/run"]):
        if subprocess.run(["mount", *arguments], check=False).returncode != 0:
            raise CannotRun(f"{arguments[-1]} cannot be mounted in a namespace of its own; containers need that")
    for left in GROUPS.glob(f"**/{GROUP_PREFIX}*"):
        # Those of a run that goes on are not empty, and stay.
        remove_groups(left)


def make_group(name: str) -> Path:
    """A control group for a container, below this process's own."""
    own = Path("/proc/self/cgroup").read_text().rpartition("0::")[2].strip().lstrip("/")
    group = GROUPS / own / f"{GROUP_PREFIX}{name}"
    try:
        group.mkdir()
    except OSError as error:
        raise CannotRun(f"no control group can be made here, and a container needs one: {error}") from None
    return group


def remove_groups(group: Path) -> bool:
    """Removes a control group and those below it, as far as they are empty; whether nothing is left."""
    for directory, _, _ in os.walk(group, topdown=False):
        try:
            os.rmdir(directory)
        except OSError:
            continue
    return not group.exists()
