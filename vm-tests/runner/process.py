"""What every kind of running node is to the verbs: a process, its lines and its end. Knows no kind of them."""

from __future__ import annotations

import hashlib
import os
import signal
import socket
import subprocess
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from .story import Node

END_SECONDS = 10.0


@dataclass
class NodeProcess(ABC):
    """A running node; `clock_line` is where it tells its clocks, if it has any of its own."""

    process: subprocess.Popen[bytes]
    clock_line: socket.socket | None

    @abstractmethod
    def open_agent_line(self, timeout: float) -> socket.socket:
        """The line to the node's agent; waits for it where it comes with the boot."""

    @abstractmethod
    def close(self) -> None:
        """Gives up what the runner has of a node that has ended."""

    def running(self) -> bool:
        """Whether the node still runs."""
        return self.process.poll() is None

    def wait(self, timeout: float) -> bool:
        """Waits for the node to power off by itself; false when it did not."""
        try:
            self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            return False
        self.close()
        return True

    def kill(self) -> None:
        """Ends the node at once, as a power cut does, with all its processes."""
        if self.running():
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait(END_SECONDS)
        self.close()


def machine_id(node: Node) -> str:
    """The same at every boot of a node, and another for each."""
    return hashlib.sha256(f"ntpd-rs vm-tests {node.name}".encode()).hexdigest()[:32]


@dataclass(frozen=True)
class Disks:
    """Files that all nodes may share, as none of them writes there: a root image, and what is at /run/vm-test."""

    root: Path
    tools: Path


@dataclass
class MachineProcess(NodeProcess):
    """A node with a kernel of its own, and the runner's ends of its two lines."""

    agent_line: socket.socket

    def open_agent_line(self, timeout: float) -> socket.socket:  # noqa: ARG002
        """The line to the node's agent, which is there from the start."""
        return self.agent_line

    def close(self) -> None:
        """Closes both lines."""
        self.agent_line.close()
        if self.clock_line is not None:
            self.clock_line.close()


def start_machine(
    command: Callable[[int, int], list[str]], directory: Path, environment: dict[str, str]
) -> MachineProcess:
    """Starts what the command is that has these two descriptors as its agent's and its clock's line."""
    agent_here, agent_there = socket.socketpair()
    clock_here, clock_there = socket.socketpair()
    with agent_there, clock_there, (directory / "console.log").open("ab") as console:
        process = subprocess.Popen(
            command(agent_there.fileno(), clock_there.fileno()),
            stdin=subprocess.DEVNULL,
            stdout=console,
            stderr=console,
            env=environment,
            pass_fds=(agent_there.fileno(), clock_there.fileno()),
            # A group of its own: one signal ends the kernel with its helpers, and a terminal's SIGINT passes it by.
            start_new_session=True,
        )
    return MachineProcess(process, clock_here, agent_here)


def kernel_arguments(node: Node) -> list[str]:
    """What every kernel is told, of whatever kind."""
    return [
        "rw",
        "net.ifnames=0",
        f"systemd.hostname={node.name}",
        f"systemd.machine_id={machine_id(node)}",
        "systemd.firstboot=off",
    ]
