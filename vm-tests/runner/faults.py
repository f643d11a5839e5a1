"""Faults that are put in on purpose, to see that a story notices. Says what is done in a node; does nothing itself."""

from __future__ import annotations

from dataclasses import dataclass

# How far the server's clock is then ahead of the time that goes on counting as the true one.
LIE_SECONDS = 1.0

# What `--seed-fault` knows. `lie` is for the node whose clock is the truth, the others are for a client.
SEEDED_FAULTS = {
    "lie": f"node-clock step {LIE_SECONDS}",
    "no-steering": (
        "mkdir -p /etc/systemd/system/ntpd-rs.service.d && "
        "printf '[Service]\\nExecStart=\\nExecStart=%s\\n' "
        "'/usr/bin/ntp-daemon -c /etc/ntpd-rs/ntp.toml --no-clock-control' "
        "> /etc/systemd/system/ntpd-rs.service.d/seeded-fault.conf && "
        "systemctl daemon-reload && systemctl try-restart ntpd-rs"
    ),
    # Set back to the same moment again and again: as near to a clock that stands still as a kernel lets one come.
    "frozen": (
        "systemd-run --quiet --unit=frozen-clock sh -c "
        "'at=$(date +%s.%N); while :; do date --set=@$at; sleep 0.2; done >/dev/null'"
    ),
}


@dataclass(frozen=True)
class Fault:
    """A command for a node, when a subtest begins; with the name of the fault that it makes, if it has one."""

    subtest: str
    node: str
    command: str
    name: str = ""

    @classmethod
    def parse(cls, text: str) -> Fault:
        """`SUBTEST: NODE: COMMAND`; anything else is a ValueError, which argparse tells."""
        subtest, node, command = (part.strip() for part in text.split(":", 2))
        return cls(subtest, node, command)

    @classmethod
    def seeded(cls, name: str, node: str, subtest: str) -> Fault:
        """One of those with a name."""
        return cls(subtest, node, SEEDED_FAULTS[name], name)
