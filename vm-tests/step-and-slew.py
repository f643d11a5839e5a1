"""Small errors are slewed, large ones stepped; beyond the panic threshold of each way the clock is left alone."""

import itertools
from collections.abc import Callable

STEPPED = "journalctl -u ntpd-rs -o cat --no-pager | grep -ci 'stepped'"


def steps_told() -> int:
    """How often the daemon says that it stepped the clock."""
    return int(client.execute(STEPPED)[1] or 0)


def refuses(change: Callable[..., str], command: str, *, within: float) -> None:
    """The daemon ends with 70 after this change, and the client's clock is as it was."""
    before = float(client.succeed("node-clock own"))
    change(command)
    client.wait_until_succeeds("test $(systemctl show -p ActiveState --value ntpd-rs) = failed", timeout=within)
    assert client.get_unit_property("ntpd-rs.service", "ExecMainStatus") == "70"
    moved = float(client.succeed("node-clock own")) - before
    last = client.succeed("journalctl -u ntpd-rs -o cat --no-pager -n 8 | grep -i panic | tail -n 1").strip()
    log.line(f"own clock moved by {moved * 1e3:.3f} ms; told: {last}")
    assert abs(moved) < 0.01


def follows(timeout: float) -> None:
    """The daemon is started, and the clock becomes right."""
    client.succeed("systemctl reset-failed ntpd-rs || true", "systemctl start ntpd-rs")
    wait_for_clock(client, within=bound, timeout=timeout)


start_all()
for machine in machines:
    machine.wait_for_unit("multi-user.target")
server.succeed("systemctl start chrony")

with subtest("at start 200 s forward and 80 s back are refused"):
    client.succeed(f"node-clock step {-200 - clock_error(client)}")
    refuses(client.succeed, "systemctl start ntpd-rs", within=60)
    client.succeed("systemctl reset-failed ntpd-rs", f"node-clock step {80 - clock_error(client)}")
    refuses(client.succeed, "systemctl start ntpd-rs", within=60)

with subtest("at start 80 s forward are stepped"):
    client.succeed(f"node-clock step {-80 - clock_error(client)}")
    follows(timeout=60)

with subtest("an error of less than 10 ms is slewed"):
    told, began = steps_told(), len(clock_record(client))
    # The server's clock, so that the client's daemon has to find it out.
    wrong = 0.004 + bound
    server.succeed(f"node-clock step {wrong}")
    wait_for_clock(client, within=bound, timeout=90)
    assert steps_told() == told, "it was stepped"
    errors = [error for _, error in clock_record(client)[began:]]
    largest = max(abs(after - before) for before, after in itertools.pairwise(errors[3:]))
    log.line(f"from {min(errors) * 1e3:.3f} ms, by {largest * 1e3:.3f} ms a second at the most")
    assert min(errors) < -0.8 * wrong, errors
    assert largest < 0.0022, f"faster than a slew: {errors}"

with subtest("an error of half a second is stepped, once, either way"):
    for error in (0.5, -0.5):
        told = steps_told()
        server.succeed(f"node-clock step {error}")
        wait_for_clock(client, within=bound, timeout=90)
        assert steps_told() == told + 1, f"{steps_told() - told} steps"

with subtest("8 s forward are stepped, 8 s back are refused"):
    server.succeed("node-clock step 8")
    wait_for_clock(client, within=bound, timeout=90)
    refuses(server.succeed, "node-clock step -8", within=90)

with subtest("20 s forward are refused"):
    follows(timeout=60)
    refuses(server.succeed, "node-clock step 20", within=90)

with subtest("started again, it takes that as the first step"):
    follows(timeout=60)
