"""A daemon without the right to set the clock says so; one that has it corrects what others do to the clock."""

PLAIN_USER = "setpriv --reuid=nobody --regid=nogroup --clear-groups"

start_all()
client.wait_for_unit("multi-user.target")
server.succeed("systemctl start chrony")
client.succeed(f"node-clock step {2 - clock_error(client)}")

with subtest("without the right the daemon ends with 77 and names both remedies"):
    for caller in (PLAIN_USER, f"{PLAIN_USER} unshare -Ur"):
        status, said = client.execute(f"timeout 20 {caller} ntp-daemon -c /etc/ntpd-rs/ntp.toml 2>&1")
        assert status == 77, f"{caller}: {status}: {said}"
        assert "CAP_SYS_TIME" in said, f"{caller}: {said}"
        assert "--no-clock-control" in said, f"{caller}: {said}"

with subtest("in a user namespace the capability is there and the clock is out of reach all the same"):
    capabilities = client.succeed("unshare -Ur grep CapEff /proc/self/status").split()[1]
    assert int(capabilities, 16) >> 25 & 1, capabilities
    status, said = client.execute("timeout 20 unshare -Ur ntp-daemon -c /etc/ntpd-rs/ntp.toml 2>&1")
    assert status == 77, f"{status}: {said}"

with subtest("auto warns once, measures, and leaves the clock alone"):
    client.succeed("systemd-run --unit=auto --uid=nobody -p RuntimeDirectory=auto ntp-daemon -c /etc/ntpd-rs/auto.toml")
    client.wait_for_file("/run/auto/observe", timeout=20)
    client.wait_until_succeeds("ntp-ctl -c /etc/ntpd-rs/auto.toml status | grep -E -e '-(2.00|1.99)'", timeout=60)
    warnings = client.succeed("journalctl -u auto -o cat | grep -c 'without setting the clock'")
    assert warnings.strip() == "1", warnings
    assert abs(clock_error(client) - 2) < 0.01
    client.succeed("systemctl stop auto")
    assert client.get_unit_property("auto.service", "Result") == "success"

with subtest("with the right the clock becomes right"):
    client.succeed("systemctl start ntpd-rs")
    wait_for_clock(client, within=bound, timeout=120)

with subtest("a clock set by somebody else is noticed and corrected at once"):
    client.succeed("date -s '+5 seconds'")
    wait_for_clock(client, within=0.1, timeout=20)
    wait_for_clock(client, within=bound, timeout=90)
    client.succeed("journalctl -u ntpd-rs -o cat | grep -i 'set\\|stepped'")
    client.require_unit_state("ntpd-rs.service")
