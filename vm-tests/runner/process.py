"""What every kind of running node is to the verbs: a process, its lines and its end. Boots nothing."""

from __future__ import annotations

import hashlib
import os
import signal
import socket
import subprocess
from abc import ABC, abstractmethod
from dataclasses import dataclass

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
