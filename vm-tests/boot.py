"""At boot: a clock before the last good time goes forward at once, and time-sync.target waits until it is right."""

import time

WAIT = "systemd-time-wait-sync"
# Debian 13 has it in the package of systemd-timesyncd, which ours replaces; it works with whatever tells the same.
KEEP_WAIT = (
    f"if dpkg -S {WAIT}.service | grep -q timesyncd; then mkdir -p /root/kept && cp /usr/lib/systemd/{WAIT} "
    f"/usr/lib/systemd/system/{WAIT}.service /root/kept; fi"
)
PUT_WAIT_BACK = (
    f"if [ -d /root/kept ]; then cp /root/kept/{WAIT}.service /etc/systemd/system/ && cp /root/kept/{WAIT} "
    f"/usr/lib/systemd/; fi; systemctl daemon-reload; systemctl enable {WAIT}"
)


def node_time_of(unit: str, moment: str) -> float:
    """When something happened to a unit, by the time.monotonic() of this script."""
    at = int(client.get_unit_property(unit, moment)) * 1e-6
    uptime = float(client.succeed("cut -d ' ' -f 1 /proc/uptime"))
    return time.monotonic() - uptime + at


start_all()
client.wait_for_unit("multi-user.target")
client.succeed(KEEP_WAIT)
client.install("ntpd-rs_2*.deb")
client.succeed(
    PUT_WAIT_BACK, "systemctl enable wrong-clock ntpd-rs-wait", "cp /root/server.toml /etc/ntpd-rs/ntp.toml.d/"
)

with subtest("the last good time is kept"):
    server.succeed("systemctl start ntpd-rs")
    client.succeed(f"node-clock step {2 - clock_error(client)}", "systemctl restart ntpd-rs")
    wait_for_clock(client, within=bound, timeout=90)
    client.succeed("systemctl stop ntpd-rs")
    good = float(client.show("stat -c %Y /var/lib/ntpd-rs/clock"))
    assert abs(good - float(client.succeed("date +%s"))) < 70
    server.succeed("systemctl stop ntpd-rs")

with subtest("a clock of 1970 goes forward to it before anything that waits for a set clock"):
    client.succeed("echo 'date -s @1000000' > /root/wrong-clock", "sync")
    client.reboot()
    client.wait_for_unit("ntpd-rs.service")
    now = float(client.succeed("date +%s"))
    log.line(f"last good time {good:.0f}, the clock after boot {now:.0f}")
    assert good <= now < good + 300, now
    client.require_unit_state("time-set.target")

with subtest("time-sync.target is not reached while there is no server"):
    assert client.succeed("timedatectl show -p NTPSynchronized --value").strip() == "no"
    for unit in (WAIT, "ntpd-rs-wait"):
        assert client.get_unit_property(unit, "ActiveState") == "activating", unit
    client.require_unit_state("time-sync.target", "inactive")

with subtest("booted with a clock that is 2 s off, it waits until the clock is right, and no longer"):
    client.succeed("echo 'node-clock step -2' > /root/wrong-clock", "sync")
    client.reboot()
    client.wait_for_unit("ntpd-rs.service")
    assert abs(clock_error(client)) > 1
    client.succeed("sleep 10")
    assert client.get_unit_property(WAIT, "ActiveState") == "activating"
    began = time.monotonic()
    server.succeed("systemctl start ntpd-rs")
    client.wait_until_succeeds("systemctl is-active time-sync.target", timeout=180)
    time.sleep(5)
    record = [(moment, error) for moment, error in clock_record(client) if moment >= began]
    right = max((moment for moment, error in record if abs(error) > 0.01), default=began)
    for unit in (WAIT, "ntpd-rs-wait"):
        ended = node_time_of(unit, "ExecMainExitTimestampMonotonic")
        log.line(
            f"the clock was wrong {right - began:.1f} s after the server came, {unit} ended after {ended - began:.1f} s"
        )
        assert right - 0.3 <= ended <= right + 20, unit
    client.show("systemctl list-units --no-legend --no-pager time-set.target time-sync.target")
    assert client.succeed("timedatectl show -p NTPSynchronized --value").strip() == "yes"
