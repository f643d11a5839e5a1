"""The network of a story: one bridge and a tap per node, inside the run's own network namespace."""

from __future__ import annotations

import subprocess

from .story import Node

BRIDGE = "vlan1"


def make_network(nodes: tuple[Node, ...]) -> None:
    """Makes the bridge and the taps. Nothing removes them: they end with the namespace."""
    run("link", "set", "lo", "up")
    # Without a delay the bridge forwards at once instead of learning for 15 s.
    run("link", "add", BRIDGE, "type", "bridge", "forward_delay", "0")
    run("link", "set", BRIDGE, "up")
    for node in nodes:
        run("tuntap", "add", "dev", tap(node), "mode", "tap")
        run("link", "set", tap(node), "master", BRIDGE)
        run("link", "set", tap(node), "up")


def tap(node: Node) -> str:
    """The name of the node's tap."""
    return f"tap-{node.name}"


def mac(node: Node) -> str:
    """The node's hardware address: locally administered, unique in the story."""
    return f"52:54:00:12:01:{node.number:02x}"


def set_link(node: Node, *, up: bool) -> None:
    """Plugs the node's cable in or pulls it."""
    run("link", "set", tap(node), "up" if up else "down")


def run(*arguments: str) -> None:
    """One call of `ip`; its failure is the runner's failure."""
    subprocess.run(["ip", *arguments], check=True)
