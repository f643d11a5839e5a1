"""The Debian package on a booted machine: installed, seen by timedatectl, bus and journal, removed."""

import json
import re

# Everything on the disk but what dpkg, apt, systemd and the journal keep about themselves.
FILES = (
    "find / -xdev -path /proc -prune -o -path /tmp -prune -o -path /root -prune -o -path /var/log -prune -o -print"
    " | grep -vE '^/var/(lib/(dpkg|apt)|cache/(apt|debconf))/|^/etc/(passwd|group|shadow|gshadow|subuid|subgid)-$|"
    "^/var/lib/systemd/(timesync|timers|catalog)|^/var/tmp/systemd-private-|/__pycache__|^/etc/\\.pwd\\.lock$' | sort"
)
PLAIN_USER = "setpriv --reuid=nobody --regid=nogroup --clear-groups"
TIMESYNC = "org.freedesktop.timesync1 /org/freedesktop/timesync1 org.freedesktop.timesync1.Manager"
SET_SERVERS = f"busctl call {TIMESYNC} SetRuntimeNTPServers as"
# systemd's own number for the first synchronization.
FIRST_SYNCHRONIZATION = "7c8a41f37b764941a0e1780b1be2f037"


def told_by_daemon() -> dict[str, dict[str, float]]:
    """The part `system` of what the daemon itself says."""
    system: dict[str, dict[str, float]] = json.loads(client.succeed("ntp-ctl status -f json"))["system"]
    return system


def value(text: str, name: str) -> str:
    """The value of a line `NAME: VALUE`."""
    found = re.search(rf"^ *{re.escape(name)}: (.*)$", text, re.MULTILINE)
    assert found, f"no {name} in:\n{text}"
    return found[1]


def seconds(text: str) -> float:
    """A span as systemd writes one, such as `+1.234ms`."""
    found = re.fullmatch(r"([-+]?)([0-9.]+)(us|ms|s)", text)
    assert found, f"not a span: {text}"
    return float(f"{found[1]}{found[2]}") * {"us": 1e-6, "ms": 1e-3, "s": 1.0}[found[3]]


def golden(name: str) -> str:
    """An introspection as the source tree has it."""
    return client.succeed(f"cat /run/vm-test/dbus/{name}.xml")


start_all()
client.wait_for_unit("multi-user.target")
server.succeed("systemctl start ntpd-rs")
client.succeed("systemctl enable --now systemd-timesyncd")
before = set(client.succeed(FILES).splitlines())

with subtest("it takes the place of systemd-timesyncd, and runs"):
    client.install("ntpd-rs_2*.deb")
    client.require_unit_state("ntpd-rs.service")
    client.fail("systemctl is-active systemd-timesyncd")
    client.fail("dpkg -s systemd-timesyncd | grep 'Status: install ok installed'")
    assert client.succeed("systemctl is-enabled ntpd-rs").strip() == "enabled"
    client.succeed("ntp-ctl validate")
    client.show("systemctl status --no-pager -n 0 ntpd-rs", "systemctl show -p Type,WatchdogUSec ntpd-rs")

with subtest("without its servers it says that the clock is not synchronized"):
    assert client.succeed("timedatectl show -p NTPSynchronized --value").strip() == "no"
    assert client.succeed("systemctl show -p StatusText --value ntpd-rs").startswith("Not synchronized")

with subtest("a source in a drop-in is taken by a restart, and the clock becomes right"):
    client.succeed(f"node-clock step {2 - clock_error(client)}")
    client.succeed("cp /root/server.toml /etc/ntpd-rs/ntp.toml.d/", "systemctl restart ntpd-rs")
    wait_for_clock(client, within=bound, timeout=120)
    client.wait_until_succeeds("test $(timedatectl show -p NTPSynchronized --value) = yes", timeout=30)

with subtest("systemctl status says how right the clock is"):
    line = value(client.show("systemctl status --no-pager -n 0 ntpd-rs"), "Status")
    assert line.startswith('"Synchronized to within'), line

with subtest("timedatectl tells the truth"):
    told = client.show("timedatectl status", "timedatectl timesync-status", "timedatectl show-timesync")
    own = told_by_daemon()
    assert value(told, "System clock synchronized") == "yes"
    assert value(told, "NTP service") == "active"
    assert "(server)" in value(told, "Server"), told
    assert value(told, "Leap") == "normal"
    assert value(told, "Stratum") == "1"
    # Of one measurement, which is wrong by half of its delay at the most; how right the clock is was asked before.
    assert abs(seconds(value(told, "Offset"))) <= seconds(value(told, "Delay")) / 2 + bound, told
    frequency = float(value(told, "Frequency").removesuffix("ppm"))
    log.line(f"frequency: timedatectl {frequency} ppm, ntp-ctl {own['frequency_ppm']:.3f} ppm")
    assert "ServerName=server" in told, told

