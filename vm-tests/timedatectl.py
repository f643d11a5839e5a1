"""timedatectl tells what is so, before and after, shows each measurement, and switches the service on and off."""

import re

TIMESYNC = "org.freedesktop.timesync1 /org/freedesktop/timesync1 org.freedesktop.timesync1.Manager"


def value(text: str, name: str) -> str:
    """The value of a line `NAME: VALUE`."""
    found = re.search(rf"^ *{re.escape(name)}: (.*)$", text, re.MULTILINE)
    assert found, f"no {name} in:\n{text}"
    return found[1]


def seconds(text: str) -> float:
    """A span as systemd writes one, such as `+1.234ms`, or `+0`."""
    found = re.fullmatch(r"([-+]?)([0-9.]+)(us|ms|s|)", text)
    assert found, f"not a span: {text}"
    return float(f"{found[1]}{found[2]}") * {"us": 1e-6, "ms": 1e-3, "s": 1.0, "": 0.0}[found[3]]


def packets() -> int:
    """How many replies it counts."""
    return int(value(client.succeed("timedatectl timesync-status"), "Packet count"))


start_all()
for machine in machines:
    machine.wait_for_unit("multi-user.target")
server.succeed("systemctl start ntpd-rs")

with subtest("before the daemon runs it says so"):
    client.succeed(f"node-clock step {2 - clock_error(client)}")
    told = client.show("timedatectl status")
    assert value(told, "System clock synchronized") == "no"
    assert value(told, "NTP service") == "inactive"

with subtest("it says that the clock is synchronized once it is"):
    client.succeed("systemctl start ntpd-rs")
    wait_for_clock(client, within=bound, timeout=60)
    client.wait_until_succeeds("test $(timedatectl show -p NTPSynchronized --value) = yes", timeout=30)
    told = client.show("timedatectl status")
    assert value(told, "System clock synchronized") == "yes"
    assert value(told, "NTP service") == "active"

with subtest("timesync-status shows the server and its last reply"):
    told = client.show("timedatectl timesync-status")
    assert "(server)" in value(told, "Server"), told
    assert value(told, "Leap") == "normal", told
    assert value(told, "Version") == "4", told
    assert value(told, "Stratum") == "1", told
    assert "4s" in value(told, "Poll interval"), told
    # Of one measurement, which is wrong by half of its delay at the most.
    assert abs(seconds(value(told, "Offset"))) <= seconds(value(told, "Delay")) / 2 + bound, told
    assert max(abs(error) for error in clock_errors(client, seconds=10)) < bound

with subtest("show-timesync has the same as properties"):
    told = client.show("timedatectl show-timesync --all")
    for line in ("SystemNTPServers=server", "ServerName=server", "PollIntervalMinUSec=4s", "PollIntervalMaxUSec=4s"):
        assert line in told.splitlines(), f"{line} is not in:\n{told}"
    assert re.search(r"^ServerAddress=(192\.168\.1\.|2001:db8:1::)", told, re.MULTILINE), told
    assert re.search(r"^NTPMessage=\{ Leap=0, Version=4, Mode=4, Stratum=1,", told, re.MULTILINE), told

with subtest("each reply is one more, and is told to those who listen"):
    first = packets()
    status, heard = client.execute("timeout 14 timedatectl timesync-status --monitor")
    assert status == 124, f"{status}: {heard}"
    shown = heard.count("Packet count:")
    later = packets()
    log.line(f"{later - first} replies, of which timedatectl showed {shown}")
    assert shown >= 3, heard
    assert later - first >= 3

with subtest("servers can be given at run time"):
    client.succeed(f"busctl call {TIMESYNC} SetRuntimeNTPServers as 1 192.0.2.1")
    assert '"192.0.2.1"' in client.succeed(f"busctl get-property {TIMESYNC} RuntimeNTPServers")
    client.succeed(f"busctl call {TIMESYNC} SetRuntimeNTPServers as 0")

# NixOS refuses set-ntp: its units are read-only.
if client.execute("test -e /etc/NIXOS")[0] != 0:
    with subtest("set-ntp stops and starts the service"):
        client.succeed("timedatectl set-ntp false")
        assert client.get_unit_property("ntpd-rs.service", "ActiveState") == "inactive"
        assert value(client.succeed("timedatectl status"), "NTP service") == "inactive"
        client.succeed("timedatectl set-ntp true")
        client.wait_for_unit("ntpd-rs.service")
        wait_for_clock(client, within=bound, timeout=60)
