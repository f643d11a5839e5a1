"""The package is upgraded while it runs: configuration, state and a right clock stay, and what is off stays off."""

DOWNGRADE = (
    "DEBIAN_FRONTEND=noninteractive apt-get -qy -o Dpkg::Use-Pty=0 -o Dpkg::Options::=--force-confold "
    "--allow-downgrades install /run/vm-test/packages/ntpd-rs_1.99*.deb"
)


def version() -> str:
    """The one that is installed."""
    return client.succeed("dpkg-query -W -f '${Version}' ntpd-rs")


start_all()
client.wait_for_unit("multi-user.target")
server.succeed("systemctl start ntpd-rs")
client.install("ntpd-rs_1.99*.deb")

with subtest("the earlier version makes the clock right"):
    client.succeed("echo '# mine' >> /etc/ntpd-rs/ntp.toml", "cp /root/server.toml /etc/ntpd-rs/ntp.toml.d/")
    client.succeed(f"node-clock step {2 - clock_error(client)}", "systemctl restart ntpd-rs")
    wait_for_clock(client, within=bound, timeout=60)
    client.succeed("systemctl start ntpd-rs-metrics", "sleep 60")

with subtest("an upgrade starts the new version, and the clock stays right"):
    started, older, seen = client.get_unit_property("ntpd-rs.service", "MainPID"), version(), len(clock_record(client))
    kept = client.succeed("ls /var/lib/ntpd-rs").split()
    client.install("ntpd-rs_2*.deb")
    log.line(f"{older} was upgraded to {version()}; state: {kept}")
    client.require_unit_state("ntpd-rs.service")
    client.require_unit_state("ntpd-rs-metrics.service")
    assert client.get_unit_property("ntpd-rs.service", "MainPID") != started
    assert version() != older
    client.succeed("grep '# mine' /etc/ntpd-rs/ntp.toml", "ntp-ctl validate")
    assert "clock" in kept, "the last good time is kept after a minute"
    client.succeed(*(f"test -e /var/lib/ntpd-rs/{name}" for name in kept))
    client.succeed("sleep 30")
    errors = [error for _, error in clock_record(client)[seen:]]
    log.line(f"worst true error from before the upgrade to half a minute after: {max(map(abs, errors)) * 1e6:.0f} µs")
    assert max(map(abs, errors)) < bound, f"true error of {max(errors, key=abs) * 1e3:.3f} ms"
    client.succeed("ntp-ctl status --check")

with subtest("what is switched off stays off"):
    client.succeed("timedatectl set-ntp false")
    client.succeed(DOWNGRADE, timeout=300)
    assert version() == older
    client.install("ntpd-rs_2*.deb")
    assert version() != older
    assert client.get_unit_property("ntpd-rs.service", "ActiveState") == "inactive"
    client.fail("systemctl is-enabled --quiet ntpd-rs")

with subtest("switched on, the new version makes the clock right"):
    client.succeed("timedatectl set-ntp true")
    wait_for_clock(client, within=bound, timeout=60)
