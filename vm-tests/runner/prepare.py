"""What a node is given before its story begins: network, our programs or our package, files. Starts nothing."""

from __future__ import annotations

from . import network
from .agent import Agent
from .errors import StoryFailure
from .story import Node

LIMIT_SECONDS = 180
# What a node without our package has of us, with what the bus and timedatectl must know.
BARE = (
    "ln -sf /run/vm-test/bin/* /usr/bin/",
    "cp /run/vm-test/units/* /etc/systemd/system/",
    "cp /run/vm-test/dbus/org.ntpd_rs1.conf /etc/dbus-1/system.d/",
    "mkdir -p /etc/systemd/ntp-units.d",
    "cp /run/vm-test/systemd/ntp-units.d/* /etc/systemd/ntp-units.d/",
)
# Removes what ours takes the place of; a configuration that is there already stays.
APT_INSTALL = (
    "DEBIAN_FRONTEND=noninteractive apt-get -qy -o Dpkg::Use-Pty=0 -o Dpkg::Options::=--force-confold install "
    "/run/vm-test/packages/"
)
# It is the story that says when anything starts. dpkg takes half of apt's time, and nothing has to be removed here.
INSTALL = (
    "printf '#!/bin/sh\\nexit 101\\n' > /usr/sbin/policy-rc.d && chmod +x /usr/sbin/policy-rc.d",
    "dpkg --install /run/vm-test/packages/ntpd-rs_2*.deb",
    "rm /usr/sbin/policy-rc.d",
)


def prepare_boot(agent: Agent, node: Node) -> None:
    """After every boot: the network."""
    mac = network.mac(node).replace("52:54:00:12", "52:54:00:34")
    run(agent, (f"/run/vm-test/guest/setup-network.sh {node.address} {node.address_v6} {mac}",))


def prepare_node(agent: Agent, node: Node, nodes: tuple[Node, ...]) -> None:
    """After the first boot: all that stays on its disk."""
    hosts = ["127.0.0.1 localhost", "::1 localhost"]
    hosts += [f"{address} {each.name}" for each in nodes for address in (each.address, each.address_v6)]
    agent.store("/etc/hosts", "\n".join([*hosts, ""]).encode())
    run(agent, ("ln -sf /run/vm-test/guest/clock.py /usr/bin/node-clock",))
    if not node.our_package:
        run(agent, INSTALL if node.installed else BARE)
    # They take the place of those that our package brings.
    for path, content in node.files.items():
        agent.store(path, content.encode())


def run(agent: Agent, commands: tuple[str, ...]) -> None:
    """Commands of which each must succeed."""
    result = agent.run("\n".join(commands), LIMIT_SECONDS)
    if result.status != 0:
        raise StoryFailure(f"{agent.node}: could not be prepared: {result.errors or result.output}")
