"""One node as a User-mode Linux process: its command line, its lines, its end. Knows no verbs."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
from dataclasses import dataclass
from pathlib import Path

from .network import cable, mac
from .process import NodeProcess, machine_id
from .requirements import uml_kernel
from .story import Node

SHARED_MEMORY = Path("/dev/shm")


@dataclass
class UmlProcess(NodeProcess):
    """A running node and the runner's ends of its two serial lines."""

    agent_line: socket.socket

    def open_agent_line(self, timeout: float) -> socket.socket:  # noqa: ARG002
        """The line to the node's agent, which is there from the start."""
        return self.agent_line

    def close(self) -> None:
        """Closes both lines."""
        self.agent_line.close()
        if self.clock_line is not None:
            self.clock_line.close()


def boot(node: Node, base: Path, tools: Path, directory: Path) -> UmlProcess:
    """Starts the node's kernel; its disk and console log are in `directory` and outlast a reboot."""
    kernel, _ = uml_kernel()
    agent_here, agent_there = socket.socketpair()
    clock_here, clock_there = socket.socketpair()
    arguments = [
        str(kernel),
        f"umid={node.name}",
        f"uml_dir={directory}",
        f"mem={node.memory_megabytes}M",
        f"ubd0={directory / 'disk.cow'},{base}",
        f"ubd1r={tools}",
        "root=/dev/ubda",
        "rw",
        "con=null",
        "con0=null,fd:1",
        f"ssl0=fd:{agent_there.fileno()},fd:{agent_there.fileno()}",
        f"ssl1=fd:{clock_there.fileno()},fd:{clock_there.fileno()}",
        f"systemd.hostname={node.name}",
        f"systemd.machine_id={machine_id(node)}",
        "systemd.firstboot=off",
        "net.ifnames=0",
        f"vec0:transport=tap,ifname={cable(node)},mac={mac(node)},depth=64,gro=0",
    ]
    with (directory / "console.log").open("ab") as console:
        process = subprocess.Popen(
            arguments,
            stdin=subprocess.DEVNULL,
            stdout=console,
            stderr=console,
            env={**os.environ, "TMPDIR": str(memory_directory(node, directory))},
            pass_fds=(agent_there.fileno(), clock_there.fileno()),
            # A group of its own: one signal ends the kernel with its helpers, and a terminal's SIGINT passes it by.
            start_new_session=True,
        )
    agent_there.close()
    clock_there.close()
    return UmlProcess(process, clock_here, agent_here)


def memory_directory(node: Node, directory: Path) -> Path:
    """Where the node's memory is kept as a file: in memory, unless that is too small, as in many containers."""
    needed = node.memory_megabytes << 20
    if SHARED_MEMORY.is_dir() and shutil.disk_usage(SHARED_MEMORY).free > needed:
        return SHARED_MEMORY
    return directory
