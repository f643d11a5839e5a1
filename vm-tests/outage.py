"""The server is gone and comes back: the clock runs on and its bound holds; set meanwhile, it is not synchronized."""

import itertools
import json
from typing import Any


def system() -> dict[str, Any]:
    """What the daemon says of the clock."""
    told: dict[str, Any] = json.loads(client.succeed("ntp-ctl status -f json"))["system"]
    return told


def wait_for_state(*states: str, timeout: float) -> None:
    """Waits until the clock is in one of these states."""
    retry(lambda _: system()["state"] in states, timeout_seconds=timeout)
    log.line(f"state: {system()['state']}")


def synchronized() -> str:
    """What timedatectl says."""
    return client.succeed("timedatectl show -p NTPSynchronized --value").strip()


start_all()
for machine in machines:
    machine.wait_for_unit("multi-user.target")
# A rate of its own, so that a clock that runs on by itself goes wrong unless that rate is known.
server.succeed("node-clock frequency -20", "systemctl start chrony")

with subtest("it follows its server"):
    client.succeed(f"node-clock step {2 - clock_error(client)}", "systemctl start ntpd-rs")
    wait_for_clock(client, within=bound, timeout=60)
    wait_for_state("synchronized", timeout=30)
    assert synchronized() == "yes"

with subtest("the server is gone, and the clock runs on"):
    server.block()
    wait_for_state("holdover", timeout=60)
    bounds = []
    for _ in range(60 if thorough else 6):
        error, told = abs(clock_error(client)), system()
        bounds.append((error, told["root_dispersion"], told["maximum_error"]))
    log.line(
        f"root dispersion from {bounds[0][1] * 1e6:.0f} to {bounds[-1][1] * 1e6:.0f} µs, "
        f"worst true error {max(error for error, _, _ in bounds) * 1e6:.0f} µs"
    )
    assert all(earlier[1] < later[1] for earlier, later in itertools.pairwise(bounds)), f"it must grow: {bounds}"
    assert all(error <= maximum for error, _, maximum in bounds), f"the bound must hold: {bounds}"
    assert sorted(error for error, _, _ in bounds)[len(bounds) // 2] < bound, bounds

with subtest("a clock that somebody sets meanwhile is not synchronized"):
    client.succeed("node-clock step 3")
    wait_for_state("waiting", "no-quorum", timeout=30)
    assert system()["stratum"] == 16, system()
    client.wait_until_fails("test $(timedatectl show -p NTPSynchronized --value) = yes", timeout=30)
    client.fail("ntp-ctl status --check")

with subtest("the server is back, and the clock is right again"):
    server.unblock()
    wait_for_clock(client, within=bound, timeout=90)
    wait_for_state("synchronized", timeout=30)
    assert synchronized() == "yes"
