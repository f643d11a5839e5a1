"""The network of a story: one bridge and a cable per node, inside the run's own network namespace."""

from __future__ import annotations

import subprocess

from .story import Node

BRIDGE = "vlan1"


def make_network(nodes: tuple[Node, ...]) -> None:
    """Makes the bridge and the taps. Nothing removes them: they end with the namespace.

    The cable of a container is made by nspawn.
    """
    run("link", "set", "lo", "up")
    # Without a delay the bridge forwards at once instead of learning for 15 s.
    run("link", "add", BRIDGE, "type", "bridge", "forward_delay", "0")
    run("link", "set", BRIDGE, "up")
    for node in nodes:
        if not node.root.container:
            run("tuntap", "add", "dev", cable(node), "mode", "tap")
            run("link", "set", cable(node), "master", BRIDGE)
            run("link", "set", cable(node), "up")


def cable(node: Node) -> str:
    """The name of the bridge's end of the node's cable."""
    return f"{'vb' if node.root.container else 'tap'}-{node.name}"


def mac(node: Node) -> str:
    """The node's hardware address: locally administered, unique in the story."""
    return f"52:54:00:12:01:{node.number:02x}"


def set_link(node: Node, *, up: bool) -> None:
    """Plugs the node's cable into the bridge or pulls it out.

    The cable itself stays up: User-mode Linux gives its end up for good at the first packet that it cannot send.
    """
    run("link", "set", cable(node), *(("master", BRIDGE) if up else ("nomaster",)))


def run(*arguments: str) -> None:
    """One call of `ip`; its failure is the runner's failure."""
    subprocess.run(["ip", *arguments], check=True)
