"""What every kind of running node offers to the verbs: its lines and its end. Boots nothing."""

from __future__ import annotations

import hashlib
import socket
from typing import Protocol

from .story import Node


class NodeProcess(Protocol):
    """A running node."""

    @property
    def clock_line(self) -> socket.socket | None:
        """Where the node tells its clocks, if it has any of its own."""

    def open_agent_line(self, timeout: float) -> socket.socket:
        """The line to the node's agent; waits for it where it comes with the boot."""

    def running(self) -> bool:
        """Whether the node still runs."""

    def wait(self, timeout: float) -> bool:
        """Waits for the node to power off by itself; false when it did not."""

    def kill(self) -> None:
        """Ends the node at once, as a power cut does, with all its processes."""


def machine_id(node: Node) -> str:
    """The same at every boot of a node, and another for each."""
    return hashlib.sha256(f"ntpd-rs vm-tests {node.name}".encode()).hexdigest()[:32]
