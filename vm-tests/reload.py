"""A reload takes what is new, keeps the history of what is not, and refuses a wrong file whole."""

import json
from typing import Any

DROP_IN = "/etc/ntpd-rs/ntp.toml.d/first.toml"


def sources() -> dict[str, dict[str, Any]]:
    """The sources, by name, without the pool of the packaged configuration, which nobody resolves here."""
    told = json.loads(client.succeed("ntp-ctl status -f json"))["sources"]
    return {each["name"].removesuffix(":123"): each for each in told if "pool" not in each["name"]}


def process() -> str:
    """The daemon's process, and how often it was started anew."""
    return client.succeed("systemctl show -p MainPID,NRestarts ntpd-rs")


def goes_on(before: dict[str, dict[str, Any]], name: str) -> None:
    """A source is the same as before: none of its history is lost."""
    now = sources()[name]
    for key in ("id", "address"):
        assert now[key] == before[name][key], f"{name}: {key} was {before[name][key]} and is {now[key]}"
    assert now["verdict"] in ("system-peer", "truechimer", "outlier"), now
    assert now["replies"] >= before[name]["replies"] >= 4, now
    assert now["reach"] & before[name]["reach"], now


start_all()
client.wait_for_unit("multi-user.target")
server.succeed(*(f"ip address add 192.168.1.{number}/24 dev eth1" for number in (101, 102)), "systemctl start ntpd-rs")
client.install("ntpd-rs_2*.deb")
client.succeed(f"cp /root/first.toml {DROP_IN}", "systemctl stop ntpd-rs")
client.succeed(f"node-clock step {2 - clock_error(client)}", "systemctl start ntpd-rs")

with subtest("the clock becomes right"):
    wait_for_clock(client, within=bound, timeout=60)
    retry(lambda _: all(source["reach"] & 0x0F == 0x0F for source in sources().values()), timeout_seconds=60)

with subtest("a reload keeps what is unchanged, and takes what is new"):
    before, one = sources(), process()
    client.succeed(f"sed -i s/192.168.1.101/192.168.1.102/ {DROP_IN}", "systemctl reload ntpd-rs")
    log.line(f"sources before {sorted(before)}, after {sorted(sources())}")
    assert sorted(sources()) == ["192.168.1.102", "server"], sources()
    goes_on(before, "server")
    retry(lambda _: sources()["192.168.1.102"]["measured"], timeout_seconds=30)
    assert process() == one
    errors = clock_errors(client, seconds=15)
    assert max(abs(error) for error in errors) < bound, f"true error of {max(errors, key=abs) * 1e3:.3f} ms"

with subtest("a wrong file changes nothing, and systemctl reload fails with the daemon's words"):
    before = sources()
    client.succeed(
        f"cp {DROP_IN} /root/good.toml", f"sed -i 's/192.168.1.102/192.168.1.101/; $ a nonsense = 1' {DROP_IN}"
    )
    client.fail("systemctl reload ntpd-rs")
    said = client.show("journalctl -u ntpd-rs -o cat --no-pager -n 10 | grep -F first.toml | tail -n 1")
    assert "nonsense" in said, said
    refused = client.execute("ntp-ctl reload 2>&1")
    log.line(f"ntp-ctl reload exits {refused[0]}: {refused[1].strip()}")
    assert refused[0] != 0 and "nonsense" in refused[1], refused
    client.succeed("systemctl kill -s HUP ntpd-rs", "sleep 2")
    assert sorted(sources()) == sorted(before)
    for name in before:
        goes_on(before, name)
    assert process() == one
    client.require_unit_state("ntpd-rs.service")

with subtest("put right, SIGHUP takes it"):
    before = sources()
    client.succeed(f"sed 's/192.168.1.102/192.168.1.101/' /root/good.toml > {DROP_IN}", "systemctl kill -s HUP ntpd-rs")
    retry(lambda _: sorted(sources()) == ["192.168.1.101", "server"], timeout_seconds=10)
    goes_on(before, "server")
    assert process() == one
    errors = clock_errors(client, seconds=15)
    assert max(abs(error) for error in errors) < bound, f"true error of {max(errors, key=abs) * 1e3:.3f} ms"