with subtest("the bus tells what the source tree says that it tells"):
    for name, path in (("org.freedesktop.timesync1", "/org/freedesktop/timesync1"), ("org.ntpd_rs1", "/org/ntpd_rs1")):
        xml = client.succeed(f"busctl introspect --xml-interface {name} {path}")
        assert xml.strip() == golden(f"{name}.Manager").strip(), f"{name}:\n{xml}"
    client.show(f"busctl introspect {TIMESYNC}", "busctl introspect org.ntpd_rs1 /org/ntpd_rs1 org.ntpd_rs1.Manager")

with subtest("servers given at run time are ordinary sources, shown with their origin"):
    client.show(f"{SET_SERVERS} 1 {server.node.address}", f"busctl get-property {TIMESYNC} RuntimeNTPServers")
    client.wait_until_succeeds("ntp-ctl status -f json | grep '\"runtime\"'", timeout=20)
    client.succeed(f"{SET_SERVERS} 0")
    client.wait_until_fails("ntp-ctl status -f json | grep '\"runtime\"'", timeout=20)

with subtest("whoever is nobody may look and may give no orders"):
    client.succeed(f"{PLAIN_USER} busctl get-property {TIMESYNC} ServerName", f"{PLAIN_USER} ntp-ctl status")
    refused = client.show(f"{PLAIN_USER} {SET_SERVERS} 1 192.0.2.1 2>&1 || true")
    assert re.search(r"[Aa]ccess denied|[Aa]uthentication required|[Nn]ot authorized", refused), refused
    assert "192.0.2.1" not in client.succeed("ntp-ctl status -f json")
    client.fail(f"{PLAIN_USER} ntp-ctl force-sync")

with subtest("the journal has fields and numbers of messages"):
    entry = client.show(f"journalctl -u ntpd-rs -o verbose --no-pager -n 1 MESSAGE_ID={FIRST_SYNCHRONIZATION}")
    assert "MESSAGE=" in entry, entry
    fields = client.show(
        "journalctl -u ntpd-rs -o verbose --no-pager | grep -oE '^ *NTPD_RS_[A-Z_]+=.*' | sort | uniq | tail -n 12"
    )
    assert "NTPD_RS_SOURCE=" in fields, fields
    explained = client.succeed(f"journalctl -u ntpd-rs -x --no-pager -n 1 MESSAGE_ID={FIRST_SYNCHRONIZATION}")
    assert "░░" in explained, explained

with subtest("the sandbox is as tight as the manual says"):
    for unit, most in (("ntpd-rs", 2.1), ("ntpd-rs-metrics", 1.0)):
        last = client.succeed(f"systemd-analyze security --no-pager {unit} | tail -n 1").strip()
        log.line(last)
        exposure = float(last.split(": ")[-1].split()[0])
        assert exposure <= most, last

with subtest("the exporter serves this machine"):
    client.succeed("systemctl start ntpd-rs-metrics")
    client.wait_for_open_port(9975, "127.0.0.1")
    page = client.succeed(
        "python3 -c 'import urllib.request as r; print(r.urlopen(\"http://127.0.0.1:9975/metrics\").read().decode())'"
    )
    assert "ntp_system_stratum" in page, page

with subtest("timedatectl set-ntp stops and starts it"):
    client.show("timedatectl set-ntp false", "timedatectl status")
    assert client.get_unit_property("ntpd-rs.service", "ActiveState") == "inactive"
    client.fail("systemctl is-enabled --quiet ntpd-rs")
    client.show("timedatectl set-ntp true", "timedatectl show -p NTP,CanNTP")
    client.wait_for_unit("ntpd-rs.service")
    client.succeed("systemctl is-enabled --quiet ntpd-rs")
    wait_for_clock(client, within=bound, timeout=60)

with subtest("after removal its configuration is there, and nothing runs"):
    client.succeed("DEBIAN_FRONTEND=noninteractive apt-get -qy remove ntpd-rs", timeout=120)
    client.succeed("test -e /etc/ntpd-rs/ntp.toml", "test -d /var/lib/ntpd-rs")
    client.fail("pgrep ntp- || ls /run/ntpd-rs || ls /run/systemd/timesync")
    client.fail("test -e /usr/bin/ntp-daemon || systemctl cat ntpd-rs")

with subtest("after a purge nothing of it is left"):
    client.succeed("rm /etc/ntpd-rs/ntp.toml.d/server.toml")
    client.succeed("DEBIAN_FRONTEND=noninteractive apt-get -qy purge ntpd-rs", timeout=120)
    left = sorted(set(client.succeed(FILES).splitlines()) - before)
    log.line(f"files that were not there before: {left or 'none'}")
    assert not left, left
