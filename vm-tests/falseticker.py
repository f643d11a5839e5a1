"""One of three servers lies from the start, another begins to: the clock stays right, and nobody is believed alone."""

import json


def verdicts() -> dict[str, str]:
    """What became of each source, by name."""
    sources = json.loads(client.succeed("ntp-ctl status -f json"))["sources"]
    return {each["name"].removesuffix(":123"): each["verdict"] for each in sources}


def state() -> str:
    """Whether the clock is right, in one word."""
    return str(json.loads(client.succeed("ntp-ctl status -f json"))["system"]["state"])


start_all()
for machine in machines:
    machine.wait_for_unit("multi-user.target")
for server in (one, two, three):
    server.succeed("systemctl start chrony")
    # Nodes do not boot with quite the same time.
    if server is not one:
        server.succeed(f"node-clock step {-clock_error(server)}")

with subtest("the clock follows the two that agree"):
    three.succeed("node-clock step 1")
    client.succeed(f"node-clock step {-2 - clock_error(client)}", "systemctl start ntpd-rs")
    wait_for_clock(client, within=bound, timeout=60)

with subtest("the third is a falseticker"):
    retry(lambda _: verdicts()["three"] == "falseticker", timeout_seconds=30)
    told = verdicts()
    log.line(f"verdicts: {told}")
    assert {told["one"], told["two"]} <= {"system-peer", "truechimer", "outlier"}, told
    assert "synchronized" in client.show("ntp-ctl status --check")

with subtest("one that begins to lie leaves nobody to believe, and the clock runs on"):
    two.succeed("node-clock step -1")
    retry(lambda _: state() != "synchronized", timeout_seconds=60)
    log.line(f"state {state()}, verdicts: {verdicts()}")
    assert state() in ("holdover", "no-quorum"), state()
    client.fail("ntp-ctl status --check")
    errors = clock_errors(client, seconds=120 if thorough else 15)
    log.line(f"worst true error in {len(errors)} s: {max(map(abs, errors)) * 1e6:.0f} µs")
    assert max(map(abs, errors)) < bound, f"true error of {max(errors, key=abs) * 1e3:.3f} ms"

with subtest("once it tells the truth again, so does the clock"):
    two.succeed("node-clock step 1")
    retry(lambda _: state() == "synchronized", timeout_seconds=90)
    wait_for_clock(client, within=bound, timeout=30)
    assert verdicts()["three"] == "falseticker", verdicts()
