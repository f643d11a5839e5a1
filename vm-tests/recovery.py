"""What hangs is restarted, what is killed keeps what it learnt, what was refused stays ended; the packaged unit."""

import json

CERTIFICATE = (
    "cd /etc/ntpd-rs && openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 -subj /CN=server "
    "-addext subjectAltName=DNS:server -keyout server.key -out server.pem"
)
# CLOCK_REALTIME against the raw clock, which nothing sets: only this node's own steps and slews change it.
OWN_CLOCK = (
    "python3 -c 'import time; print(time.clock_gettime(time.CLOCK_REALTIME) - "
    "time.clock_gettime(time.CLOCK_MONOTONIC_RAW))'"
)
STATE = "cd /var/lib/ntpd-rs && sha256sum drift nts-sessions nts-keys 2>/dev/null || true"


def show(properties: str) -> dict[str, str]:
    """Properties of the daemon's unit."""
    lines = client.succeed(f"systemctl show -p {properties} ntpd-rs").splitlines()
    return dict(line.split("=", 1) for line in lines)


def source() -> dict[str, str]:
    """The one source, as the daemon tells of it."""
    sources = json.loads(client.succeed("ntp-ctl status -f json"))["sources"]
    return next(each for each in sources if each["name"].startswith("server"))


def key_exchanges() -> int:
    """How many key exchanges the server has completed."""
    listener = json.loads(server.succeed("ntp-ctl status -f json"))["key_exchange_servers"][0]
    return int(listener["ended"].get("completed", 0))


def wait_for_source() -> None:
    """Waits until the source is used, with NTS."""
    client.wait_until_succeeds("ntp-ctl status -f json | grep '\"system-peer\"'", timeout=90)
    assert source()["nts"], source()


start_all()
client.wait_for_unit("multi-user.target")
server.succeed(CERTIFICATE, "systemctl start ntpd-rs")
client.install("ntpd-rs_2*.deb")
for name in ("server.pem", "server.key"):
    content = server.succeed(f"cat /etc/ntpd-rs/{name}")
    client.succeed(f"cat > /etc/ntpd-rs/{name} <<'END'\n{content}END", f"chgrp ntpd-rs /etc/ntpd-rs/{name}")
client.succeed("cp /root/server.toml /etc/ntpd-rs/ntp.toml.d/", "ntp-ctl validate")

with subtest("it follows its server with NTS"):
    client.succeed(f"node-clock step {2 - clock_error(client)}", "systemctl restart ntpd-rs")
    wait_for_source()
    wait_for_clock(client, within=bound, timeout=60)

with subtest("the watchdog restarts a daemon that hangs"):
    before = show("MainPID,NRestarts")
    client.succeed(f"kill -STOP {before['MainPID']}")
    client.wait_until_succeeds(f"test $(systemctl show -p MainPID --value ntpd-rs) -gt {before['MainPID']}", timeout=60)
    client.wait_for_unit("ntpd-rs.service")
    after = show("MainPID,NRestarts")
    assert int(after["NRestarts"]) == int(before["NRestarts"]) + 1, after
    client.show("journalctl -u ntpd-rs -o cat --no-pager | grep -i watchdog | head -n 2")

with subtest("a daemon that goes on is left alone"):
    client.succeed("sleep 20")
    assert show("MainPID,NRestarts") == after

with subtest("killed, it keeps drift, keys and cookies, and needs no key exchange"):
    wait_for_source()
    for name in ("nts-sessions", "drift"):
        client.wait_for_file(f"/var/lib/ntpd-rs/{name}", timeout=400)
    kept, exchanges = client.show(STATE), key_exchanges()
    client.succeed("systemctl kill -s KILL ntpd-rs")
    client.wait_until_succeeds(f"test $(systemctl show -p MainPID --value ntpd-rs) -gt {after['MainPID']}", timeout=30)
    client.wait_for_unit("ntpd-rs.service")
    wait_for_source()
    now = client.show(STATE)
    for name in ("nts-keys", "drift"):
        lines = [line for line in kept.splitlines() if line.endswith(f"  {name}")]
        assert lines, kept
        assert all(line in now for line in lines), now
    log.line(f"key exchanges at the server: {exchanges} before, {key_exchanges()} after")
    assert key_exchanges() == exchanges
    # No cookie is sent twice: they are gone from the disk before the first one is used.
    assert "nts-sessions" not in now, now
    assert max(abs(error) for error in clock_errors(client, seconds=10)) < bound

with subtest("a mistake in the configuration ends it with 78, and it is not restarted"):
    client.succeed("echo 'nonsense = 1' > /etc/ntpd-rs/ntp.toml.d/nonsense.toml")
    client.fail("systemctl restart ntpd-rs")
    client.succeed("sleep 5")
    assert show("ActiveState,ExecMainStatus") == {"ActiveState": "failed", "ExecMainStatus": "78"}
    client.show("journalctl -u ntpd-rs -o cat --no-pager -n 5")
    client.succeed("rm /etc/ntpd-rs/ntp.toml.d/nonsense.toml", "systemctl start ntpd-rs")

with subtest("where it must set the clock and may not, it ends with 77, and is not restarted"):
    client.succeed(
        "printf '[clock]\\nclock-control = true\\n' > /etc/ntpd-rs/ntp.toml.d/control.toml",
        "printf '[Service]\\nAmbientCapabilities=\\nAmbientCapabilities=CAP_NET_BIND_SERVICE\\n'"
        " > /etc/systemd/system/ntpd-rs.service.d/no-right.conf",
        "systemctl daemon-reload",
    )
    client.fail("systemctl restart ntpd-rs")
    client.succeed("sleep 5")
    assert show("ActiveState,ExecMainStatus") == {"ActiveState": "failed", "ExecMainStatus": "77"}
    client.succeed(
        "rm /etc/ntpd-rs/ntp.toml.d/control.toml /etc/systemd/system/ntpd-rs.service.d/no-right.conf",
        "systemctl daemon-reload",
        "systemctl start ntpd-rs",
    )

with subtest("a step that was refused ends it for good, and the clock is as it was"):
    wait_for_source()
    own = float(client.succeed(OWN_CLOCK))
    server.succeed("node-clock step 100")
    client.wait_until_succeeds("test $(systemctl show -p ActiveState --value ntpd-rs) = failed", timeout=180)
    assert show("ExecMainStatus")["ExecMainStatus"] == "70"
    client.succeed("sleep 10")
    assert show("ActiveState,ExecMainStatus") == {"ActiveState": "failed", "ExecMainStatus": "70"}
    moved = float(client.succeed(OWN_CLOCK)) - own
    log.line(f"own clock moved by {moved * 1e3:.3f} ms, and is {clock_error(client):.3f} s off")
    assert abs(moved) < 0.01
    client.show("systemctl status --no-pager -n 3 ntpd-rs || true")
