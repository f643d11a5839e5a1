"""A server that says DENY is asked no more, one that says RATE as seldom as it wants, and the clock stays right."""

import json
from typing import Any


def sources() -> dict[str, dict[str, Any]]:
    """The sources, by name."""
    told = json.loads(client.succeed("ntp-ctl status -f json"))["sources"]
    return {each["name"].removesuffix(":123"): each for each in told}


start_all()
for machine in machines:
    machine.wait_for_unit("multi-user.target")
for server in (honest, denying, limiting):
    server.succeed("systemctl start ntpd-rs")
limiting.succeed(f"node-clock step {-clock_error(limiting)}")
client.succeed(f"node-clock step {2 - clock_error(client)}", "systemctl start ntpd-rs")

with subtest("who says DENY is demobilized, and asked no more"):
    retry(lambda _: sources()["denying"]["verdict"] == "demobilized", timeout_seconds=90)
    told = sources()["denying"]
    log.line(f"denying: {told['requests']} requests, discards {told['discards']}, problem {told['problem']}")
    assert told["discards"].get("deny-kiss", 0) >= 1, told
    assert told["replies"] == 0 or not told["measured"], told

with subtest("the clock becomes right"):
    wait_for_clock(client, within=bound, timeout=60)

with subtest("who says RATE is asked less often than it was to be, and is heard"):
    retry(lambda _: sources()["limiting"]["poll_interval"] >= 4, timeout_seconds=90)
    told = sources()["limiting"]
    log.line(f"limiting: poll interval 2^{told['poll_interval']} s, discards {told['discards']}")
    assert told["discards"].get("rate-kiss", 0) >= 1, told
    assert sources()["honest"]["poll_interval"] == 2

with subtest("the clock stays right"):
    before = sources()
    refused = json.loads(limiting.succeed("ntp-ctl status -f json"))["servers"][0]["stats"]["rate_limited_packets"]
    errors = clock_errors(client, seconds=180 if thorough else 70)
    after = sources()
    asked = {name: after[name]["requests"] - before[name]["requests"] for name in after}
    log.line(f"requests in {len(errors)} s: {asked}; worst true error {max(map(abs, errors)) * 1e6:.0f} µs")
    assert max(map(abs, errors)) < bound, f"true error of {max(errors, key=abs) * 1e3:.3f} ms"
    assert asked["denying"] == 0, asked
    assert 2 <= asked["limiting"] <= len(errors) / 16 + 1, asked
    now = json.loads(limiting.succeed("ntp-ctl status -f json"))["servers"][0]["stats"]["rate_limited_packets"]
    assert now == refused, f"it was refused again: {now - refused} times"
    assert after["limiting"]["replies"] > before["limiting"]["replies"], after["limiting"]
    assert after["limiting"]["verdict"] in ("system-peer", "truechimer", "outlier"), after["limiting"]
